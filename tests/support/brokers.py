"""Debian's Redis and RabbitMQ as throwaway brokers on loopback: own folder, own ports, stopped and started at will."""

import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.support.ports import free_port
from tests.support.process import as_user, owned_by, runs, signal_family, stop, wait_until

RABBIT_CONF = """
listeners.tcp.1 = 127.0.0.1:{port}
default_user = pli
default_pass = {password}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
"""


class Broker:
    """What both have in common. A context manager; what is queued survives `stop` and `start`, as in production."""

    user = ""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"pli-{self.user}-", dir="/tmp"))
        self.home.chmod(0o755)
        owned_by(self.user, self.home, self.home / "data")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The broker's URL, as Celery and kombu take it."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin:/usr/sbin", "HOME": str(self.home), "LANG": "C.UTF-8"}

    def _ready(self) -> bool:
        assert self._process
        return runs(self._process, self.port)

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*as_user(self.user), *self._command()],
                env=self._environment(),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._ready, seconds=90, what=type(self).__name__)

    def stop(self) -> None:
        """Stop in good order; harmless when it is not running."""
        if self._process:
            self._signal(signal.SIGTERM)
            stop(self._process)
            self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        signal_family(self._process.pid, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process:
            self.resume()
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Redis(Broker):
    """Redis with its append-only file, so that a stop loses nothing."""

    user = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.home / "data", "appendonly": "yes", "save": ""}
        return [
            "/usr/bin/redis-server",
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]


class RabbitMq(Broker):
    """RabbitMQ with its own Erlang port mapper, cookie, node name and ports: it meets no other node of the machine."""

    user = "rabbitmq"

    def __init__(self) -> None:
        super().__init__()
        self.password, self.mapper, self.distribution = secrets.token_hex(8), free_port(), free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        (self.home / "rabbitmq.conf").write_text(RABBIT_CONF.format(port=self.port, password=self.password))
        (self.home / "enabled_plugins").write_text("[].\n")

    @property
    def url(self) -> str:
        return f"amqp://pli:{self.password}@127.0.0.1:{self.port}//"

    def _command(self) -> list[str]:
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"pli{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "data"),
            "RABBITMQ_PID_FILE": str(self.home / "data" / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def start(self) -> None:
        if not self._epmd:
            command = [*as_user(self.user), "/usr/bin/epmd", "-port", str(self.mapper), "-address", "127.0.0.1"]
            self._epmd = subprocess.Popen(command, env=self._environment(), start_new_session=True)
            epmd = self._epmd
            wait_until(lambda: runs(epmd, self.mapper), what="epmd")
        super().start()

    def admit(self, name: str) -> None:
        """Another user, with the same password."""
        self._ctl("add_user", name, self.password)
        self._ctl("set_permissions", name, ".*", ".*", ".*")

    def hang_up(self) -> None:
        """Take leave of everybody who is connected, in good order, and stay."""
        self._ctl("close_all_connections", "maintenance")

    def _ctl(self, *words: str) -> None:
        command = [*as_user(self.user), "/usr/lib/rabbitmq/bin/rabbitmqctl", *words]
        subprocess.run(command, env=self._environment(), cwd=self.home, capture_output=True, check=True)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if self._epmd:
            signal_family(self._epmd.pid, signal.SIGTERM)
            stop(self._epmd)
