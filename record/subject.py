"""Of whom a letter speaks: the one who wrote; else the only patient written to; else the one whom the documents name.

Pure: the patients of this house among the numbers are looked up by the caller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.ins import Ins, NotAnIns
from directory.patients import Identity, Patient
from record.letters import Letter
from record.unpack.facts import Unpacked


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """One attachment, opened."""

    part: str
    name: str
    unpacked: Unpacked


@dataclass(frozen=True, slots=True, repr=False)
class Laid:
    """A letter and its attachments, opened."""

    letter: Letter
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Of whom a letter speaks. `own`: the patient wrote it; `key` is the patient's holder key."""

    patient: Patient
    identity: Identity
    key: bytes
    own: bool


@dataclass(frozen=True, slots=True)
class Meant:
    """`several`: more than one could be meant; then nobody is, and a person has to look."""

    patient: Patient | None
    own: bool = False
    several: bool = False


def numbers(laid: Laid) -> Iterator[Ins]:
    """Every number by which a letter could mean somebody."""
    if laid.letter.sender and laid.letter.sender.ins:
        yield laid.letter.sender.ins
    yield from _written_to(laid.letter)
    yield from _claims(laid.pieces)


def meant(laid: Laid, known: Mapping[Ins, Patient]) -> Meant:
    """`known`: whoever is a patient of this house among `numbers`."""
    sender = laid.letter.sender
    if sender and sender.ins and sender.ins in known:
        return Meant(known[sender.ins], own=True)
    written_to = {known[ins].id: known[ins] for ins in _written_to(laid.letter) if ins in known}
    named = {known[ins].id: known[ins] for ins in _claims(laid.pieces) if ins in known}
    chosen = written_to or named
    if len(chosen) > 1 and len(both := {key: chosen[key] for key in chosen if key in named}) == 1:
        chosen = both
    if len(chosen) != 1:
        return Meant(None, several=len(chosen) > 1)
    return Meant(next(iter(chosen.values())))


def _written_to(letter: Letter) -> Iterator[Ins]:
    return (address.ins for address in letter.recipients if address.ins)


def _claims(pieces: tuple[Piece, ...]) -> Iterator[Ins]:
    for document in (document for piece in pieces for document in piece.unpacked.documents):
        for claim in document.claims:
            try:
                yield Ins.parse(claim.text, claim.oid)
            except NotAnIns:
                continue
