"""A throwaway PostgreSQL cluster from the machine's binaries: real fsync, unix socket, nothing left behind."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql

from tests.support.ports import free_port

BINARIES = Path("/usr/lib/postgresql")
WAIT_S = 60
MEMORY = Path("/dev/shm")
SIZES = """SELECT relname, pg_relation_size(oid) FROM pg_class
           WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
TRIGGERS = "SELECT 1 FROM pg_trigger WHERE NOT tgisinternal LIMIT 1"


def _binary(name: str) -> str:
    versions = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1])


class PostgresCluster:
    """Use as a context manager. `stop` and `start` are for outages; data survives them."""

    def __init__(self, *, durable: bool = True) -> None:
        """`durable=False`: no sync at all, for tests that are not about crashes."""
        self._lazy = "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        place = "/tmp" if durable or not MEMORY.is_dir() else str(MEMORY)
        self._folder = Path(tempfile.mkdtemp(prefix="pli-pg-", dir=place))
        self.port = free_port()
        self._data = self._folder / "data"

    def __enter__(self) -> "PostgresCluster":
        self._folder.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run(_binary("initdb"), "-D", str(self._data), "-U", "pli", "-A", "trust", "-E", "UTF8", "--no-locale")
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -k {self._folder} -h '' -c max_connections=200 -c shared_buffers=64MB{self._lazy}"
        self._run(
            _binary("pg_ctl"),
            "-D",
            str(self._data),
            "-w",
            "-t",
            str(WAIT_S),
            "-o",
            options,
            "-l",
            str(self._folder / "log"),
            "start",
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop at once; `immediate` is a crash of the server, the disk stays."""
        self._run(_binary("pg_ctl"), "-D", str(self._data), "-m", mode, "-w", "stop")

    def pause(self) -> None:
        """Freeze the server: it neither answers nor hangs up."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def create_database(self, name: str = "", template: str = "template1") -> str:
        """The URL of a new database: empty, or a copy of `template`."""
        name = name or f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name)

    def emptied(self, url: str, tables: Collection[str]) -> bool:
        """Whether the database has these tables again, each without a row: not where a test dropped one or locks it."""
        try:
            with psycopg.connect(url, autocommit=True, options="-c lock_timeout=500") as connection:
                sizes = dict(connection.execute(SIZES).fetchall())
                if sizes.keys() != set(tables) or connection.execute(TRIGGERS).fetchone():
                    return False
                if filled := [sql.Identifier(name) for name, size in sizes.items() if size]:
                    connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(",").join(filled)))
        except psycopg.Error:
            return False
        return True

    def _url(self, database: str) -> str:
        return f"postgresql://pli@/{database}?host={self._folder}&port={self.port}"

    def _signal(self, number: signal.Signals) -> None:
        leader = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(["pgrep", "-P", str(leader)], capture_output=True, text=True, check=False).stdout
        for pid in [leader, *map(int, children.split())]:
            os.kill(pid, number)

    def _run(self, *command: str) -> None:
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        done = subprocess.run(
            [*prefix, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd="/",
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()[-400:]}")
