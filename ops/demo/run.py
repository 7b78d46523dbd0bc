"""What `pli demo` does: make or find the instance, serve, play, report."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from logging import getLevelNamesMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from core.clock import SystemClock
from core.redact import configure_logging
from core.settings import Settings
from ops.cli.common import progress_bar
from ops.demo.age import age_s
from ops.demo.chat_cast import CHAT_SERVER, chat_facts, chat_rooms, chat_users
from ops.demo.client import Post
from ops.demo.early import EarlyHost
from ops.demo.house import FACTS, prepare, write_facts
from ops.demo.papers import Papers
from ops.demo.report import logins, report
from ops.demo.scenario import Scenario
from ops.demo.stage import Stage, Step, StepFailed
from ops.instance import make_home
from ops.serve import serve
from ops.wiring import App

LOUD = "ATTENTION : --insecure-loopback accepte sans TLS tout ce qui vient de 127.0.0.1. Jamais hors démonstration."


@dataclass(frozen=True)
class Wanted:
    """The command's options."""

    home: Path
    port_offset: int = 0
    headless: bool = False
    as_json: bool = False
    serve_only: bool = False
    reset: bool = False
    insecure_loopback: bool = False
    chat: bool = True


def run(wanted: Wanted, loading: "subprocess.Popen[bytes] | None" = None) -> int:
    """Returns the exit code. `loading`: a homeserver's process that was begun before. Raises PliError, OSError."""
    settings = _settings(wanted)
    configure_logging(
        settings.logs.json_lines, _log_stream(settings), getLevelNamesMapping()[settings.logs.level.upper()]
    )
    if wanted.insecure_loopback:
        print(LOUD, file=sys.stderr)
    host = EarlyHost(settings, loading)
    with progress_bar() as progress:
        prepare(settings, SystemClock(), progress, host.begin, reset=wanted.reset)
    made = age_s()
    played: list[Stage] = []
    ready = _announce if wanted.serve_only else partial(_play, played, headless=wanted.headless, quiet=wanted.as_json)
    try:
        code = serve(settings, SystemClock(), ready, host.begun)
    finally:
        (settings.home / FACTS).unlink(missing_ok=True)  # it says that every listener answers
    if wanted.as_json and played:
        print(report(played, made))
    failed = bool(played) and not all(step.ok for stage in played for step in stage.steps)
    return code or int(failed)


def _settings(wanted: Wanted) -> Settings:
    chosen = Settings.load(wanted.home)
    listen = chosen.listen.model_dump() | ({"port_offset": wanted.port_offset} if wanted.port_offset else {})
    insecure = wanted.insecure_loopback or chosen.insecure_loopback
    matrix = chosen.matrix.model_dump() | {
        "enabled": wanted.chat,
        "server_name": chosen.matrix.server_name or CHAT_SERVER,
    }
    return Settings.load(wanted.home, listen=listen, insecure_loopback=insecure, matrix=matrix)


def _log_stream(settings: Settings) -> Any:
    """Lines for machines go to a file: the screen shows the play."""
    make_home(settings.home)
    return (settings.home / "pli.log").open("a", buffering=1, encoding="utf-8")


async def _announce(app: App) -> None:
    facts = write_facts(app.settings, await chat_facts(app) if app.chat else None)
    print(f"pli demo: ready, {facts['http']['url']}", file=sys.stderr)
    await asyncio.Event().wait()


async def _play(played: list[Stage], app: App, *, headless: bool, quiet: bool) -> None:
    """The mail's scenes and the chat's, side by side: the homeserver is another process."""
    facts = write_facts(app.settings)
    shown = _silent if quiet else _screen(facts)
    post = Post(facts, Papers(app.settings.home))
    mail, chat = (Stage(post, app.settings.home, shown) for _ in range(2))
    played += [mail, chat]
    lanes = [Scenario(mail).play(), *([_play_chat(app, chat, facts)] if app.chat else [])]
    failures = [one for one in await asyncio.gather(*lanes, return_exceptions=True) if one]
    for failure in failures:
        if not isinstance(failure, StepFailed):
            raise failure
        print(f"pli demo: {failure.public}", file=sys.stderr)
    if "matrix" in facts and not quiet:
        print(f"\n{logins(facts['matrix'])}")
    if not headless and not failures:
        print(f"\nLe serveur tourne : ouvrez {facts['http']['url']} (Ctrl-C pour arrêter).", file=sys.stderr)
        await asyncio.Event().wait()


async def _play_chat(app: App, stage: Stage, facts: dict[str, Any]) -> None:
    from ops.demo.chat_scenario import ChatScenario  # its libraries are not wanted without a chat

    async def scene() -> dict[str, Any]:
        facts["matrix"] = await chat_users(app)
        return {"users": len(facts["matrix"]["users"])}

    async def rooms() -> dict[str, Any]:
        matrix = facts["matrix"] | {"rooms": await chat_rooms(app, facts["matrix"]["users"])}
        facts.update(write_facts(app.settings, matrix))
        return {"rooms": len(matrix["rooms"])}

    await stage.play("chat_start", "La messagerie instantanée répond", scene)
    await ChatScenario(stage, facts["matrix"]).play(rooms)


def _silent(_title: str, _step: Step | None) -> None:
    """A program reads the JSON at the end."""


def _screen(facts: dict[str, Any]) -> Callable[[str, Step | None], None]:
    console = Console()
    console.print(
        f"\n[bold]Pli – démonstration[/] (données inventées, certificats sans valeur)  {facts['http']['url']}"
    )
    for protocol in ("smtp", "imap"):
        ports = ", ".join(f"{name} {port}" for name, port in facts[protocol].items() if name != "host")
        console.print(f"{protocol.upper()} {facts[protocol]['host']} : {ports}")
    for user in facts["users"]:
        console.print(f"  {user['role']:<11} {user['login']}  mot de passe : {user['password']}")
    console.print()

    def shown(title: str, step: Step | None) -> None:
        if step is not None:
            mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
            console.print(f"{mark} {title} [dim]{step.ms:.0f} ms[/]")

    return shown
