"""The chat of one process: the gate that the homeserver asks, the homeserver itself, the accounts kept in step."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
import uvicorn

from core.db import Signal
from core.errors import PliError
from directory.events import TOPIC as DIRECTORY
from instant.admin import Admin
from instant.bridge import Bridge
from instant.bridge import Ground as UnderBridge
from instant.case_desk import CaseDesk
from instant.desk import Desk
from instant.enrolment import TOPIC, Enrolment
from instant.gate import Gate, House
from instant.gate_door import GateDoor
from instant.homeserver_config import CLIENT, OIDC, Secrets, callback
from instant.services import CaseFiles, Helpers, NoScanner, Submitter
from instant.sign_on import SignOn
from mail.antivirus import Clamd
from ops.antivirus_wiring import RoomScanner
from ops.chat_host import ChatHost
from ops.ground import Ground
from portal.services import ChatClient

LOOK_S = 15.0  # who is struck off is out within a minute
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0

for _name in ("httpx2", "nio"):  # they write who asked what of whom
    logging.getLogger(_name).setLevel(logging.ERROR)
log = structlog.get_logger()


class Chat:
    """`start` returns at once: mail never waits for the chat. `ready` is set while the homeserver answers."""

    def __init__(self, ground: Ground, submitter: Submitter, helpers: Helpers, files: CaseFiles) -> None:
        settings, db, keyring = ground.settings, ground.db, ground.keyring
        trail, clock, store = ground.trail, ground.clock, ground.store
        self.settings, self._db = settings, db
        self.secrets = Secrets.of(keyring)
        house = House(settings.matrix_server, frozenset(settings.matrix.trusted_servers), self.secrets.service)
        self._door = GateDoor(Gate(db, keyring, trail, clock, house), self.secrets.gate)
        self.admin = Admin(
            settings.matrix_main, settings.matrix_server, self.secrets.registration, self.secrets.service
        )
        self.enrolment = Enrolment(db, keyring, trail, clock, self.admin, settings.matrix_server)
        self.sign_on = SignOn(db, keyring, trail, clock, self.enrolment)
        scanner = RoomScanner(Clamd(settings.antivirus.clamd)) if settings.antivirus.clamd else NoScanner()
        self.cases = CaseDesk(db, keyring, trail, clock, store, files, self.enrolment)
        desk = Desk(db, keyring, trail, clock, store, submitter, helpers, scanner, self.cases)
        under = UnderBridge(db, keyring, trail, clock, store, scanner, self.admin, desk)
        folder = settings.home / "matrix" / "bridge"
        self.bridge = Bridge(under, settings.matrix_url, settings.matrix_server, folder.absolute(), self.secrets.pickle)
        self.ready = asyncio.Event()
        self.trouble = ""
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def client(self) -> ChatClient | None:
        """The homeserver as the pages know it; None where it asks another issuer."""
        if self.settings.matrix.oidc_issuer:
            return None
        issuer = self.settings.pages_url + OIDC
        return ChatClient(issuer, CLIENT, self.secrets.oidc, callback(self.settings), self.sign_on)

    async def start(self, host: ChatHost | None = None) -> None:
        """The gate first, then everything else in the background; `host` is one that was begun before.

        Raises OSError where the gate's port is taken.
        """
        loop = asyncio.get_running_loop()
        self._db.on_commit(partial(_wake, loop, (self._changed, self.bridge.wake)))
        if host is None:
            host = await asyncio.to_thread(ChatHost.open, self.settings, self.secrets)
        self._homeserver = host.homeserver
        self._server = uvicorn.Server(_config(self._door))
        self._tasks = [
            asyncio.ensure_future(self._server.serve([host.gate])),
            asyncio.ensure_future(self._keep_running()),
        ]

    async def stop(self) -> None:
        """The homeserver first: nothing asks the gate after it."""
        for task in self._tasks[1:]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._homeserver:
            await self._homeserver.stop()
        self._server.should_exit = True
        await self._tasks[0]
        await asyncio.to_thread(self.admin.close)

    async def _keep_running(self) -> None:
        wait = FIRST_WAIT_S
        while True:
            try:
                if self._homeserver:
                    await self._homeserver.start()
                await self._serve()
                wait = FIRST_WAIT_S
            except PliError as error:
                self.trouble = error.public
                log.warning("chat.down", cause=error.cause)
            except Exception as error:
                self.trouble = "the chat failed; the server's log says why"
                log.exception("chat.failed", kind=type(error).__name__)
            self.ready.clear()
            if self._homeserver:
                await self._homeserver.stop()
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _serve(self) -> None:
        """Until the homeserver ends. Raises PliError."""
        await asyncio.to_thread(self.enrolment.keep_in_step)
        self.ready.set()
        self.trouble = ""
        log.info("chat.ready")
        ended: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._homeserver.wait())] if self._homeserver else []
        ended.append(asyncio.ensure_future(self.bridge.run()))
        try:
            while not any(one.done() for one in ended):
                await self._some_time(ended)
                await asyncio.to_thread(self.enrolment.keep_in_step)
            for one in ended:
                if one.done():
                    one.result()
        finally:
            for one in ended:
                one.cancel()
            await asyncio.gather(*ended, return_exceptions=True)

    async def _some_time(self, ended: "Sequence[asyncio.Future[Any]]") -> None:
        """A while, or until an account has changed, or the homeserver has ended."""
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({*ended, changed}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        self._changed.clear()


def _wake(loop: asyncio.AbstractEventLoop, events: tuple[asyncio.Event, ...], signals: list[Signal]) -> None:
    if any(signal.topic in (TOPIC, DIRECTORY) for signal in signals) and not loop.is_closed():
        for event in events:
            loop.call_soon_threadsafe(event.set)


def _config(door: GateDoor) -> uvicorn.Config:
    return uvicorn.Config(door, log_config=None, access_log=False, server_header=False, lifespan="off")
