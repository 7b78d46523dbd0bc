"""Commands to a running server: one JSON line in, JSON lines out, over a Unix socket that only its owner may open.

SQLite is served by one process, so `pli order list` and the like are run by the server when it is up, and by the
command itself when it is not. Answers: any number of {"progress": […]}, then {"result": …} or {"error": "…"}.
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from core.errors import BadInput, PliError, Temporary

MOST_OCTETS = 1024 * 1024
DEEPEST_PATH = 100  # a Unix socket's path is at most 107 octets
Progress = Callable[[str, int, int], None]
Runner = Callable[[str, dict[str, Any], Progress], Any]

log = structlog.get_logger()


class ServerError(PliError):
    """The server refused; the text is its public one."""


class Control:
    """The server's end."""

    def __init__(self, home: Path, run: Runner) -> None:
        self._path = home / "control.sock"
        self._run = run

    async def start(self) -> None:
        """Listen. Replaces a socket that a killed server left behind."""
        _check_length(self._path)
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=MOST_OCTETS)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Take no more commands."""
        self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()

        def say(message: dict[str, Any]) -> None:
            if not writer.is_closing():  # who asked may have left; the command goes on
                writer.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")

        def progress(what: str, done: int, total: int) -> None:
            loop.call_soon_threadsafe(say, {"progress": [what, done, total]})

        try:
            request = json.loads(await reader.readline())
            result = await asyncio.to_thread(self._run, request["command"], request["arguments"], progress)
            say({"result": result})
        except PliError as error:
            say({"error": error.public})
        except Exception:
            log.exception("control.failed")
            say({"error": "the command failed; the server's log says why"})
        finally:
            with suppress(ConnectionError):
                await writer.drain()
            writer.close()


def ask(home: Path, command: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """Have the running server do it; returns its result. Raises ServerError, OSError when there is no server."""
    path = home / "control.sock"
    _check_length(path)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        with line.makefile("rb") as answers:
            return _listen(answers, progress)


def _listen(answers: Any, progress: Progress) -> Any:
    for answer in map(json.loads, answers):
        if "progress" in answer:
            progress(*answer["progress"])
        elif "error" in answer:
            raise ServerError(answer["error"])
        else:
            return answer["result"]
    raise Temporary("the server stopped before it answered")


def _check_length(path: Path) -> None:
    if len(str(path)) > DEEPEST_PATH:
        raise BadInput("the instance's folder has too long a path for a control socket")
