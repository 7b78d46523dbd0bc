"""Every listening socket of one process: SMTP, IMAP, HTTP, started together and stopped in order."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn

from core.errors import DatabaseDown, Temporary
from core.setting_groups import Listen, PortName
from crypto.tls import server_context
from crypto.trust import BadTrust
from mail.imap.indexes import Indexes
from mail.imap.packing import Packing
from mail.imap.permits import Permits
from mail.imap.server import ImapServer
from mail.imap.services import Options, Services
from mail.incoming import Door
from mail.line import House
from mail.listeners import Listeners, Socket
from mail.standing import fallen
from ops.directory_door import ldap_server
from ops.trust_files import LOOK_S, renew_lists, revoked_by_now
from ops.wiring import App

log = structlog.get_logger()

BACKLOG = 512
HOUR_S = 3600.0
MIB = 1024 * 1024
STANDING_S = 20.0  # between two looks at who may still be here
GOODBYE_S = 2  # open boards listen for ever: they connect again to whoever comes after us

Pages = Any  # an ASGI application; what it is made with is the portal's business


class PortTaken(Temporary):
    """Somebody else listens there, or the address is not ours."""


class Network:
    """The listeners of one process. Nothing answers before `start` returns."""

    def __init__(self, app: App, pages: Pages) -> None:
        limits = app.settings.limits
        self._app, self._settings = app, app.settings
        self._contexts: list[ssl.SSLContext] = []
        self._smtp = Listeners(_house(app), limits.connections, limits.connections_per_client)
        self._ldap = ldap_server(app, self._tls(clients=False))
        self._imap = ImapServer(_imap_services(app), self._tls(clients=True))
        self._packing = Packing(app.db, app.keyring, app.blobs)
        self._http = uvicorn.Server(_http_config(app, pages))

    async def start(self) -> None:
        """Listen on every port. Raises PortTaken."""
        listen = self._settings.listen
        await self._start_smtp(listen)
        with _says_which(listen, "imap"):
            await self._imap.listen(listen.host, listen.port("imap"))
        with _says_which(listen, "imaps"):
            await self._imap.listen(listen.host, listen.port("imaps"), implicit_tls=True)
        with _says_which(listen, "ldap"):
            await self._ldap.listen(listen.host, listen.port("ldap"))
        with _says_which(listen, "ldaps"):
            await self._ldap.listen(listen.host, listen.port("ldaps"), implicit_tls=True)
        with _says_which(listen, "http"):
            # ours, not uvicorn's own: where the port is taken it would end the process without a word
            pages = socket.create_server((listen.host, listen.port("http")), backlog=BACKLOG)
        self._serving = asyncio.ensure_future(self._http.serve([pages]))  # whoever connects already waits in the queue
        self._watching = [asyncio.ensure_future(each) for each in (self._renew_lists(), self._see_out())]
        self._gathering = asyncio.ensure_future(self._packing.run())

    async def stop(self) -> None:
        """Take nothing new, end what has begun."""
        self._http.should_exit = True
        for each in self._watching:
            each.cancel()
        self._gathering.cancel()
        await self._smtp.stop()
        await self._imap.close()
        await self._ldap.close()
        with suppress(asyncio.CancelledError):
            await self._serving

    async def _start_smtp(self, listen: Listen) -> None:
        people, operators = self._tls(clients=True), self._tls(clients=True)
        with _says_which(listen, "mx"):
            await self._smtp.start(Socket(Door.MX, listen.host, listen.port("mx"), operators))
        with _says_which(listen, "submission"):
            await self._smtp.start(Socket(Door.SUBMISSION, listen.host, listen.port("submission"), people))
        with _says_which(listen, "submissions"):
            where = Socket(Door.SUBMISSION, listen.host, listen.port("submissions"), people, implicit=True)
            await self._smtp.start(where)

    def _tls(self, *, clients: bool) -> ssl.SSLContext:
        """Clients may show a certificate; the stages say who must."""
        settings = self._settings
        crl = settings.crl_file if settings.crl_file.exists() else None
        authority = settings.ca_file if clients else None
        context = server_context(settings.certificate, settings.key, authority, crl=crl)
        if clients:
            self._contexts.append(context)
        return context

    async def _renew_lists(self) -> None:
        """Whoever is on the newest revocation list is refused from the next handshake on, and leaves what is open."""
        look = renew_lists(self._contexts, self._settings.crl_file)
        while True:
            await asyncio.sleep(LOOK_S)
            if look():
                with suppress(BadTrust, OSError):  # told by who judges signatures, who reads the same files
                    revoked = await asyncio.to_thread(revoked_by_now, self._settings)
                    gone = [each.dismiss_where(revoked) for each in (self._imap, self._smtp)]
                    log.info("tls.sessions_dismissed", count=sum(gone))

    async def _see_out(self) -> None:
        """Whoever lost the right to come in leaves what is open within a minute."""
        app = self._app
        while True:
            await asyncio.sleep(STANDING_S)
            with suppress(DatabaseDown):  # asked again soon
                present = self._imap.present | self._smtp.present
                gone = await app.db.aread(fallen, app.keyring, present, app.clock.now()) if present else set()
                if gone:
                    self._imap.dismiss(gone)
                    self._smtp.dismiss(gone)
                    log.info("auth.dismissed", count=len(gone))


@contextmanager
def _says_which(listen: Listen, name: PortName) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PortTaken(f"cannot listen on {listen.host} port {listen.port(name)} ({name}): is it taken?") from error


def _house(app: App) -> House:
    settings = app.settings
    return House(
        app.reception,
        app.authenticator,
        settings.listen.hostname,
        settings.relay.postmaster,
        settings.limits.message_octets,
        settings.limits.recipients,
        settings.limits.failed_logins,
        settings.limits.session_hours * HOUR_S,
        settings.insecure_loopback,
    )


def _imap_services(app: App) -> Services:
    settings = app.settings
    options = Options(
        hostname=settings.listen.hostname,
        insecure_loopback=settings.insecure_loopback,
        connections=settings.limits.connections,
        connections_per_client=settings.limits.connections_per_client,
        failed_logins=settings.limits.failed_logins,
        session_s=settings.limits.session_hours * HOUR_S,
        message_octets=settings.limits.message_octets,
        row_octets=settings.mail.row_octets,
        mailbox_octets=settings.mail.mailbox_mebibytes * MIB,
    )
    return Services(
        app.db,
        app.keyring,
        app.blobs,
        app.authenticator,
        app.appender,
        app.hub,
        app.trail,
        app.clock,
        app.pool,
        options,
        Indexes(app.db, app.hub),
        Permits(app.db, app.hub),
    )


def _http_config(app: App, pages: Pages) -> uvicorn.Config:
    listen = app.settings.listen
    return uvicorn.Config(
        pages,
        host=listen.host,
        port=listen.port("http"),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_S,
    )
