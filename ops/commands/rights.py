"""What a person does with documents and rights of a record: undo, hide, remove, search, sum up, represent."""

from typing import Any

from core.clock import epoch_ms
from core.errors import BadInput, Refused
from ops.control import Progress
from ops.people import account, patient, reader
from ops.wiring import App
from record import reconcile, representatives
from record.finding import search as search_texts
from record.interface import summary_of
from record.masking import Masking
from record.representatives import Kind, Representative
from record.visibility import Mask


def undo(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound, Refused."""
    who, now = account(app, arguments["by"]), app.clock.now()
    row = app.db.run(reconcile.undo, app.trail, int(arguments["document"]), str(who.id), who.holder_id, now)
    return {"document": str(row.id), "state": "undone"}


def mask(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound, Refused."""
    try:
        mark = Mask[str(arguments["mark"]).upper()]
    except KeyError:
        raise BadInput("the mark is professionals, patient or representatives") from None
    masking, who = Masking(app.keyring, app.trail), reader(app, arguments["by"])
    number, is_set = int(arguments["document"]), not arguments["off"]
    row = app.db.run(masking.mask, who, number, mark, is_set, app.clock.now())
    hidden = [each.name.lower() for each in Mask if each and row.mask & each and each.name]
    return {"document": str(row.id), "hidden_from": hidden}


def remove(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound, Refused."""
    masking, who = Masking(app.keyring, app.trail), reader(app, arguments["by"])
    for file in app.db.run(masking.remove, who, int(arguments["document"]), app.clock.now()):
        app.blobs.discard(file)
    return {"document": str(arguments["document"]), "state": "removed"}


def search(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """Raises NotFound, Refused."""
    texts = app.records.texts(reader(app, arguments["by"]), _whose(app, arguments))
    return [
        {
            "document": str(hit.shown.row.id),
            "title": hit.shown.meta.title if hit.shown.meta else "",
            "excerpt": hit.excerpt,
        }
        for hit in search_texts(arguments["words"], texts)
    ]


def summary(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound, Refused."""
    who, now = reader(app, arguments["by"]), epoch_ms(app.clock.now())
    whose = _whose(app, arguments)
    return summary_of(app.db, app.keyring, app.records, app.orders, who, whose, lambda: now, is_masked=False)


def represent(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound, Refused."""
    whose, other, now = patient(app, arguments["login"]), patient(app, arguments["by"]), app.clock.now()
    if other.mailbox_id is None:
        raise Refused("a representative has a mailbox")
    if arguments["end"]:
        app.db.run(representatives.dismiss, app.trail, whose.id, other.mailbox_id, "operator", now)
        return {"represented": False}
    if arguments["kind"] not in set(Kind):
        raise BadInput("the kind is parent or guardian")
    found = Representative(whose.id, other.mailbox_id, Kind(arguments["kind"]))
    app.db.run(representatives.appoint, app.keyring, app.trail, found, "operator", now)
    return {"represented": True}


COMMANDS = {
    "record.undo": undo,
    "record.mask": mask,
    "record.remove": remove,
    "record.search": search,
    "record.summary": summary,
    "patient.represent": represent,
}


def _whose(app: App, arguments: dict[str, Any]) -> int:
    return patient(app, arguments["patient"] or arguments["by"]).id
