"""Synapse as `pli chat config` writes it, and as docs/chat.md says to start it: PostgreSQL, Redis, workers, nginx."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from tests.support.brokers import Redis
from tests.support.pli_server import ROOT, PliServer
from tests.support.ports import free_offset, free_port
from tests.support.postgres import PostgresCluster
from tests.support.process import runs, stop, wait_until

SERVER = "chat.demo.mssante.test"
MATRIX = 8008
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{}}
http {{
    log_format served '$upstream_addr $request_method $uri $status';
    access_log {folder}/served.log served;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class SynapseWorkers:
    """A context manager around a demonstration's `server`, which is started within it. `url` is nginx's."""

    def __init__(self, server: PliServer, postgres: PostgresCluster, workers: int = 2) -> None:
        self.folder, self.database = server.home.parent / "synapse", postgres.create_database()
        self.server, self._count, self._redis = server, workers, Redis()
        inner = 9093 + free_offset(range(9093, 9094 + workers))
        self.main = f"http://127.0.0.1:{MATRIX + server.offset}"
        self.workers = [f"http://127.0.0.1:{inner + number}" for number in range(1, workers + 1)]
        self._inner, self._public, policy = inner, free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._public}"
        server.env |= {
            "PLI_LISTEN__PORT_OFFSET": str(server.offset),
            "PLI_MATRIX__SERVER_NAME": SERVER,
            "PLI_MATRIX__URL": self.url,
            "PLI_MATRIX__DATABASE_URL": self.database,
            "PLI_MATRIX__REDIS_URL": self._redis.url,
            "PLI_MATRIX__POLICY_PORT": str(policy),
        }

    def __enter__(self) -> Self:
        """The instance is made, its files are written; then all that they name is started."""
        self._make_instance()
        options = ("--workers", str(self._count), "--first-port", str(self._inner))
        self.server.cli("chat", "config", str(self.folder), *options)
        self._reach_loopback()
        with ExitStack() as stack:
            stack.enter_context(self._redis)
            self._start(stack, "homeserver", ("-c", "homeserver.yaml"), self.main)
            for number, url in enumerate(self.workers, 1):
                self._start(stack, "generic_worker", ("-c", "homeserver.yaml", "-c", f"worker-{number}.yaml"), url)
            self._proxy(stack)
            self._ends = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ends.close()

    def served(self) -> list[tuple[str, str]]:
        """Of all that nginx has answered: by whom (`http://host:port`), and the path."""
        lines = [line.split() for line in (self.folder / "served.log").read_text().splitlines()]
        return [(f"http://{fields[0]}", fields[2]) for fields in lines]

    def dump(self) -> str:
        """All of Synapse's database, as pg_dump writes it."""
        command = ["pg_dump", "--inserts", self.database]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _make_instance(self) -> None:
        making = PliServer(self.server.home, env=self.server.env, log=self.folder.with_name("making.log"))
        making.offset = self.server.offset
        with making:
            pass

    def _reach_loopback(self) -> None:
        """The one change: a push gateway of the tests is on this machine, where Synapse calls nobody by itself."""
        file = self.folder / "homeserver.yaml"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"ip_range_whitelist": ["127.0.0.1"]}))

    def _start(self, stack: ExitStack, app: str, arguments: Sequence[str], url: str) -> None:
        command = [sys.executable, "-m", f"synapse.app.{app}", *arguments]
        self._run(stack, command, int(url.rpartition(":")[2]))

    def _proxy(self, stack: ExitStack) -> None:
        """The site file with what it leaves to the operator: where to listen."""
        site = (self.folder / "nginx-chat.conf").read_text()
        where = f"server_name {SERVER};"
        assert where in site
        (self.folder / "site.conf").write_text(site.replace(where, f"listen 127.0.0.1:{self._public}; {where}"))
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder))
        command = ["/usr/sbin/nginx", "-p", str(self.folder), "-c", "nginx.conf", "-e", "nginx-error.log"]
        self._run(stack, command, self._public)

    def _run(self, stack: ExitStack, command: Sequence[str], port: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PLI_")}
        with (self.folder / "out").open("ab") as out:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        stack.callback(stop, process)
        try:
            wait_until(lambda: runs(process, port), seconds=180, what=command[-1])
        except OSError as error:
            raise OSError(f"{error}: {(self.folder / 'out').read_text()[-2000:]}") from None
