"""`pli directory`: the annuaire of professionals and structures."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, progress_bar, run, show

app = typer.Typer(help="The annuaire: professionals, structures, their mailboxes.", no_args_is_help=True)

Words = Annotated[list[str], typer.Argument(help="Name, place, profession, RPPS, FINESS or address, in any order.")]
Profession = Annotated[str, typer.Option("--profession", help="Only this profession or speciality.")]
Where = Annotated[str, typer.Option("--place", help="Only this town, postcode or department.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most entries shown.")]


@app.command("generate")
def generate(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
    activities: Annotated[int, typer.Option(min=1, max=20_000_000, help="Lines of the RPPS file.")] = 2_000_000,
    mailboxes: Annotated[int, typer.Option(min=1, max=5_000_000, help="Lines of the MSSanté file.")] = 540_000,
    home: Home = DEFAULT_HOME,  # noqa: ARG001  every command takes it
    as_json: AsJson = False,
) -> None:
    """Write invented national files, in the forms of the real ones, into a folder."""
    from directory.national import FILES
    from directory.national import generate as write

    with progress_bar() as progress:
        counts = write(folder, seed=seed, activities=activities, mailboxes=mailboxes, progress=progress)
    made = [{"file": str(folder / FILES[kind]), "kind": kind, "lines": lines} for kind, lines in counts.items()]
    show(made, as_json)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Extractions, zipped or not, in any order.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare and count, change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Take one that has shrunk or has hostile lines.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take extractions into use; the edition before serves until then."""
    names = [str(path.absolute()) for path in files]
    done = run(home, "directory.import", files=names, dry_run=dry_run, force=force)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    show([{name: value for name, value in one.items() if name != "rejections"} for one in done["files"]], as_json=False)
    for one in done["files"]:
        for rejection in one["rejections"][:20]:
            print(f"{one['file']}: line {rejection['line']}: {rejection['reason']}")
    if done["finished_earlier"]:
        print("an earlier import had been cut short: it is finished now")
    print("nothing written (dry run)" if dry_run else "in use" if done["changed"] else "nothing changed")


@app.command("search")
def search(
    text: Words,
    profession: Profession = "",
    place: Where = "",
    limit: Limit = 10,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Find people and structures as one types."""
    words = {"text": " ".join(text), "profession": profession, "place": place, "limit": limit}
    found = run(home, "directory.search", **words)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    show([_row(entry) for entry in found["entries"]], as_json=False, empty="nobody found")
    print(f"{len(found['entries'])} found in {found['milliseconds']:.1f} ms", file=sys.stderr)


@app.command("show")
def show_one(
    key: Annotated[str, typer.Argument(help="An address, an RPPS or a FINESS number.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """One entry whole: places, mailboxes, what imports changed."""
    found = run(home, "directory.show", key=key)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name in ("name", "profession", "specialty", "rpps", "finess"):
        print(f"{name:>10}  {found[name]}")
    for box in found["mailboxes"]:
        print(f"{box['kind']:>10}  {box['address']}")
    show(found["places"], as_json=False, empty="no place")
    show(found["history"], as_json=False, empty="no change noted")


@app.command("export")
def export(
    text: Words,
    form: Annotated[str, typer.Option("--format", help="csv or vcard.")] = "csv",
    profession: Profession = "",
    place: Where = "",
    limit: Limit = 100,
    home: Home = DEFAULT_HOME,
) -> None:
    """Write what a search finds as CSV or vCard, on standard output."""
    words = {"text": " ".join(text), "profession": profession, "place": place, "limit": limit}
    sys.stdout.write(run(home, "directory.export", format=form, **words)["text"])


@app.command("publish")
def publish(
    address: Annotated[str, typer.Argument(help="A mailbox of ours.")],
    carrier: Annotated[str, typer.Option(help="practitioner, role or organization.")],
    carrier_id: Annotated[str, typer.Option("--id", help="National id, activity or structure id of the carrier.")],
    service: Annotated[str, typer.Option(help="Service of an organisational mailbox.")] = "",
    rank: Annotated[int, typer.Option(min=1, max=99, help="1: the preferred mailbox of the carrier.")] = 1,
    person: Annotated[str, typer.Option(help="Of a role: national id of whom the activity is.")] = "",
    red_list: Annotated[bool, typer.Option("--red-list", help="Keep it unpublished for good.")] = False,
    off: Annotated[bool, typer.Option("--off", help="End the publication.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Publish a mailbox in the annuaire, or end its publication."""
    asked = {"carrier": carrier, "id": carrier_id, "service": service, "rank": rank, "red_list": red_list, "off": off}
    print(run(home, "directory.publish", address=address, person=person, **asked)["state"])


@app.command("publications")
def publications(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """What we publish, what the national annuaire took of it, and why not."""
    show(run(home, "directory.publications"), as_json, empty="nothing published")


@app.command("tell")
def tell(home: Home = DEFAULT_HOME) -> None:
    """Tell the national annuaire again what it does not hold as we decided."""
    print(f"{run(home, 'directory.tell')['waiting']} to be told")


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    boxes = ", ".join(f"{box['address']} [{box['kind']}]" for box in entry["mailboxes"])
    return {name: entry[name] for name in ("name", "profession", "place", "rpps", "finess")} | {"mailboxes": boxes}
