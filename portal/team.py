"""Named people on one shared mailbox: who they are, and the quick switch at the counter by a PIN of their own.

The PIN opens nothing by itself: it passes an open session of the same mailbox from one colleague to another. Five wrong
ones lock it until its owner signs in with their password again.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.passwords import hash_password, verify_password
from mail.accounts import accounts_of
from portal.sealing import open_json, seal_json
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_factors

PIN, LOCKED_AT = "pin", 5
_KIND = "web-factor"


@dataclass(frozen=True, slots=True, repr=False)
class Member:
    """One colleague. `has_pin`: may be switched to; `is_me`: who is at the post now."""

    account_id: int
    name: str
    has_pin: bool
    is_me: bool


@dataclass(frozen=True, slots=True, repr=False)
class _Pin:
    id: int
    hashed: str
    failures: int


class Team:
    """The people of one mailbox."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def members(self, visitor: Visitor) -> tuple[Member, ...]:
        """Everybody who may sign in to this mailbox."""
        return self._services.db.read(self._members, visitor)

    def set_pin(self, visitor: Visitor, pin: str) -> None:
        """One's own; replaces an earlier one and unlocks. Raises BadInput."""
        if not pin.isascii() or not pin.isdecimal() or not 4 <= len(pin) <= 8:
            raise BadInput("Le code a 4 à 8 chiffres.", "malformed PIN")
        if len(set(pin)) == 1 or pin in "0123456789" or pin in "9876543210":
            raise BadInput("Choisissez un code moins facile à deviner.", "weak PIN")
        self._services.db.run(self._set, visitor, hash_password(pin))

    def checked(self, visitor: Visitor, account_id: int, pin: str) -> int:
        """The colleague's account when the PIN is theirs. Raises Refused, NotFound (somebody of another mailbox)."""
        kept = self._services.db.read(self._pin, visitor, account_id)
        if kept is None or kept.failures >= LOCKED_AT:
            raise Refused("Ce code est bloqué ou absent : connectez-vous avec votre mot de passe.", "PIN locked")
        right = verify_password(kept.hashed, pin)
        self._services.db.run(self._note, visitor, kept, account_id, right)
        if not right:
            raise Refused("Ce n'est pas le bon code.", "wrong PIN")
        return account_id

    def _members(self, session: Session, visitor: Visitor) -> tuple[Member, ...]:
        people = [one for one in accounts_of(session, self._services.keyring, visitor.mailbox_id) if one.may_log_in]
        query = select(web_factors.c.account_id).where(web_factors.c.kind == PIN)
        ids = [one.id for one in people]
        pinned = set(session.execute(query.where(web_factors.c.account_id.in_(ids))).scalars())
        return tuple(
            Member(one.id, str(one.profile.get("name") or "Sans nom"), one.id in pinned, one.id == visitor.account_id)
            for one in people
            if one.role == "pharmacist"
        )

    def _set(self, session: Session, visitor: Visitor, hashed: str) -> None:
        now = self._services.clock.now()
        keep_pin(session, self._services.keyring, visitor.account_id, visitor.holder_id, hashed, now)
        self._trace(session, visitor, "pin.set", "allowed")

    def _pin(self, session: Session, visitor: Visitor, account_id: int) -> _Pin | None:
        if account_id not in {member.account_id for member in self._members(session, visitor)}:
            raise NotFound("Cette personne n'est pas de l'équipe.", "account of another mailbox")
        query = select(web_factors).where(web_factors.c.account_id == account_id, web_factors.c.kind == PIN)
        row = session.execute(query).one_or_none()
        if row is None:
            return None
        found = open_json(session, self._services.keyring, visitor.holder_id, row.sealed, _KIND, row.id)
        return _Pin(row.id, found["hash"], row.failures)

    def _note(self, session: Session, visitor: Visitor, kept: _Pin, account_id: int, right: bool) -> None:
        failures = 0 if right else web_factors.c.failures + 1
        session.execute(update(web_factors).where(web_factors.c.id == kept.id).values(failures=failures))
        self._trace(session, visitor, "web.switch", "allowed" if right else "refused", account_id)

    def _trace(self, session: Session, visitor: Visitor, action: str, outcome: str, ref: int | None = None) -> None:
        event = Event(visitor.actor, action, outcome, self._services.clock.now(), ref, visitor.holder_id)
        self._services.trail.record(session, event)


def keep_pin(session: Session, keyring: Keyring, account_id: int, holder_id: int, hashed: str, now: datetime) -> None:
    """The account's PIN from now on, unlocked; `hashed` is what `hash_password` made of it."""
    row_id = new_id()
    session.execute(delete(web_factors).where((web_factors.c.account_id == account_id) & (web_factors.c.kind == PIN)))
    sealed = seal_json(session, keyring, holder_id, {"hash": hashed}, _KIND, row_id)
    lookup = keyring.blind("web-pin", str(account_id))
    row = {"id": row_id, "account_id": account_id, "kind": PIN, "lookup": lookup, "sealed": sealed}
    session.execute(insert(web_factors), row | {"counter": 0, "failures": 0, "created_at": epoch_ms(now)})
