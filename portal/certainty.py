"""Before one writes: who reads at this address, whether mail may be encrypted to it, when a letter last passed."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.address import Address
from core.clock import epoch_ms
from core.errors import BadInput
from mail.encryption import is_known
from mail.sent import ANSWERED, DELIVERED, READ
from mail.timeline import latest_sent
from portal.contacts import Contact, contacts
from portal.inbox import latest_heard
from portal.sent import LISTED
from portal.services import Services
from portal.session import Visitor

_ARRIVED = frozenset({DELIVERED, READ, ANSWERED})


@dataclass(frozen=True, slots=True, repr=False)
class Cue:
    """`contact`: of the annuaire, None where it does not know the address; `certified`: a certificate is known; `last`:
    epoch ms of the latest letter that arrived, from one to the other, 0 where none of late did."""

    contact: Contact | None
    certified: bool
    last: int


class Certainty:
    """For the visitor's own mailbox."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, visitor: Visitor, text: str) -> Cue | None:
        """None where it is no address. The look at the letters is in the trail before. Raises DatabaseDown."""
        try:
            address = Address.parse(text)
        except BadInput:
            return None
        services = self._services
        found = services.annuaire.search(address.key, limit=1) if services.annuaire else []
        exact = [one for one in found if any(box.address == address.key for box in one.card.boxes)]
        known = contacts(services, exact)
        certified = services.db.read(is_known, services.keyring, address)
        return Cue(known[0] if known else None, certified, services.db.run(self._last, visitor, address.key))

    def _last(self, session: Session, visitor: Visitor, address: str) -> int:
        services = self._services
        heard = [meta.received_at for meta in latest_heard(session, services, visitor) if meta.from_.lower() == address]
        sent = latest_sent(session, services.keyring, visitor.mailbox_id, LISTED)
        arrived = [event for one in sent for event in one.events if event.kind in _ARRIVED]
        return max(heard + [epoch_ms(one.at) for one in arrived if one.recipient.lower() == address], default=0)
