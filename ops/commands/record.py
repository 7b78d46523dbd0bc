"""`record.*`: what was filed, what waits, who has read. Every look at it is traced first, under the login given."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import from_epoch_ms
from core.errors import BadInput, Refused
from core.tables import audit
from ops.control import Progress
from ops.people import account, patient, reader
from ops.wiring import App
from record import consent as consents
from record import reconcile as reconciliation
from record.access import Shown

ANSWERS = {"oui": True, "non": False}
DECISIONS = {"file": True, "refuse": False}


def list_documents(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """A patient's own record; for anybody else, what waits for them to be reconciled."""
    who = reader(app, arguments["by"])
    if account(app, arguments["by"]).role == "patient":
        return [_row(shown) for shown in app.records.list(who, patient(app, arguments["by"]).id)]
    return [_row(shown) for shown in app.records.to_reconcile(who)]


def consent(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """The patient's answer to every open question, given in person. Raises BadInput, NotFound."""
    answer = ANSWERS.get(arguments["answer"].lower())
    if answer is None:
        raise BadInput("the answer is oui or non")
    mine = patient(app, arguments["by"])
    actor = str(account(app, arguments["by"]).id)
    asked = app.db.read(consents.open_questions, mine.id)
    for question in asked:
        done = app.db.run(consents.answer, app.trail, question.id, answer, actor, app.clock.now())
        for document_id in done.files:
            app.blobs.discard(document_id)
    return {"answered": len(asked)}


def reconcile(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """File or refuse one document. Raises BadInput, NotFound, Refused."""
    decision = DECISIONS.get(arguments["decision"])
    if decision is None:
        raise BadInput("the decision is file or refuse")
    who = account(app, arguments["by"])
    if who.role == "patient":
        raise Refused("a professional who received the document decides")
    row, files = app.db.run(
        reconciliation.decide,
        app.trail,
        app.keyring,
        int(arguments["document"]),
        decision,
        str(who.id),
        who.holder_id,
        app.clock.now(),
    )
    for document_id in files:
        app.blobs.discard(document_id)
    return {"document": str(row.id), "state": row.state}


def trace(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """Every access to this patient's record, newest last. Raises NotFound."""
    return app.db.read(_trace, patient(app, arguments["by"]).holder_id)


COMMANDS = {
    "record.list": list_documents,
    "record.consent": consent,
    "record.reconcile": reconcile,
    "record.trace": trace,
}


def _row(shown: Shown) -> dict[str, Any]:
    row, meta = shown.row, shown.meta
    return {
        "document": str(row.id),
        "state": row.state,
        "reason": row.reason,
        "type": meta.media_type if meta else "",
        "title": meta.title if meta else "",
        "message": str(row.message_id),
        "filed": from_epoch_ms(row.filed_at).isoformat(timespec="seconds"),
    }


def _trace(session: Session, holder_id: int) -> list[dict[str, Any]]:
    query = select(audit).where(audit.c.holder_id == holder_id).order_by(audit.c.seq)
    return [
        {
            "at": from_epoch_ms(entry["at"]).isoformat(timespec="seconds"),
            "account": entry["actor"],
            "action": entry["action"],
            "outcome": entry["outcome"],
            "ref": str(entry["ref"]),
        }
        for entry in session.execute(query).mappings()
    ]
