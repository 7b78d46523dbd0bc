"""Where the scenario is played: the players' mail client, the counter's commands, and a record of each step."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import PliError, Temporary
from ops.control import ask
from ops.demo.age import age_s
from ops.demo.client import Post

WAIT_S = 20.0
LOOK_S = 0.02


class StepFailed(PliError):
    """A step of the demonstration did not hold; the text says which of its promises."""


@dataclass(frozen=True)
class Step:
    """One step as it went: `facts` are ids, verdicts and counts, never a name or a number of a person."""

    step: str
    title: str
    ok: bool
    ms: float
    facts: dict[str, Any]


@dataclass
class Stage:
    """`shown` is told of each step when it begins (None) and when it is over."""

    post: Post
    home: Path
    shown: Callable[[str, Step | None], None]
    steps: list[Step] = field(default_factory=list)
    ended: float = 0.0  # when its last step was over, in seconds since the process began

    async def play(self, name: str, title: str, scene: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Run a scene and keep how it went. Raises StepFailed, after keeping it."""
        self.shown(title, None)
        began = time.perf_counter()
        try:
            facts, ok = await scene(), True
        except (PliError, OSError, LookupError, ValueError) as error:
            facts, ok = {"error": error.public if isinstance(error, PliError) else type(error).__name__}, False
        step = Step(name, title, ok, round((time.perf_counter() - began) * 1000, 1), facts)
        self.steps.append(step)
        self.ended = age_s()
        self.shown(title, step)
        if not ok:
            raise StepFailed(f"step {name}: {facts['error']}")

    async def run(self, command: str, **arguments: Any) -> Any:
        """A command to the server, by its control socket, as `pli` gives it."""
        return await asyncio.to_thread(ask, self.home, command, arguments, _silent)

    async def until(self, look: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Look again and again until there is something. Raises Temporary after 20 s."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = await look()
            if found:
                return found
            await asyncio.sleep(LOOK_S)
        raise Temporary(f"{what} did not come")


def held(condition: object, promise: str) -> None:
    """Raises StepFailed with the promise when it was not kept."""
    if not condition:
        raise StepFailed(promise)


def _silent(_what: str, _done: int, _total: int) -> None:
    """A command's progress interests nobody here."""
