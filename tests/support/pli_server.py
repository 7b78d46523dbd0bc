"""`pli` as a child process of the tests: started, watched, killed, asked for its ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.ports import free_offset
from tests.support.process import cpu_seconds, stop, wait_until
from tests.support.senders import ImapSource
from tests.support.smtp_client import SmtpTarget

PLI = [sys.executable, "-m", "ops.cli"]
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
MX, IMAP = 2525, 2143


class PliServer:
    """One `pli demo --serve-only` on its own home folder and free ports; start it again after a kill, same home.

    `args` are added to the command, `env` to our environment. `command` replaces `demo --serve-only`; `log` is where
    its output goes, beside the home when not given. The chat is left out unless `chat` asks for it: it takes seconds.
    """

    def __init__(
        self,
        home: Path,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = ("demo", "--serve-only"),
        log: Path | None = None,
        *,
        chat: bool = False,
    ) -> None:
        self.home, self.args, self.command = home, list(args), list(command)
        if self.command[0] == "demo" and not chat:
            self.args.append("--no-chat")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PLI_")}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)  # a start without compiled modules takes seconds more
        self.env |= env or {}
        self.offset = free_offset()
        self.log_path = log or home.with_name(home.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._info: dict[str, Any] = {}

    def start(self, *, wait: bool = True) -> None:
        """Start and wait until demo.json appears. Raises OSError with the end of the log when the server ends first."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.command != ["worker"]:  # which says nothing when it is ready
            self.ready_path.unlink(missing_ok=True)
        ports = ["--port-offset", str(self.offset)] if self.command[0] == "demo" else []  # others read their settings
        command = [*PLI, *self.command, "--home", str(self.home), *ports, *self.args]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_ready()

    @property
    def ready_path(self) -> Path:
        return self.home / "demo.json"

    @property
    def smtp(self) -> SmtpTarget:
        """The MX listener without TLS; known before the server has ever started."""
        return SmtpTarget(MX + self.offset)

    def imap(self, password: str) -> ImapSource:
        """The IMAP listener without TLS, for mailboxes of this password and the users of demo.json."""
        users = {user["login"]: user["password"] for user in self.info["users"]}
        return ImapSource(IMAP + self.offset, password, users)

    def wait_ready(self) -> None:
        wait_until(self._is_ready, seconds=START_SECONDS, what="pli")
        self._info = json.loads(self.ready_path.read_text())

    def _is_ready(self) -> bool:
        if not self.running:
            raise OSError(f"pli ended with {self.process.returncode}: {self.log[-2000:]}")
        return self.ready_path.exists()

    def heeds(self) -> bool:
        """Whether it ends in good order on SIGTERM by now: early in its start that would just kill it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process, "not started"
        return self._process

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def info(self) -> dict[str, Any]:
        """demo.json: hosts, ports, the CA file and the users; as it was when the server was last ready."""
        return self._info

    def port(self, name: str) -> int:
        """Port of `mx`, `submission`, `submissions`, `imap` or `imaps`."""
        return int({**self.info["smtp"], **self.info["imap"]}[name])

    def user(self, role: str) -> dict[str, Any]:
        """The first user of that role in demo.json."""
        return next(user for user in self.info["users"] if user["role"] == role)

    def cli(self, *args: str) -> str:
        """Run another `pli` command on the same home and return what it printed. Raises when it fails."""
        command = [*PLI, *args, "--home", str(self.home)]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"pli {args[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def kill9(self) -> None:
        """SIGKILL to the whole group: nothing gets a chance to tidy up."""
        if self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self._process:
            stop(self.process)

    def __enter__(self) -> "PliServer":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
