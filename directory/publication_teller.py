"""Keeps the promise `directory.publish`: the national annuaire is told what we decided of a mailbox."""

from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Db
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from directory.mailboxes import address_of, get_mailbox
from directory.publication_client import NationalAnnuaire, NotTold, carrier_of
from directory.publication_patch import Mailbox, changes
from directory.publication_rows import PUBLISHED, Publication, note_told, publication_of

log = structlog.get_logger()
GONE, CLASH = "mailbox-gone", "kind-differs"


@dataclass(frozen=True, slots=True)
class _Asked:
    publication: Publication
    address: str
    kind: str


class TellPublication:
    """The handler of `directory.publish`; its ref is a mailbox. Without an API nothing is told, and nothing is lost:
    what was not told is told again by `pli directory tell`."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, annuaire: NationalAnnuaire | None) -> None:
        self._db, self._keyring, self._clock, self._annuaire = db, keyring, clock, annuaire

    def __call__(self, mailbox_id: int) -> None:
        """Harmless twice: the annuaire is looked at first. Raises NotReached to be tried again."""
        if self._annuaire is None:
            return
        try:
            asked = self._db.read(self._asked, mailbox_id)
        except NotFound:  # its key is destroyed: nobody knows the address any more
            self._db.run(note_told, mailbox_id, "", GONE, self._clock.now())
            return
        if asked is None:
            return
        fault = self._tell(self._annuaire, asked)
        self._db.run(note_told, mailbox_id, asked.publication.state, fault, self._clock.now())
        log.info("publication.told", mailbox=mailbox_id, state=asked.publication.state, fault=fault)

    def _asked(self, session: Session, mailbox_id: int) -> _Asked | None:
        found = publication_of(session, mailbox_id)
        if found is None:
            return None
        address = address_of(session, self._keyring, mailbox_id)
        return _Asked(found, address.text, get_mailbox(session, mailbox_id).kind)

    @staticmethod
    def _tell(annuaire: NationalAnnuaire, asked: _Asked) -> str:
        """The fault in one word; empty when it was told."""
        ours = asked.publication
        wanted = None
        if ours.state == PUBLISHED:
            wanted = Mailbox(asked.address, asked.kind, ours.red_list, ours.rank, ours.service)
        try:
            carrier = carrier_of(ours.carrier, ours.carrier_id)
            held = annuaire.telecoms(carrier)
            change = changes(carrier.type, held, asked.address, wanted, annuaire.encoding)
            if change is not None:
                annuaire.patch(carrier, change)
        except NotTold as refused:
            return "" if wanted is None and refused.reason == "carrier-unknown" else refused.reason
        except Refused:
            return CLASH
        return ""
