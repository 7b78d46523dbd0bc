"""Whom a mailbox writes to and hears from, as cards of the annuaire: for an address book of one's own."""

from sqlalchemy.orm import Session

from directory.annuaire import Annuaire
from directory.edition.card import Card
from directory.listing import by_address
from mail.timeline import latest_recipients
from portal.inbox import LISTED, latest_heard
from portal.services import Services
from portal.session import Visitor


class Correspondents:
    """The visitor's own mailbox alone."""

    def __init__(self, services: Services, annuaire: Annuaire) -> None:
        self._services = services
        self._annuaire = annuaire

    def cards(self, visitor: Visitor) -> tuple[Card, ...]:
        """Of the latest letters, by name, each with the addresses that were used. Whom the annuaire does not know, as
        no patient, is left out. The look is in the trail before. Raises DatabaseDown."""
        addresses = self._services.db.run(self._addresses, visitor)
        reader = self._annuaire.reader()
        found = [one.card for address in addresses for one in by_address(reader, address)] if reader else []
        cards = {(card.type, card.key): card for card in found}.values()
        used = (card._replace(boxes=tuple(box for box in card.boxes if box.address in addresses)) for card in cards)
        return tuple(sorted(used, key=lambda card: (card.family, card.given, card.key)))

    def _addresses(self, session: Session, visitor: Visitor) -> set[str]:
        services = self._services
        heard = {meta.from_ for meta in latest_heard(session, services, visitor)}
        written = latest_recipients(session, services.keyring, visitor.mailbox_id, LISTED)
        return {address.lower() for address in heard | written if address}
