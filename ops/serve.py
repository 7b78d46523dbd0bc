"""The server's process: starts everything, waits for the end, stops everything in order.

A failed sync ends the process at once with a code of its own: nothing may be acknowledged after it, and whoever
supervises us starts us again on what the disk really holds.
"""

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, NoReturn

import structlog
import uvloop
from celery import Celery

from core.clock import Clock
from core.settings import Settings
from mail.folder_names import seal_old_names
from ops.chores import rounds
from ops.commands import table as commands
from ops.control import Control, Progress
from ops.courier import Courier
from ops.crew import Crew
from ops.leftovers import sweep_leftovers
from ops.lock import HomeLock
from ops.network import Network
from ops.outside import Outside
from ops.pages import pages
from ops.tasks import bind, make_celery
from ops.wiring import App, build

BROKEN_STORAGE = 70  # the process's exit code, sysexits' EX_SOFTWARE
LOOK_S = 0.2
GARBAGE_AFTER = 10_000  # objects made; 700 is for small programs
TURN_S = 0.002
M_MMAP_THRESHOLD = -3  # malloc.h
GIVEN_BACK_OCTETS = 8 * 1024 * 1024

Ready = Callable[[App], Awaitable[None]]
log = structlog.get_logger()


def serve(settings: Settings, clock: Clock, ready: Ready, chat_host: Any = None) -> int:
    """Serve until SIGTERM or SIGINT, or until `ready(app)` returns, which starts when every listener answers.

    `chat_host` (ops.chat_host.ChatHost) is one that was begun before. Returns the exit code.
    Raises InstanceBusy, PortTaken, DatabaseDown.
    """
    tune()
    with HomeLock(settings.home), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, clock, ready, chat_host))


def tune() -> None:
    """For a process with one busy loop and one commit train: what was loaded is not looked through again for garbage,
    and the train gets its turn between two statements within two milliseconds, not five. Large pieces of memory go back
    to the system at once: glibc would learn to keep those of password hashing, one for each thread that did it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    sys.setswitchinterval(TURN_S)
    with suppress(OSError, AttributeError):  # another C library has no such setting, and no such habit
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, GIVEN_BACK_OCTETS)


async def _serve(settings: Settings, clock: Clock, ready: Ready, chat_host: Any) -> int:
    app = build(settings, clock)
    try:
        log.info("serve.swept", files=await asyncio.to_thread(sweep_leftovers, app.db, app.blobs))
        if sealed := await app.db.arun(seal_old_names, app.keyring):
            log.info("serve.sealed_names", folders=sealed)
        async with running(app, chat_host) as stopped:
            ended = {asyncio.ensure_future(stopped.wait()), asyncio.ensure_future(ready(app))}
            await _first(app, ended)
    finally:
        app.close()
    return 0


@asynccontextmanager
async def running(app: App, chat_host: Any = None) -> Any:
    """All services of this process, up; gives the event that ends them."""
    async with AsyncExitStack() as stack:
        app.judge.warm()
        app.notary.start()
        stack.callback(app.notary.stop)
        if app.chat:
            await app.chat.start(chat_host)
            stack.push_async_callback(app.chat.stop)
        celery = make_celery(app.settings)
        courier = Courier(celery)
        stack.callback(courier.close)
        app.db.on_own_commit(courier.heard)
        if app.settings.worker.embedded:
            stack.callback(_start_crew(celery, app).stop)
            stack.callback(_start_outside(app).stop)
        network = Network(app, pages(app))
        await network.start()
        stack.push_async_callback(network.stop)
        control = Control(app.settings.home, partial(_command, app))
        await control.start()
        stack.push_async_callback(control.stop)
        yield _stop_on_signals()


def _start_crew(celery: Celery, app: App) -> Crew:
    bind(celery, app.work.keeper)
    crew = Crew(celery, rounds(app.settings, app.work), app.settings.worker.concurrency, embedded=True)
    crew.start()
    return crew


def _start_outside(app: App) -> Outside:
    outside = Outside([app.relay.run, app.collector.run])
    outside.start()
    return outside


def _command(app: App, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    return commands.run(app, name, arguments, progress)


def _stop_on_signals() -> asyncio.Event:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _first(app: App, ended: "set[asyncio.Future[Any]]") -> None:
    """Until one of them is over, or storage breaks. Raises what it raised."""
    done: set[asyncio.Future[Any]] = set()
    while not done and not broken(app):
        done, _ = await asyncio.wait(ended, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    if broken(app):
        end_at_once()
    for one in ended:
        one.cancel()
    for one in done:
        one.result()


def broken(app: App) -> bool:
    """Whether a sync has failed in this process."""
    return app.db.failed.is_set() or app.blobs.failed.is_set()


def end_at_once() -> NoReturn:
    """No good-byes: whoever waits for an answer gets none, and the start finds what is really there."""
    log.critical("serve.storage_broken")
    os._exit(BROKEN_STORAGE)
