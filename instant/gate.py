"""The questions of the homeserver's module, answered from the database and traced where the answer is no."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from crypto.keyring import Keyring
from directory.tables import entries, mailboxes
from instant import codes, policy
from instant.accounts import CLOSED, verify, wanted_state
from instant.names import SERVICES, server_of, user_id
from instant.policy import YES, Decision, Person, refuse
from instant.tables import accounts, rules

Facts = Mapping[str, Any]
FAILURES_AT_MOST = 10  # wrong codes for one account before the next is not even looked at


@dataclass(frozen=True)
class House:
    """Where we are: our server name, the servers we trust, the secret of our own services."""

    server: str
    trusted: frozenset[str]
    service_secret: str


class Gate:
    """Asked from threads. `answer` never raises for what a stranger may send."""

    def __init__(self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, house: House) -> None:
        self._db, self._keyring, self._trail, self._clock, self._house = db, keyring, trail, clock, house
        self._wrong: dict[int, list[float]] = {}
        self._questions: dict[str, Callable[[Session, Facts], Decision]] = {
            "invite": self._invite,
            "join": self._join,
            "create": self._create,
            "event": self._event,
            "see": self._see,
            "login": self._login,
            "alias": lambda session, facts: self._unless_service(session, facts, "alias"),
            "publish": lambda session, facts: self._unless_service(session, facts, "public"),
            "email": lambda session, facts: self._unless_service(session, facts, "email"),
            "register": self._register,
        }

    def answer(self, question: str, facts: Facts) -> Decision:
        """Decide; a refusal is traced before it is told."""
        if question == "password":
            return self._password(facts)
        decide = self._questions.get(question)
        decision = self._db.read(decide, facts) if decide else refuse("unknown")
        if not decision.allowed and question != "see":
            self._refused(question, facts, decision)
        return decision

    def _refused(self, question: str, facts: Facts, decision: Decision) -> None:
        self._db.run(self._trace, question, str(facts.get("user", "")), decision.word)

    def _trace(self, session: Session, question: str, user: str, word: str) -> None:
        row = session.execute(select(accounts.c.id).where(accounts.c.user_id == user)).scalar_one_or_none()
        event = Event("chat", f"chat.{question}", "refused", self._clock.now(), row, detail=word)
        self._trail.record(session, event)

    def _invite(self, session: Session, facts: Facts) -> Decision:
        people = (self._person(session, facts, "user"), self._person(session, facts, "other"))
        return policy.invite(*people, self._house.server, self._house.trusted)

    def _join(self, session: Session, facts: Facts) -> Decision:
        invited = facts.get("invited") is True
        return policy.join(
            self._person(session, facts, "user"),
            invited=invited,
            ours=self._house.server,
            trusted=self._house.trusted,
        )

    def _create(self, session: Session, facts: Facts) -> Decision:
        config = facts.get("config")
        return policy.create(self._person(session, facts, "user"), config if isinstance(config, Mapping) else {})

    def _event(self, session: Session, facts: Facts) -> Decision:
        person = self._person(session, facts, "user")
        state_key = str(facts.get("state_key") or "") if facts.get("state") is True else None
        return policy.event(person, str(facts.get("type")), facts.get("content"), state_key)

    def _see(self, session: Session, facts: Facts) -> Decision:
        return policy.see(self._person(session, facts, "user"), self._person(session, facts, "other"))

    def _login(self, session: Session, facts: Facts) -> Decision:
        return policy.sign_in(self._person(session, facts, "user"))

    def _register(self, session: Session, facts: Facts) -> Decision:
        """Only ids that we have made."""
        name = user_id(str(facts.get("localpart", "")), self._house.server)
        return policy.sign_in(self._person(session, {"user": name}, "user"))

    def _unless_service(self, session: Session, facts: Facts, word: str) -> Decision:
        return YES if self._person(session, facts, "user").kind == policy.SERVICE else refuse(word)

    def _password(self, facts: Facts) -> Decision:
        """A login code, or the secret of our own services."""
        who, typed = str(facts.get("user", "")), str(facts.get("password", ""))
        if self._is_service(who):
            good = hmac.compare_digest(typed.encode(), self._house.service_secret.encode())
            return YES if good else refuse("unknown")
        decision, account_id = self._db.run(self._spend, who, typed)
        if not decision.allowed:
            self._failed(account_id)
            self._refused("password", facts, decision)
        return decision

    def _spend(self, session: Session, who: str, typed: str) -> tuple[Decision, int]:
        """Unit of work: the code's use is spent, and its holder verified, in one commit."""
        person = load_person(session, who)
        standing = policy.sign_in(person)
        row = session.execute(select(accounts.c.id).where(accounts.c.user_id == who)).scalar_one_or_none()
        account_id = row or 0
        if not standing.allowed or self._too_many(account_id):
            return standing if not standing.allowed else refuse("unknown"), account_id
        if not codes.redeem(session, self._keyring, account_id, typed, self._clock.now()):
            return refuse("unknown"), account_id
        verify(session, account_id)
        event = Event("chat", "chat.login", "code", self._clock.now(), account_id)
        self._trail.record(session, event)
        return YES, account_id

    def _too_many(self, account_id: int) -> bool:
        recent = [at for at in self._wrong.get(account_id, []) if at > self._clock.now().timestamp() - 900]
        self._wrong[account_id] = recent
        return len(recent) >= FAILURES_AT_MOST

    def _failed(self, account_id: int) -> None:
        self._wrong.setdefault(account_id, []).append(self._clock.now().timestamp())

    def _is_service(self, who: str) -> bool:
        localpart = who.removeprefix("@").partition(":")[0]
        return server_of(who) == self._house.server and localpart in SERVICES

    def _person(self, session: Session, facts: Facts, name: str) -> Person:
        who = str(facts.get(name, ""))
        return Person(who, policy.SERVICE, "active", True) if self._is_service(who) else load_person(session, who)


def load_person(session: Session, who: str) -> Person:
    """A user as accounts, mailboxes and the annuaire are at this moment, whatever the homeserver was told last."""
    red = exists().where(and_(entries.c.national_id == accounts.c.national_id, entries.c.red_list))
    query = select(accounts, wanted_state().label("wanted"), red.label("red"))
    row = session.execute(
        query.join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id).where(accounts.c.user_id == who)
    ).one_or_none()
    if row is None:
        return Person(who)
    state = CLOSED if row.state == CLOSED else row.wanted
    own = session.execute(select(rules.c.subject, rules.c.allow).where(rules.c.account_id == row.id)).all()
    hidden = row.kind == "person" and bool(row.red)
    return Person(who, row.kind, state, row.verified, row.away, hidden, tuple((r.subject, r.allow) for r in own))
