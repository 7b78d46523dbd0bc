"""An instance in production's shape: `pli serve` and any number of `pli worker`, PostgreSQL, a broker between them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from core.settings import Settings
from ops.demo.house import write_facts
from tests.support.brokers import Broker
from tests.support.flow import Flow
from tests.support.pli_server import PliServer
from tests.support.postgres import PostgresCluster
from tests.support.process import answers, wait_until

IMAPS = 2993
TOML = """
[database]
url = "{url}"
[listen]
port_offset = {offset}
[worker]
broker = "{broker}"
embedded = false
[outbox]
sweep_seconds = 2
lease_seconds = 10
"""


class Shape:
    """Made as a demonstration, so that it has people; served by separate processes. A context manager."""

    def __init__(self, folder: Path, broker: Broker, postgres: PostgresCluster, *, workers: int = 2) -> None:
        self.home, self.broker = folder / "home", broker
        self.server = PliServer(self.home, command=["serve"], log=folder / "serve.log")
        self.server.env["PLI_DATABASE__URL"] = url = postgres.create_database()
        logs = [folder / f"worker{number}.log" for number in range(workers)]
        self.workers = [PliServer(self.home, env=self.server.env, command=["worker"], log=log) for log in logs]
        self.flow = Flow(self.server, [*logs, folder / "making.log"])
        self.home.mkdir()
        toml = TOML.format(url=url, offset=self.server.offset, broker=broker.url)
        (self.home / "pli.toml").write_text(toml)

    def __enter__(self) -> Self:
        making = PliServer(self.home, env=self.server.env, log=self.home.with_name("making.log"))
        making.offset = self.server.offset
        with making:
            pass
        with ExitStack() as stack:
            stack.callback(self.server.stop)
            self.server.start(wait=False)
            for worker in self.workers:
                stack.callback(worker.stop)
                worker.start(wait=False)
            wait_until(self._answers, what="pli serve")
            write_facts(Settings.load(self.home))
            self.server.wait_ready()
            self._ends = stack.pop_all()
        return self

    def _answers(self) -> bool:
        if not self.server.running:
            raise OSError(f"pli serve ended: {self.server.log[-2000:]}")
        return answers(IMAPS + self.server.offset)

    def __exit__(self, *exc: object) -> None:
        self._ends.close()
