"""Follows mailboxes that live at another operator: IMAP over TLS, IDLE, each message fetched once, filed as every mail.

What was fetched is written in the delivery's own commit (UIDVALIDITY and UID), so a crash neither loses nor repeats a
message. Where a server renumbers (UIDVALIDITY), or holds a message twice, its content is known again.
"""

import asyncio
import hashlib
import re
import ssl
from contextlib import suppress
from typing import Any

import structlog
from aioimaplib import IMAP4_SSL, STOP_WAIT_SERVER_PUSH, AioImapException
from sqlalchemy.exc import IntegrityError

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.errors import BadInput, Permanent, PliError
from core.freight import Freight
from core.ids import new_id
from crypto.keyring import Keyring
from directory.mailboxes import address_of
from mail import collect_rows
from mail.collect_flow import Flow
from mail.collect_rows import Collection
from mail.collect_tables import collected
from mail.headers import Headers
from mail.incoming import Door, Incoming, Peer
from mail.letter import read_letter
from mail.limits import MESSAGE_OCTETS
from mail.reception import Reception
from mail.replies import MailError

LOOK_S = 5.0  # how often the list of mailboxes is read
LEASE_S = 60.0
IDLE_S = 20.0  # less than a lease, and than any server's patience
ANSWER_S = 60.0
GOODBYE_S = 5.0
BETWEEN = 100  # messages fetched until the lease is renewed
WAITS_S = (5.0, 15.0, 60.0, 300.0)  # after one failure, two, …
MAILBOX = frozenset({"5.1.1", "5.2.1"})  # our own mailbox takes nothing now: it may open again
_UIDVALIDITY = re.compile(rb"UIDVALIDITY (\d{1,10})")
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,10})")

log = structlog.get_logger()


class Collector:
    """`run` until cancelled, on any event loop; one follower a mailbox."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, reception: Reception) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._reception = reception
        self._owner = new_id()
        self._followers: dict[int, asyncio.Task[None]] = {}
        self._well: set[int] = set()  # those whose last visit has fetched all that there was

    async def run(self) -> None:
        """Follow what is registered, as it is added and removed."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._followers.values():
                task.cancel()
            await asyncio.gather(*self._followers.values(), return_exceptions=True)

    async def _look(self) -> None:
        try:
            listed = {each.id: each for each in await self._db.aread(collect_rows.listed, self._keyring)}
        except PliError as error:
            log.warning("collect.cannot_look", cause=error.cause)
            return
        for number in self._followers.keys() - listed.keys():
            self._followers.pop(number).cancel()
        for number, collection in listed.items():
            if number not in self._followers or self._followers[number].done():
                self._followers[number] = asyncio.create_task(self._follow(collection))

    async def _follow(self, collection: Collection) -> None:
        """For ever; after a failure later and later."""
        failures = 0
        while await self._mine(collection):
            try:
                await self.visit(collection)
            except Exception as error:  # whatever a foreign server's answer makes of us
                reason = error.cause if isinstance(error, PliError) else type(error).__name__
                log.warning("collect.failed", collection_id=collection.id, cause=reason)
                if collection.id in self._well:  # a connection that ends after days is the first failure
                    failures = 0
                with suppress(PliError):
                    await self._db.arun(collect_rows.note, collection.id, reason[:40], self._clock.now())
                await asyncio.sleep(WAITS_S[min(failures, len(WAITS_S) - 1)])
                failures += 1

    async def _mine(self, collection: Collection) -> bool:
        return await self._db.arun(
            collect_rows.take, collection.id, self._owner, self._clock.now(), LEASE_S + max(WAITS_S)
        )

    async def visit(self, collection: Collection, *, once: bool = False) -> None:
        """One connection: fetch what is new, then wait for more; `once`: do not wait. Raises AioImapException, OSError,
        PliError."""
        source, lost = collection.source, asyncio.Event()
        self._well.discard(collection.id)
        client = IMAP4_SSL(source.host, source.port, timeout=ANSWER_S, ssl_context=_context(source.ca))
        client.protocol.conn_lost_cb = lambda _error: lost.set()  # else it would be waited for until the time is over
        talk = asyncio.ensure_future(self._talk(client, Flow(client), collection, once=once))
        cut = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({talk, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                raise ConnectionResetError("the other operator's server hung up")
            await talk
        finally:
            for task in (talk, cut):
                task.cancel()
            await asyncio.gather(talk, cut, return_exceptions=True)
            if not lost.is_set():
                await _leave(client)

    async def _talk(self, client: IMAP4_SSL, flow: Flow, collection: Collection, *, once: bool) -> None:
        source = collection.source
        await client.wait_hello_from_server()
        _must(await client.login(_quoted(source.login), source.password), "login refused")
        while True:
            uidvalidity = _uidvalidity(_must(await client.select(_quoted(source.folder)), "folder not found"))
            while await self._fetch_new(client, flow, collection, uidvalidity):
                pass  # what came meanwhile may have been told already: IDLE would not tell it again
            await self._db.arun(collect_rows.note, collection.id, "", self._clock.now())
            self._well.add(collection.id)
            if once or not await self._mine(collection):
                return
            flow.begin()
            await _wait(client)

    async def _fetch_new(self, client: IMAP4_SSL, flow: Flow, collection: Collection, uidvalidity: int) -> bool:
        """Whether there was anything."""
        last = await self._db.aread(collect_rows.last_uid, collection.id, uidvalidity)
        flow.begin()
        lines = _must(await client.uid_search(f"UID {last + 1}:*", charset=None), "search refused")
        named = {int(word) for word in lines[0].split() if word.isdigit()}
        news = sorted(uid for uid in named if uid > last)  # `n:*` always names the last message (RFC 3501 §6.4.8)
        for place, uid in enumerate(news, 1):
            flow.begin()
            await self._fetch(client, collection, uidvalidity, uid)
            if not place % BETWEEN and not await self._mine(collection):
                return False
        return bool(news)

    async def _fetch(self, client: IMAP4_SSL, collection: Collection, uidvalidity: int, uid: int) -> None:
        size = _SIZE.search(b" ".join(_octets(_must(await client.uid("fetch", str(uid), "(RFC822.SIZE)"), "fetch"))))
        if size is not None and int(size[1]) > MESSAGE_OCTETS:
            log.warning("collect.too_large", collection_id=collection.id, bytes=int(size[1]))
            return await self._skip(collection, uidvalidity, uid, b"")
        parts = _octets(_must(await client.uid("fetch", str(uid), "(BODY.PEEK[])"), "fetch refused"))
        raw = max((part for part in parts if isinstance(part, bytearray)), key=len, default=None)
        if raw is None:  # expunged meanwhile
            return await self._skip(collection, uidvalidity, uid, b"")
        return await asyncio.to_thread(self._deliver, collection, uidvalidity, uid, _crlf(bytes(raw)))

    def _deliver(self, collection: Collection, uidvalidity: int, uid: int, raw: bytes) -> None:
        """In one commit: the message, and that it was fetched. A refusal is final: it would come again for ever."""
        mark = self._mark(collection, raw)
        row = collect_rows.place(collection.id, uidvalidity, uid, mark)
        if self._db.read(collect_rows.is_known, mark):
            return self._db.run(collect_rows.skip, [row])
        to = self._db.read(address_of, self._keyring, collection.mailbox_id)
        peer = Peer(collection.source.host, helo=collection.source.host, extended=True, tls=True)
        mail = Incoming(Door.COLLECT, peer, self._clock.now(), sender=_return_path(raw))
        try:
            self._reception.accept_now(mail, [to], raw, mark, Freight({collected: [row]}))
        except (Permanent, MailError) as error:
            if isinstance(error, MailError) and (error.code < 500 or error.enhanced in MAILBOX):  # later, perhaps
                raise
            log.warning("collect.refused", collection_id=collection.id, cause=error.cause)
            self._db.run(collect_rows.skip, [row])
        except IntegrityError:  # another process was faster
            log.info("collect.repeated", collection_id=collection.id)
        return None

    async def _skip(self, collection: Collection, uidvalidity: int, uid: int, raw: bytes) -> None:
        mark = self._mark(collection, raw or f"{uidvalidity} {uid}".encode())
        await self._db.arun(collect_rows.skip, [collect_rows.place(collection.id, uidvalidity, uid, mark)])

    def _mark(self, collection: Collection, raw: bytes) -> bytes:
        return self._keyring.blind("collect", f"{collection.id} {hashlib.sha256(raw).hexdigest()}")


async def _wait(client: IMAP4_SSL) -> None:
    """IDLE until something is new, or IDLE_S; a server without it is asked again after that time."""
    if not client.has_capability("IDLE"):
        return await asyncio.sleep(IDLE_S)
    async with asyncio.timeout(ANSWER_S):
        idle = await client.idle_start(timeout=IDLE_S)
    while True:
        pushed = await client.wait_server_push(IDLE_S * 2)
        if pushed == STOP_WAIT_SERVER_PUSH or any(b"EXISTS" in bytes(line) for line in pushed):
            break
    if client.has_pending_idle():
        client.idle_done()
    await asyncio.wait_for(idle, ANSWER_S)
    return None


async def _leave(client: IMAP4_SSL) -> None:
    with suppress(AioImapException, OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await client.logout()
    transport = client.protocol.transport
    if transport is not None:
        transport.abort()


def _must(answer: Any, cause: str) -> list[bytes]:
    """The lines of an OK. Raises PliError."""
    if answer.result != "OK":
        raise PliError("the other operator's server refuses", cause)
    return list(answer.lines)


def _octets(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if isinstance(line, bytes | bytearray)]


def _uidvalidity(lines: list[bytes]) -> int:
    found = _UIDVALIDITY.search(b" ".join(bytes(line) for line in lines))
    if found is None:
        raise PliError("the other operator's server is not understood", "no UIDVALIDITY")
    return int(found[1])


def _quoted(text: str) -> str:
    if not text.isprintable() or not text.isascii():
        raise BadInput("a login or folder has printable ASCII characters only")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _crlf(raw: bytes) -> bytes:
    """A server that hands out bare LF (RFC 3501 forbids it) hands out no CR either; anything else stays as it is."""
    return raw if b"\r" in raw else raw.replace(b"\n", b"\r\n")


def _return_path(raw: bytes) -> Address | None:
    """The envelope sender as the other operator wrote it down."""
    found = read_letter(raw).headers
    value = (_first(found) or b"").decode("ascii", "replace").strip()
    with suppress(BadInput):
        return Address.parse(value.removeprefix("<").removesuffix(">"))
    return None


def _first(headers: Headers) -> bytes | None:
    return headers.first(b"return-path")
