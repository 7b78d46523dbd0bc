"""Patients of this instance: a qualified identity, sealed under a key of the patient's own."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from core.ins import Ins
from core.statements import chunks
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import create_holder, holder_aad, holder_key
from directory.tables import holders, patients

_FACTS = (patients.c.id, patients.c.holder_id, patients.c.mailbox_id)
_BY_LOOKUP = select(*_FACTS).where(patients.c.lookup == bindparam("sought"))
_SEALED = select(patients.c.sealed_identity, patients.c.holder_id).where(patients.c.id == bindparam("sought"))
_BY_LOOKUPS = select(*_FACTS, patients.c.lookup).where(patients.c.lookup.in_(bindparam("sought", expanding=True)))
_ALL_SEALED = (
    select(patients.c.id, patients.c.sealed_identity, patients.c.holder_id, holders.c.wrapped_key)
    .join(holders, holders.c.id == patients.c.holder_id)
    .where(patients.c.id.in_(bindparam("sought", expanding=True)), holders.c.wrapped_key.is_not(None))
)
_DATE = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """A qualified INS and its traits: birth name, first birth given name, birth date (YYYY-MM-DD), sex (M or F).

    Raises BadInput when a trait is missing or not of its form.
    """

    ins: Ins
    family: str
    given: str
    birth_date: str
    sex: str

    def __post_init__(self) -> None:
        named = all(name.strip() and name.isprintable() and len(name) <= 100 for name in (self.family, self.given))
        if not named or not _DATE.fullmatch(self.birth_date) or self.sex not in {"M", "F"}:
            raise BadInput("identité incomplète ou mal formée", "a trait is missing or malformed")

    def __repr__(self) -> str:
        return f"Identity({self.ins.masked})"


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient's row; the identity itself is sealed, see `identity_of`."""

    id: int
    holder_id: int
    mailbox_id: int | None


def create_patient(
    session: Session, keyring: Keyring, identity: Identity, mailbox_id: int | None, now: datetime
) -> Patient:
    """Keep a *qualified* identity: the caller vouches that the national service confirmed number, OID and traits.

    Raises Refused when this INS has a patient already.
    """
    if find_patient(session, keyring, identity.ins):
        raise Refused("cette identité existe déjà", "patient exists")
    patient = Patient(new_id(), create_holder(session, keyring, "patient", now), mailbox_id)
    sealed = seal(holder_key(session, keyring, patient.holder_id), _dump(identity), _aad(patient.id))
    row = {"id": patient.id, "lookup": _lookup(keyring, identity.ins), "sealed_identity": sealed}
    session.execute(insert(patients), row | {"holder_id": patient.holder_id, "mailbox_id": mailbox_id})
    return patient


def find_patient(session: Session, keyring: Keyring, ins: Ins) -> Patient | None:
    """By INS: the number and its OID, so that a test identity never opens a real patient's record."""
    row = session.execute(_BY_LOOKUP, {"sought": _lookup(keyring, ins)}).one_or_none()
    return Patient(*row) if row else None


def find_patients(session: Session, keyring: Keyring, sought: Collection[Ins]) -> dict[Ins, Patient]:
    """`find_patient` for many in few looks; those who are unknown are left out."""
    lookups = {ins: _lookup(keyring, ins) for ins in sought}
    found: dict[bytes, Patient] = {}
    for some in chunks(list(set(lookups.values()))):
        for row in session.execute(_BY_LOOKUPS, {"sought": some}):
            found[bytes(row.lookup)] = Patient(row.id, row.holder_id, row.mailbox_id)
    return {ins: found[lookup] for ins, lookup in lookups.items() if lookup in found}


def patient_of_mailbox(session: Session, mailbox_id: int) -> Patient | None:
    """The patient to whom this mailbox belongs; None for any other kind of mailbox."""
    row = session.execute(select(*_FACTS).where(patients.c.mailbox_id == mailbox_id)).one_or_none()
    return Patient(*row) if row else None


def get_patient(session: Session, patient_id: int) -> Patient:
    """Raises NotFound."""
    row = session.execute(select(*_FACTS).where(patients.c.id == patient_id)).one_or_none()
    if row is None:
        raise NotFound("patient introuvable", "no such patient")
    return Patient(*row)


def identity_of(session: Session, keyring: Keyring, patient_id: int) -> Identity:
    """The identity, unsealed. Raises NotFound when the patient is unknown or the key destroyed."""
    return opened_identity(session, keyring, patient_id)[0]


def opened_identity(session: Session, keyring: Keyring, patient_id: int) -> tuple[Identity, bytes]:
    """The identity and the patient's holder key. Raises NotFound when the patient is unknown or the key destroyed."""
    row = session.execute(_SEALED, {"sought": patient_id}).one_or_none()
    if row is None:
        raise NotFound("patient introuvable", "no such patient")
    key = holder_key(session, keyring, row.holder_id)
    return _load(unseal(key, row.sealed_identity, _aad(patient_id))), key


def opened_identities(
    session: Session, keyring: Keyring, patient_ids: Collection[int]
) -> dict[int, tuple[Identity, bytes]]:
    """`opened_identity` for many in few looks; the forgotten are left out."""
    found = {}
    for some in chunks(list(patient_ids)):
        for row in session.execute(_ALL_SEALED, {"sought": some}):
            key = keyring.unwrap_holder(row.wrapped_key, holder_aad(row.holder_id))
            found[row.id] = _load(unseal(key, row.sealed_identity, _aad(row.id))), key
    return found


def _lookup(keyring: Keyring, ins: Ins) -> bytes:
    return keyring.blind("ins", f"{ins.oid}|{ins.canonical}")


def _aad(patient_id: int) -> bytes:
    return object_aad("patient", patient_id, 1)


def _dump(identity: Identity) -> bytes:
    traits = {"family": identity.family, "given": identity.given, "birth_date": identity.birth_date}
    whole = traits | {"sex": identity.sex, "ins": identity.ins.matricule, "oid": identity.ins.oid}
    return json.dumps(whole, ensure_ascii=False).encode()


def _load(raw: bytes) -> Identity:
    found = json.loads(raw)
    ins = Ins(found.pop("ins"), found.pop("oid"))
    return Identity(ins=ins, **found)
