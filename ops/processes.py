"""The two processes of production: the server, and workers beside it."""

import asyncio
import sys
from functools import partial
from logging import getLevelNamesMapping
from pathlib import Path

from core.clock import SystemClock
from core.redact import configure_logging
from core.settings import Settings
from ops import migrate
from ops.chores import rounds
from ops.crew import Crew
from ops.instance import check_made
from ops.outside import Outside
from ops.serve import broken, end_at_once, serve
from ops.tasks import bind, make_celery
from ops.wiring import App, build


def run_server(home: Path) -> int:
    """`pli serve`; returns the exit code. Raises PliError, OSError."""
    return serve(_settings(home), SystemClock(), _say_ready)


def run_worker(home: Path) -> None:
    """`pli worker`: until SIGTERM, or until storage breaks. Raises PliError, OSError."""
    settings = _settings(home)
    celery = make_celery(settings)
    wired = build(settings, SystemClock())
    bind(celery, wired.work.keeper)
    crew = Crew(celery, rounds(settings, wired.work), settings.worker.concurrency, embedded=False)
    outside = Outside([wired.relay.run, wired.collector.run])
    outside.start()
    crew.run(partial(broken, wired))
    outside.stop()
    if broken(wired):
        end_at_once()
    wired.close()


def _settings(home: Path) -> Settings:
    settings = Settings.load(home)
    check_made(home)
    migrate.check(settings.database_url)
    configure_logging(settings.logs.json_lines, sys.stderr, getLevelNamesMapping()[settings.logs.level.upper()])
    return settings


async def _say_ready(app: App) -> None:
    listen = app.settings.listen
    print(f"pli serves on {listen.host}, HTTP port {listen.port('http')}; stop with Ctrl-C", file=sys.stderr)
    await asyncio.Event().wait()
