"""`pli record`: what was filed, what waits to be reconciled, who has read."""

import json
from typing import Annotated

import typer

from ops.cli import glass as cli_glass
from ops.cli import unpack as cli_unpack
from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Documents of the patient record.", no_args_is_help=True)
app.command("unpack")(cli_unpack.unpack)
app.add_typer(cli_glass.app, name="glass")

By = Annotated[str, typer.Option("--by", help="Login of the person who asks; the access is traced under it.")]


@app.command("list")
def list_documents(by: By, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The documents that this person may see, with their state."""
    show(run(home, "record.list", by=by), as_json, "no document")


@app.command("consent")
def consent(
    answer: Annotated[str, typer.Argument(help="oui or non.")],
    by: Annotated[str, typer.Option("--by", help="The patient's login.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Write down a patient's answer, given in person."""
    print(json.dumps(run(home, "record.consent", by=by, answer=answer), ensure_ascii=False))


@app.command("reconcile")
def reconcile(
    document: Annotated[int, typer.Argument(help="The document's id, as `pli record list` shows it.")],
    decision: Annotated[str, typer.Argument(help="file or refuse.")],
    by: By,
    home: Home = DEFAULT_HOME,
) -> None:
    """Decide on a document whose identity disagreed; the decision is traced."""
    print(json.dumps(run(home, "record.reconcile", document=document, decision=decision, by=by), ensure_ascii=False))


@app.command("undo")
def undo(
    document: Annotated[int, typer.Argument(help="The document's id.")], by: By, home: Home = DEFAULT_HOME
) -> None:
    """Take a decision of `pli record reconcile` back: the document waits again."""
    print(json.dumps(run(home, "record.undo", document=document, by=by), ensure_ascii=False))


@app.command("mask")
def mask(
    document: Annotated[int, typer.Argument(help="The document's id.")],
    mark: Annotated[str, typer.Argument(help="professionals, patient or representatives.")],
    by: By,
    off: Annotated[bool, typer.Option("--off", help="Show it again.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Hide a document from professionals, from the legal representatives, or from the patient until it is announced."""
    arguments = {"document": document, "mark": mark, "by": by, "off": off}
    print(json.dumps(run(home, "record.mask", **arguments), ensure_ascii=False))


@app.command("remove")
def remove(
    document: Annotated[int, typer.Argument(help="The document's id.")], by: By, home: Home = DEFAULT_HOME
) -> None:
    """A patient takes a document out of the record: its content and key are destroyed."""
    print(json.dumps(run(home, "record.remove", document=document, by=by), ensure_ascii=False))


@app.command("search")
def search(
    words: Annotated[str, typer.Argument(help="Words; all of them have to be there.")],
    by: By,
    patient: Annotated[str, typer.Option("--patient", help="Login of another patient whose record is searched.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Documents of one record that hold these words."""
    show(run(home, "record.search", words=words, by=by, patient=patient), as_json, "nothing found")


@app.command("summary")
def summary(
    by: By,
    patient: Annotated[str, typer.Option("--patient", help="Login of another patient.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """The patient summary (IPS) as FHIR JSON: extracts with their sources, nothing concluded."""
    print(json.dumps(run(home, "record.summary", by=by, patient=patient), ensure_ascii=False, indent=1))


@app.command("trace")
def trace(by: By, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Who has read this patient's record, and when."""
    show(run(home, "record.trace", by=by), as_json, "no access yet")
