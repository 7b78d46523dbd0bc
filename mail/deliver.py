"""Delivery: verify, describe and seal outside of any transaction, then one durable commit that holds everything.

Body, message, a wrapped key for each holder, folder rows with their numbers, outbox rows and trail are one passenger of
the commit train. A repeat (same envelope, Message-ID and bytes) is recognised by the database and answered with the
first receipt. Whoever calls may vanish: what was begun is ended.
"""

import json
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import epoch_ms
from core.db import Db
from core.errors import DatabaseDown, StorageFull, Temporary
from core.freight import Freight
from core.ids import new_id
from core.value import Value
from crypto.keyring import Keyring
from crypto.verdict import Verdict
from mail.announcement import Announcement, announced
from mail.bounds import Bound, MimeBounds
from mail.consign import Consign
from mail.conversations import Turn, pending, take, turns
from mail.holder_keys import HolderKeys
from mail.incoming import Door, Incoming, Letter
from mail.judge import UNSIGNED, Judge, JudgeOnLoop
from mail.lading import NOTHING, Lading, Place, joined, load_inside
from mail.letter import VERDICT_FLAGS, is_signed, meta_of
from mail.recipients import Recipient
from mail.spool import Spooled
from mail.structure import Description
from mail.tables import messages
from mail.trace import Passage, protocol_word, trace_lines

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Names:
    """How we call ourselves in trace lines."""

    host: str
    authserv_id: str


class Receipt(Value, frozen=True):
    """The message is durable. `repeated`: it was already, and was not stored again."""

    message_id: int
    repeated: bool = False


class Ready(Value, frozen=True):
    """All that is left is the commit."""

    lading: Lading
    freight: Freight
    turns: tuple[Turn, ...]
    door: Door


class Deliverer:
    """Puts accepted mail into mailboxes. `announce` is what upper rooms want to be told of; `consign` makes the rows of
    what goes on to other operators."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        judge: Judge,
        names: Names,
        announce: tuple[Announcement, ...] = (),
        consign: Consign | None = None,
        judge_on_loop: JudgeOnLoop | None = None,
    ) -> None:
        self._db = db
        self._keyring = keyring
        self._trail = trail
        self._judge = judge
        self._judge_on_loop = judge_on_loop
        self._names = names
        self._announce = announce
        self._consign = consign
        self._keys = HolderKeys(keyring)
        db.on_commit(self._keys.heard)

    def deliver_now(
        self, mail: Incoming, body: Spooled, dedup: bytes | None = None, more: Freight = NOTHING
    ) -> Receipt:
        """All of it from a thread; returns after the durable commit. `mail` holds its letter and has passed the stages.

        `dedup` replaces the mark by which a repeat is known; `more` rows ride along. Raises StorageFull, DatabaseDown,
        MimeBounds; the body is then discarded.
        """
        ready = self.prepare(mail, body, dedup, more)
        try:
            if ready.turns:
                self._db.run(_load_with_turns, ready.freight, ready.turns, mail.received_at)
            else:
                self._db.load(ready.freight)
        except IntegrityError:
            return _repeat(ready, self._db.read(find_repeat, ready.lading.dedup))
        except Exception as error:
            _give_up(body, error)
            raise
        return _done(ready)

    async def commit(self, ready: Ready) -> Receipt:
        """The commit of what `prepare` made, from the event loop. Raises as `deliver_now`."""
        try:
            if ready.turns:
                await self._db.arun(_load_with_turns, ready.freight, ready.turns, ready.lading.received_at)
            else:
                await self._db.aload(ready.freight)
        except IntegrityError:
            return _repeat(ready, await self._db.aread(find_repeat, ready.lading.dedup))
        except Exception as error:
            _give_up(ready.lading.body, error)
            raise
        return _done(ready)

    async def verdict(self, mail: Incoming) -> Verdict | None:
        """On the loop, for `prepare`; None where that has to ask by itself."""
        if mail.letter is None or not _claims_signature(mail.letter):
            return UNSIGNED
        if self._judge_on_loop is None:
            return None
        return await self._judge_on_loop(mail.letter.raw, mail.sender.text if mail.sender else None, mail.received_at)

    def prepare(
        self,
        mail: Incoming,
        body: Spooled,
        dedup: bytes | None = None,
        more: Freight = NOTHING,
        verdict: Verdict | None = None,
    ) -> Ready:
        """All but the commit: verdict, description, sealing, the body's file made durable. Raises as `deliver_now`."""
        try:
            return self._prepare(mail, body, dedup, more, verdict)
        except Exception as error:
            _give_up(body, error)
            raise

    def _prepare(
        self, mail: Incoming, body: Spooled, dedup: bytes | None, more: Freight, verdict: Verdict | None
    ) -> Ready:
        letter, description = _whole(mail)
        verdict = verdict or self._verdict(mail, letter)
        message_id = new_id()
        meta = meta_of(mail, letter, description, body, self._trace(mail, message_id, verdict), verdict)
        lading = Lading(
            message_id=message_id,
            body=body,
            meta=meta,
            places=self._places(mail.recipients, verdict),
            received_at=mail.received_at,
            internal_at=mail.received_at,
            announce=announced(mail, self._announce),
            trail=tuple(self._trail.row(event) for event in _events(mail, message_id)),
            dedup=dedup or dedup_of(self._keyring, mail, body),
            more=joined(self._consign(mail, letter, message_id, body.key, body.size), more) if self._consign else more,
        )
        body.keep()
        return Ready(lading, lading.freight(), self._turns(mail, letter), mail.door)

    def waits(self, mail: Incoming) -> bool:
        """Whether `prepare` would take its time although the verdict is there: a conversation to look up, or the key
        under which it is kept as sent."""
        if mail.letter is None or mail.letter.description is None:
            return False
        alone = self._judge_on_loop is None and _claims_signature(mail.letter)
        asks = self._consign is not None and self._consign.waits(mail)
        return alone or asks or bool(_patients_told(mail))

    def _verdict(self, mail: Incoming, letter: Letter) -> Verdict:
        if not _claims_signature(letter):
            return UNSIGNED
        return self._judge(letter.raw, mail.sender.text if mail.sender else None, mail.received_at)

    def _trace(self, mail: Incoming, message_id: int, verdict: Verdict) -> str:
        word = protocol_word(extended=mail.peer.extended, tls=mail.peer.tls, authenticated=mail.identity is not None)
        passage = Passage(
            mail.peer.helo,
            mail.peer.address,
            word,
            self._names.host,
            self._names.authserv_id,
            message_id,
            mail.received_at,
        )
        return trace_lines(passage, mail.sender, verdict)

    def _places(self, recipients: tuple[Recipient, ...], verdict: Verdict) -> tuple[Place, ...]:
        flag = VERDICT_FLAGS.get(verdict.signature.value, "$SignatureUnknown")
        found: dict[int, Place] = {}
        for to in recipients:
            if not to.is_local:
                continue
            if to.inbox_id is None or to.holder_id is None or to.wrapped_key is None:
                raise Temporary("local error, try again later", "a recipient without folder or key")
            key, wrapper = self._keys.open(to.wrapped_key, to.holder_id)
            found[to.inbox_id] = Place(to.inbox_id, to.holder_id, key, flag, wrapper)
        return tuple(found.values())

    def _turns(self, mail: Incoming, letter: Letter) -> tuple[Turn, ...]:
        """What a professional's message changes for patients; most change nothing, and ride as rows alone."""
        patients = _patients_told(mail)
        if not patients or mail.sender is None:
            return ()
        return self._db.look(pending, turns(self._keyring, mail.sender, patients, letter.headers))


def _claims_signature(letter: Letter) -> bool:
    return letter.description is not None and is_signed(letter.description)


def _patients_told(mail: Incoming) -> list[int]:
    """The mailboxes of the patients that a professional writes to."""
    if mail.sender is None or mail.from_patient:
        return []
    return [to.mailbox_id for to in mail.recipients if to.is_patient and to.mailbox_id is not None]


def dedup_of(keyring: Keyring, mail: Incoming, body: Spooled) -> bytes:
    """What makes two transactions the same mail: envelope, Message-ID and bytes (RFC 5321 §6.1: the 250 was lost)."""
    letter = mail.letter
    message_id = (letter.headers.first(b"message-id") or b"").decode("latin-1") if letter else ""
    sender = mail.sender.key if mail.sender else ""
    parts = [sender, sorted(to.address.key for to in mail.recipients), message_id, body.sha256.hex()]
    return keyring.blind("dedup", json.dumps(parts))


def find_repeat(session: Session, dedup: bytes | None) -> int | None:
    """The message that was stored first."""
    found: int | None = session.execute(select(messages.c.id).where(messages.c.dedup == dedup)).scalar_one_or_none()
    return found


def forget_repeats(session: Session, before: datetime) -> int:
    """Nightly: after the queue life of any peer nothing repeats any more. Returns how many rows were cleared."""
    done = session.execute(
        update(messages)
        .where(messages.c.dedup.is_not(None), messages.c.received_at < epoch_ms(before))
        .values(dedup=None)
        .returning(messages.c.id)
    )
    return len(done.all())


def _whole(mail: Incoming) -> tuple[Letter, Description]:
    if mail.letter is None or mail.letter.description is None:
        raise (mail.letter.broken if mail.letter and mail.letter.broken else MimeBounds(Bound.PARTS))
    return mail.letter, mail.letter.description


def _events(mail: Incoming, message_id: int) -> list[Event]:
    """One entry for each holder who gets a copy: the trail of a person is found by holder."""
    actor = str(mail.identity.account_id or "house") if mail.identity else "mx"
    action = "mail.send" if mail.door is Door.SUBMISSION else "mail.receive"
    holders = dict.fromkeys(to.holder_id for to in mail.recipients)
    return [Event(actor, action, "stored", mail.received_at, message_id, holder) for holder in holders]


def _repeat(ready: Ready, first: int | None) -> Receipt:
    ready.lading.body.discard()
    if first is None:
        raise Temporary("local error, try again later", "integrity error that is no repeat")
    log.info("mail.repeated", message_id=first)
    return Receipt(first, repeated=True)


def _done(ready: Ready) -> Receipt:
    lading = ready.lading
    log.info(
        "mail.delivered",
        message_id=lading.message_id,
        door=ready.door.value,
        bytes=lading.body.size,
        copies=len(lading.places),
        verdict=lading.meta.verdict,
    )
    return Receipt(lading.message_id)


def _load_with_turns(session: Session, freight: Freight, wanted: tuple[Turn, ...], now: datetime) -> None:
    load_inside(session, freight)
    take(session, wanted, now)


def _give_up(body: Spooled, error: Exception) -> None:
    """A lost connection leaves the commit's end unknown: then the file stays, and the sweep at the start decides."""
    if not isinstance(error, DatabaseDown) or isinstance(error, StorageFull):
        body.discard()
