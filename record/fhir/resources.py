"""Documents, their list, their patient, the mails that brought them, and who read: each as a FHIR R4 resource. Pure."""

import base64
from typing import Any

from directory.patients import Identity
from record.access import Shown, Trace
from record.documents import SUPERSEDED
from record.fhir.words import MASKED, Resource, category_of, hl7_time, instant, label_of, own_id, type_of
from record.visibility import Ground, codes_of

_SEX = {"M": "male", "F": "female"}
_PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_WHY = {
    Ground.OWN: ("PATRQT", "patient requested"),
    Ground.REPRESENTATIVE: ("FAMRQT", "family requested"),
    Ground.CONSENT: ("TREAT", "treatment"),
    Ground.MESSAGE: ("TREAT", "treatment"),
    Ground.EMERGENCY: ("ETREAT", "Emergency Treatment"),
}
_ACTS = {"read": "R", "list": "R", "search": "R", "show": "R", "file": "C", "mask": "U", "unmask": "U", "remove": "D"}


def document(shown: Shown, patient_id: int) -> Resource:
    """A DocumentReference; its content is at `Binary/<id>`, and linked where it was not copied."""
    row, meta = shown.row, shown.meta
    if meta is None:
        raise ValueError("a document without meta-data is shown to nobody")
    attachment: Resource = {"contentType": meta.media_type, "url": f"Binary/{row.id}", "size": meta.size}
    attachment |= {"title": meta.title} if meta.title else {}
    created = hl7_time(meta.effective_time)
    attachment |= {"creation": created} if created else {}
    found: Resource = {
        "resourceType": "DocumentReference",
        "id": str(row.id),
        "meta": {"lastUpdated": instant(row.filed_at)},
        "masterIdentifier": own_id(meta.document_id) if meta.document_id else None,
        "status": "superseded" if row.state == SUPERSEDED else "current",
        "type": type_of(meta.type_code, meta.title),
        "category": category_of(meta.type_code),
        "subject": {"reference": f"Patient/{patient_id}"},
        "date": instant(row.filed_at),
        "author": [{"display": name} for name in meta.authors],
        "relatesTo": [{"code": "replaces", "target": {"identifier": own_id(id_)}} for id_ in meta.replaces],
        "securityLabel": [label_of(c) for c in dict.fromkeys((*_said(meta.confidentiality), *codes_of(row.mask)))],
        "content": [{"attachment": attachment}],
    }
    return {name: value for name, value in found.items() if value}


def binary(document_id: int, media_type: str, content: bytes) -> Resource:
    return {
        "resourceType": "Binary",
        "id": str(document_id),
        "contentType": media_type,
        "data": base64.b64encode(content).decode(),
    }


def folder(patient_id: int, documents: tuple[Shown, ...], at: int) -> Resource:
    """The record as a List, under the patient's id."""
    entries = [{"item": {"reference": f"DocumentReference/{each.row.id}"}} for each in documents]
    found: Resource = {
        "resourceType": "List",
        "id": str(patient_id),
        "status": "current",
        "mode": "snapshot",
        "title": "Documents du dossier",
        "subject": {"reference": f"Patient/{patient_id}"},
        "date": instant(at),
    }
    if entries:
        return found | {"entry": entries}
    empty = {"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}
    return found | {"emptyReason": {"coding": [empty]}}


def patient(patient_id: int, identity: Identity) -> Resource:
    """Masked: name, sex and birth date, and that there is a number, not which."""
    hidden = {"extension": [{"url": MASKED, "valueCode": "masked"}]}
    return {
        "resourceType": "Patient",
        "id": str(patient_id),
        "identifier": [{"use": "official", "system": f"urn:oid:{identity.ins.oid}", "_value": hidden}],
        "name": [{"use": "official", "family": identity.family, "given": identity.given.split()}],
        "gender": _SEX.get(identity.sex, "unknown"),
        "birthDate": identity.birth_date,
    }


def letters(patient_id: int, documents: tuple[Shown, ...]) -> list[Resource]:
    """The mails that brought documents, each as a Communication: what it carried, never its words."""
    carried: dict[int, list[Shown]] = {}
    for each in documents:
        carried.setdefault(each.row.message_id, []).append(each)
    return [_letter(patient_id, message_id, found) for message_id, found in carried.items()]


def reading(trace: Trace, patient_id: int) -> Resource:
    """An AuditEvent. The ground of the reading is its purpose."""
    word = trace.action.rpartition(".")[2]
    kind = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110", "display": "Patient Record"}
    found: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(trace.seq),
        "type": kind,
        "subtype": [{"system": "urn:pli:action", "code": trace.action}],
        "action": _ACTS.get(word, "E"),
        "recorded": instant(trace.at),
        "outcome": "4" if trace.outcome in ("refused", "not_found") else "0",
        "outcomeDesc": trace.outcome,
        "agent": [{"who": {"display": trace.actor}, "requestor": True}],
        "source": {"observer": {"display": "Pli"}},
        "entity": [{"what": {"reference": f"Patient/{patient_id}"}}],
    }
    if trace.action.startswith("document.") and trace.ref:
        found["entity"].append({"what": {"reference": f"DocumentReference/{trace.ref}"}})
    why = _WHY.get(Ground(trace.detail)) if trace.detail in set(Ground) else None
    if why:
        found["purposeOfEvent"] = [{"coding": [{"system": _PURPOSE, "code": why[0], "display": why[1]}]}]
    return found


def _letter(patient_id: int, message_id: int, found: list[Shown]) -> Resource:
    return {
        "resourceType": "Communication",
        "id": str(message_id),
        "status": "completed",
        "subject": {"reference": f"Patient/{patient_id}"},
        "received": instant(found[0].row.filed_at),
        "payload": [{"contentReference": {"reference": f"DocumentReference/{each.row.id}"}} for each in found],
    }


def _said(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for code in codes if code)
