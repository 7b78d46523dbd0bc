"""Signals between processes: PostgreSQL's LISTEN and NOTIFY, in a thread of its own."""

import json
import select
import socket
import threading
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from core.freight import Signal
from core.ids import token

CHANNEL = "pli"
ORIGIN = token()  # this process hears its own commits at once, not by this way
MOST_IN_ONE = 150  # a payload must stay below 8,000 bytes
RETRY_S = 1.0

log = structlog.get_logger()


def notify(connection: Connection, signals: list[Signal]) -> None:
    """Announce to the other processes, when this transaction commits."""
    unique = list(dict.fromkeys(signals))
    for start in range(0, len(unique), MOST_IN_ONE):
        batch = [list(signal) for signal in unique[start : start + MOST_IN_ONE]]
        payload = json.dumps([ORIGIN, batch], separators=(",", ":"))
        connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


class Listener:
    """Hears the other processes and hands on their signals; connects again for as long as it lives."""

    def __init__(self, url: URL, heard: Callable[[list[Signal]], None]) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._heard = heard
        self._stop = threading.Event()
        self._awake, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; harmless when it has stopped."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake.send(b"\0")
        self._thread.join()
        self._wake.close()
        self._awake.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("listener.lost", cause=type(error).__name__)
                self._stop.wait(RETRY_S)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                select.select([connection.fileno(), self._awake.fileno()], [], [])
                for notification in connection.notifies(timeout=0):
                    self._hear(notification.payload)

    def _hear(self, payload: str) -> None:
        origin, batch = json.loads(payload)
        if origin != ORIGIN:
            self._heard([Signal(*pair) for pair in batch])
