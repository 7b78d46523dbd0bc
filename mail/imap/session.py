"""One client's session: who it is, what it has selected, what it was told. RFC 3501 §3."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from core.ids import new_id
from crypto.tls import peer_identity
from mail.acl import check
from mail.auth import Identity
from mail.imap.contents import Source
from mail.imap.errors import ImapBad
from mail.imap.reader import CommandReader, Event
from mail.imap.respond import exists, expunged, fetch_flags, flags, line, tagged, vanished
from mail.imap.services import Services
from mail.imap.view import News, View
from mail.imap.wire import Closed, Wire
from mail.index import Index
from mail.limits import IMAP_BEFORE_LOGIN_S, IMAP_IDLE_S
from mail.notify import Watch

T = TypeVar("T")


class Session:
    """State is what is set: `identity` once authenticated, `view` while a folder is selected."""

    def __init__(self, wire: Wire, services: Services, tls: ssl.SSLContext | None) -> None:
        self.id = new_id()
        self.wire = wire
        self.reader = CommandReader()
        self.services = services
        self.tls = tls
        self.identity: Identity | None = None
        self.view: View | None = None
        self.enabled: set[str] = set()  # in capitals, RFC 5161
        self.failed_logins = 0
        self.traced: set[int] = set()
        self.over = False
        self._stale = False
        now = asyncio.get_running_loop().time()
        self.deadline = now + services.options.session_s
        self._deadline_login = now + IMAP_BEFORE_LOGIN_S
        self._watch: Watch | None = None

    # --- hearing -----------------------------------------------------------------------------------------------------

    async def event(self, wait_s: float | None = None) -> Event:
        """The next thing that the client says. Raises Closed, TimeoutError.

        Before login all that is said together has a limit; after it each silence has (RFC 3501 §5.4), and the session.
        """
        now = asyncio.get_running_loop().time()
        if self.deadline <= now:
            raise TimeoutError
        while (event := self.reader.next()) is None:
            until = min(now + (wait_s or IMAP_IDLE_S), self.deadline)
            if self.identity is None:
                until = min(until, self._deadline_login)
            if until <= now:
                raise TimeoutError
            async with asyncio.timeout_at(until):
                self.reader.feed(await self.wire.some())
            now = asyncio.get_running_loop().time()
        return event

    def authenticated(self, identity: Identity) -> None:
        """From now on `identity` speaks."""
        self.identity = identity
        self.reader.authenticated()

    # --- saying things -----------------------------------------------------------------------------------------------

    def untagged(self, text: bytes) -> None:
        """Queue `* text`."""
        self.wire.write(line(b"*", text))

    def bye(self, text: str) -> None:
        """Say why, and end after this command."""
        if not self.over:
            self.untagged(b"BYE " + text.encode("ascii"))
        self.over = True

    def dismiss(self, text: str) -> None:
        """The server ends the session, from outside its task."""
        self.bye(text)
        self.wire.close()

    # --- what the client has enabled ---------------------------------------------------------------------------------

    def enable(self, word: str) -> None:
        """From now on. Unicode names come with UTF8=ACCEPT and with IMAP4rev2."""
        if word in {"CONDSTORE", "QRESYNC"} and not self.condstore and self.view is not None:  # RFC 7162 §3.1.2.1
            self.wire.write(tagged("*", "OK", "changes are numbered", f"HIGHESTMODSEQ {max(self.view.modseq, 1)}"))
        self.enabled.add(word)
        if word == "QRESYNC":  # RFC 7162 §3.2.3
            self.enabled.add("CONDSTORE")
        self.reader.utf8 = self.utf8

    @property
    def condstore(self) -> bool:
        """Modification sequences are told with flags. RFC 7162 §3.1."""
        return "CONDSTORE" in self.enabled

    @property
    def qresync(self) -> bool:
        """VANISHED instead of EXPUNGE. RFC 7162 §3.2.10."""
        return "QRESYNC" in self.enabled

    @property
    def rev2(self) -> bool:
        """RFC 9051 where it differs."""
        return "IMAP4REV2" in self.enabled

    @property
    def utf8(self) -> bool:
        """Mailbox names are UTF-8, not modified UTF-7. RFC 6855 §3, RFC 9051 §5.1."""
        return self.rev2 or "UTF8=ACCEPT" in self.enabled

    @property
    def unlabelled(self) -> bool:
        """Searches name no charset. RFC 9755 §3; it does not extend IMAP4rev2, which has them named."""
        return "UTF8=ACCEPT" in self.enabled

    # --- what commands use -------------------------------------------------------------------------------------------

    @property
    def holder(self) -> Identity:
        """Who is logged in."""
        if self.identity is None:
            raise ImapBad("log in first")
        return self.identity

    @property
    def selected(self) -> View:
        """The selected view."""
        if self.view is None:
            raise ImapBad("select a mailbox first")
        return self.view

    @property
    def writable(self) -> View:
        """The selected view, opened by SELECT."""
        view = self.selected
        if view.read_only:
            raise ImapBad("the mailbox is open for reading only", condition="NO", code="READ-ONLY")
        return view

    @property
    def secret(self) -> bool:
        """Passwords may be said: under TLS, or by a load tool on loopback in the demo."""
        loopback = self.wire.host in {"127.0.0.1", "::1"} and self.services.options.insecure_loopback
        return self.wire.tls is not None or loopback

    @property
    def certificate(self) -> str | None:
        """SHA-256 (hexadecimal) of the client certificate that the handshake checked."""
        peer = peer_identity(self.wire.tls)
        return peer.sha256 if peer else None

    @property
    def source(self) -> Source:
        """Where the messages of the selected folder are opened."""
        services = self.services
        folder_id, holder_id = self.selected.folder.id, self.holder.holder_id
        return Source(services.db, services.keyring, services.blobs, services.memory, folder_id, holder_id)

    def check_may(self, rights: str) -> View:
        """The selected view, opened by SELECT, when all these rights are there. Raises ImapBad, NoPermission."""
        check(self.writable.rights, rights)
        return self.selected

    async def check_rights(self) -> None:
        """Whoever may not read the selected folder any more leaves it. Raises ImapBad [NOPERM]."""
        view, permits = self.view, self.services.permits
        if view is None or permits.are_fresh(view.stamp):
            return
        view.stamp = permits.stamp
        view.rights = await permits.of(view.folder, self.holder)
        if "r" not in view.rights:
            self.deselect()
            self.bye("the right to read this mailbox was withdrawn")
            raise ImapBad("you have no right to do this here", condition="NO", code="NOPERM")

    async def index(self) -> Index:
        """The rows of the selected folder, no older than what the client was told. Raises FolderGone."""
        view = self.selected
        return await self.services.indexes.now(view.folder.id, view.modseq)

    def check_alive(self) -> None:
        """For long work: nobody waits for it any more. Raises Closed."""
        if self.wire.closed:
            raise Closed("the connection is closed")

    async def in_pool(self, work: Callable[[], T]) -> T:
        """Run slow, blocking work in a reader thread."""
        return await asyncio.get_running_loop().run_in_executor(self.services.pool, work)

    async def near(self, work: Callable[[], T], *, small: bool = True) -> T:
        """Small reads of a database in our own process are done at once: a trip to a thread costs more than they do."""
        return work() if small and self.services.indexes.alone else await self.in_pool(work)

    def select(self, view: View) -> None:
        """Open a view; commits that touch its folder make it stale from now on."""
        self.view = view
        self._watch = self.services.hub.watch(view.folder.id, self._touched)
        self._stale = True

    def deselect(self) -> None:
        """Leave the selected state."""
        if self._watch:
            self._watch.close()
        self._watch, self.view = None, None

    def _touched(self) -> None:
        self._stale = True
        self.wire.poke()

    async def sync(self, *, expunges: bool, force: bool = False) -> None:
        """Tell what happened in the selected folder since the last time. Raises FolderGone."""
        view = self.view
        if view is None or not (self._stale or force or (expunges and view.waiting)):
            return
        self._stale = False
        await self.check_rights()
        changes, index = await self.services.indexes.changes(view.folder.id, view.modseq, ask=force)
        news = view.take(changes, index, expunges=expunges)
        self.wire.write(b"".join(self._told(view, news)))

    def tell_keywords(self, texts: Iterable[str]) -> None:
        """Before these flags are shown: what the client does not know of them is one of the mailbox's flags now, as
        after SELECT (RFC 9051 §7.3.5; clients complain of a flag that they were never told of)."""
        self.wire.write(b"".join(self._new_keywords(self.selected, texts)))

    def _new_keywords(self, view: View, texts: Iterable[str]) -> Iterator[bytes]:
        if view.learn(texts):
            yield line(b"* FLAGS", flags(view.names))
            yield tagged("*", "OK", "these can be kept", f"PERMANENTFLAGS {flags(view.lasting()).decode()}")

    def _told(self, view: View, news: News) -> Iterator[bytes]:
        if news.lost and self.qresync:
            yield vanished(news.lost)
        elif news.lost:
            yield from map(expunged, news.gone)
        if news.exists is not None:
            view.recent.update(self.services.recents.claim(view.folder.id, news.fresh, read_only=view.read_only))
            yield exists(news.exists)
            if not self.rev2:
                yield line(b"* %d RECENT" % len(view.recent))
        yield from self._new_keywords(view, {row.flags for _, row in news.flags})
        for number, row in news.flags:
            yield fetch_flags(number, view.shown(row.uid, row.flags), row.uid, row.modseq if self.condstore else None)
