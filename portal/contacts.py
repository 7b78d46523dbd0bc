"""A card of the annuaire as somebody to write to: their mailboxes, and what makes one certain that it is them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from directory.edition.card import PERSON, Box, Card
from directory.local_domains import is_local_domain
from directory.ranking import Found
from directory.trusted import is_listed
from portal.language import N_
from portal.services import Services

KINDS = {
    "PER": N_("personnelle"),
    "ORG": N_("de l'établissement"),
    "CAB": N_("du cabinet"),
    "APP": N_("lue par un logiciel"),
}
SURE = 0.9  # a score from which everything that was typed is there as it was typed


@dataclass(frozen=True, slots=True, repr=False)
class Mailbox:
    """`trusted`: its domain is in the space of trust today, so mail to it can leave."""

    address: str
    kind: str
    preferred: bool
    trusted: bool


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """`sure`: what was typed fits exactly; otherwise the page says that it resembles."""

    card: Card
    is_person: bool
    number: str
    sure: bool
    boxes: tuple[Mailbox, ...]


def contacts(services: Services, found: Sequence[Found]) -> tuple[Contact, ...]:
    """In the order found. Raises DatabaseDown."""
    domains = {box.address.rpartition("@")[2] for each in found for box in each.card.boxes}
    trusted = services.db.read(_trusted, domains)
    return tuple(_contact(each, trusted) for each in found)


def _trusted(session: Session, domains: set[str]) -> set[str]:
    """Unit of work: those to which mail may leave."""
    return {each for each in domains if is_local_domain(session, each) or is_listed(session, each)}


def _contact(found: Found, trusted: set[str]) -> Contact:
    card = found.card
    number = f"RPPS {card.rpps}" if card.rpps else next((f"FINESS {p.finess}" for p in card.places if p.finess), "")
    boxes = tuple(_mailbox(box, trusted) for box in card.boxes)
    return Contact(card, card.type == PERSON, number, found.score >= SURE, boxes)


def _mailbox(box: Box, trusted: set[str]) -> Mailbox:
    domain = box.address.rpartition("@")[2]
    return Mailbox(box.address, KINDS.get(box.kind, box.kind), box.rank == 1, domain in trusted)
