"""Orders in the words of FHIR R4: Task for the work, MedicationDispense for each line, Communication for the mails.

Pure. Codes of the states: see the table in docs/standards.md; no patient identifier but the masked INS leaves here.
"""

from datetime import UTC, datetime
from typing import Any

from portal.cards import Card
from portal.threads import Said
from record.lines import Line
from record.orders import LABELS, State

TASK = {
    State.RECEIVED: "requested",
    State.TAKEN: "accepted",
    State.QUESTION: "on-hold",
    State.PREPARING: "in-progress",
    State.READY: "in-progress",
    State.PARTLY_READY: "in-progress",
    State.COLLECTED: "completed",
    State.NOT_DISPENSABLE: "rejected",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "failed",
}
# `in-progress` of a dispense is defined as "ready for pickup".
DISPENSE = {
    State.PREPARING: "preparation",
    State.READY: "in-progress",
    State.PARTLY_READY: "in-progress",
    State.COLLECTED: "completed",
    State.NOT_DISPENSABLE: "declined",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "stopped",
}


def task(card: Card) -> dict[str, Any]:
    """The order as a Task; `businessStatus` says the state in the pharmacy's own word."""
    order = card.order
    return {
        "resourceType": "Task",
        "id": order.number,
        "meta": {"versionId": str(order.version), "lastUpdated": instant(order.updated_at)},
        "status": TASK[order.state],
        "businessStatus": {"coding": [{"code": order.state.value}], "text": LABELS[order.state]},
        "intent": "order",
        "authoredOn": instant(order.created_at),
        "lastModified": instant(order.updated_at),
        "for": {"display": f"{card.patient.given} {card.patient.family}"},
    }


def dispenses(card: Card) -> list[dict[str, Any]]:
    """One for each confirmed line; what is not confirmed does not leave the pages."""
    owed = {each.item: each.on for each in card.owed}
    found = []
    for place, line in enumerate(card.lines, 1):
        if line.confirmed:
            found.append(_dispense(card, place, line, owed.get(f"{line.name} {line.strength}".strip())))
    return found


def communication(said: Said, number: str) -> dict[str, Any]:
    """One mail of the thread; HTML is never handed on."""
    return {
        "resourceType": "Communication",
        "id": str(said.message_id),
        "status": "completed",
        "about": [{"reference": f"Task/{number}"}],
        "sent": instant(said.at),
        "sender": {"display": "patient" if said.inward else "pharmacie"},
        "payload": [{"contentString": said.text or " "}],
    }


def bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A searchset."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": each} for each in resources],
    }


def instant(ms: int) -> str:
    """FHIR's `instant`, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dispense(card: Card, place: int, line: Line, owed_on: Any) -> dict[str, Any]:
    medicine: dict[str, Any] = {"text": f"{line.name} {line.strength}".strip()}
    if line.cis:
        medicine["coding"] = [{"system": "urn:oid:1.2.250.1.213.2.3.1", "code": line.cis}]
    found: dict[str, Any] = {
        "resourceType": "MedicationDispense",
        "id": f"{card.order.number}-{place}",
        "status": "preparation" if owed_on else DISPENSE.get(card.order.state, "preparation"),
        "medicationCodeableConcept": medicine,
        "authorizingPrescription": [{"display": f"Task/{card.order.number}"}],
    }
    if owed_on:
        found["note"] = [{"text": f"promis le {owed_on.isoformat()}"}]
    return found
