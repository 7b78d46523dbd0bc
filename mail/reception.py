"""Between the edge and the rooms behind it: asks the stages, looks recipients up, hands whole mail to delivery.

What waits for the database, a network or long computing runs on a thread of `pool`. The rest, which is most of the
mail, is done on the event loop at once: two changes of thread cost more than reading 4 KiB.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import IntegrityError

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.freight import Freight
from core.value import replace
from crypto.keyring import Keyring
from mail.blobs import Blobs
from mail.deliver import Deliverer, Ready, Receipt
from mail.errands import Busy, ended
from mail.incoming import Door, Incoming
from mail.known import KnownRecipients
from mail.lading import NOTHING
from mail.letter import read_letter
from mail.our_domains import OurDomains
from mail.pipeline import Pipeline, first_refusal, may_wait
from mail.recipients import Recipient, find_recipient, somebody_elsewhere, with_inbox
from mail.spool import Spool, Spooled, spool_bytes
from mail.stages.stage import Stage

AT_ONCE = 256 * 1024  # octets of a message that the loop itself reads; a thread would wait longer for the interpreter

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class Reception:
    """The same for every connection of every listener."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        blobs: Blobs,
        deliverer: Deliverer,
        pipelines: Mapping[Door, Pipeline],
        pool: Executor,
        row_octets: int,
    ) -> None:
        self.clock = clock
        self._db = db
        self._keyring = keyring
        self._blobs = blobs
        self._deliverer = deliverer
        self._pipelines = pipelines
        self._may_wait = {stages: may_wait(stages) for each in pipelines.values() for stages in each.all}
        self._pool = pool
        self._row_octets = row_octets
        self._ours = OurDomains(db)
        self._known = KnownRecipients()
        db.on_commit(self._known.heard)

    def spool(self) -> Spool:
        """An empty body to fill."""
        return Spool(self._blobs, self._row_octets)

    async def sender(self, mail: Incoming) -> None:
        """MAIL. Raises MailError, DatabaseDown."""
        await self._asked(self._pipelines[mail.door].at_sender, mail)

    async def recipient(self, mail: Incoming, address: Address) -> Recipient:
        """RCPT: who that is. Raises MailError, DatabaseDown."""
        found = self._known.get(address.text)
        if found is None and self._ours.lack(address.domain):
            found = somebody_elsewhere(self._keyring, address)
        if found is None:
            return await self._in_thread(self._name, mail, address)
        await self._asked(self._pipelines[mail.door].at_recipient, replace(mail, recipient=found))
        return found

    async def message(self, mail: Incoming, body: Spooled) -> Receipt:
        """The end of DATA: received now, as the last octet is here (RFC 5321 §4.1.1.4). Returns after the durable
        commit, also when the caller is cancelled meanwhile.

        Raises MailError, StorageFull, DatabaseDown; the body is then discarded.
        """
        now = self.clock.now()
        if body.size > AT_ONCE or body.storage != "row":
            return await ended(self._message(mail, body, now))
        with Busy():
            return await self._short(mail, body, now)

    def accept_now(
        self, mail: Incoming, to: Sequence[Address], raw: bytes, dedup: bytes | None = None, more: Freight = NOTHING
    ) -> Receipt:
        """A mail that is already whole, from a thread: the same stages, the same delivery; `more` rows ride along.

        Raises MailError, StorageFull, DatabaseDown.
        """
        self._ask(self._pipelines[mail.door].at_sender, mail)
        named = {address.key: self._name(mail, address) for address in to}
        body = spool_bytes(self._blobs, raw, self._row_octets)
        whole = _whole(replace(mail, recipients=tuple(named.values())), body, mail.received_at)
        self._allow(whole, body)
        return self._deliverer.deliver_now(whole, body, dedup, more)

    async def _message(self, mail: Incoming, body: Spooled, now: datetime) -> Receipt:
        return await self._deliverer.commit(await self._in_thread(self._read, mail, body, now))

    async def _short(self, mail: Incoming, body: Spooled, now: datetime) -> Receipt:
        """On the loop; a commit that was begun is ended before we are."""
        whole = _whole(mail, body, now)
        if self._deliverer.waits(whole) or self._waits(self._pipelines[mail.door].at_message, whole):
            return await ended(self._slow(whole, body))
        self._allow(whole, body)
        verdict = await self._deliverer.verdict(whole)
        return await self._deliverer.commit(self._deliverer.prepare(whole, body, verdict=verdict))

    async def _slow(self, whole: Incoming, body: Spooled) -> Receipt:
        return await self._deliverer.commit(await self._in_thread(self._ready, whole, body))

    async def _asked(self, stages: tuple[Stage, ...], mail: Incoming) -> None:
        if self._waits(stages, mail):
            await self._in_thread(self._ask, stages, mail)
        else:
            self._ask(stages, mail)

    def _waits(self, stages: tuple[Stage, ...], mail: Incoming) -> bool:
        for stage in self._may_wait[stages]:  # noqa: SIM110  three times for each mail
            if stage.waits(mail):
                return True
        return False

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def _name(self, mail: Incoming, address: Address) -> Recipient:
        self._ours.learn()
        age = self._known.age
        found = self._db.read(find_recipient, self._keyring, address)
        self._known.keep(found, age)
        self._ask(self._pipelines[mail.door].at_recipient, replace(mail, recipient=found))
        if found.is_local and found.inbox_id is None:
            found = self._with_inbox(address)
        return found

    def _with_inbox(self, address: Address) -> Recipient:
        try:
            return self._db.run(with_inbox, self._keyring, address, self.clock.now())
        except IntegrityError:  # two mails at once made it
            return self._db.read(find_recipient, self._keyring, address)

    def _read(self, mail: Incoming, body: Spooled, now: datetime) -> Ready:
        return self._ready(_whole(mail, body, now), body)

    def _ready(self, whole: Incoming, body: Spooled) -> Ready:
        self._allow(whole, body)
        return self._deliverer.prepare(whole, body)

    def _allow(self, whole: Incoming, body: Spooled) -> None:
        try:
            self._ask(self._pipelines[whole.door].at_message, whole)
        except Exception:
            body.discard()
            raise

    def _ask(self, stages: Iterable[Stage], mail: Incoming) -> None:
        refused = first_refusal(stages, mail)
        if refused is None:
            return
        stage, error = refused
        log.info("mail.refused", stage=stage, code=error.code, enhanced=error.enhanced, door=mail.door.value)
        raise error


def _whole(mail: Incoming, body: Spooled, now: datetime) -> Incoming:
    try:
        return replace(mail, letter=read_letter(body.read()), size=body.size, recipient=None, received_at=now)
    except Exception:
        body.discard()
        raise
