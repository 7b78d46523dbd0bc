"""A whole `pli` as its users see it: mail clients over TLS, commands, and what its logs may not hold."""

import imaplib
import json
import sqlite3
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import psycopg

from core.address import Address
from crypto.tls import client_context
from ops.control import ask
from ops.demo.cast import COLLEAGUES, PATIENTS, players
from ops.demo_files import MEDICINES, PRESCRIBER
from record.order_book import WAIT_KIND
from tests.support.letters import Letter, letter
from tests.support.logscan import assert_clean
from tests.support.pli_server import PliServer
from tests.support.process import wait_until
from tests.support.senders import ImapSource
from tests.support.smtp_client import Answer, SmtpClient, SmtpTarget

User = dict[str, Any]
# of `pli demo`
STEPS = "send receive file draft work ready photo tampered spoofed report consent collect verify".split()
LATER_MS = 20_000


@dataclass
class Flow:
    """One server and all that was said to it. `logs` are read beside its own; `said` must be in none of them."""

    server: PliServer
    logs: list[Path] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @property
    def home(self) -> Path:
        return self.server.home

    @property
    def info(self) -> dict[str, Any]:
        return self.server.info

    @property
    def pharmacy(self) -> User:
        return self.server.user("pharmacist")

    @property
    def physician(self) -> User:
        return self.server.user("physician")

    def patient(self, rank: int = 0) -> User:
        return [user for user in self.info["users"] if user["role"] == "patient"][rank]

    def context(self, user: User | None = None) -> ssl.SSLContext:
        """A client that knows the demo's authority; it shows the certificate of `user` when one is given."""
        return client_context(self.info["ca_file"], *((user["certificate"], user["key"]) if user else ()))

    def write(self, user: User, to: str, subject: str, **more: Any) -> Letter:
        """A signed letter, see `tests.support.letters`; its subject, text and names of files may be in no log."""
        made = letter(user, to, subject, **more)
        self.said += [subject, made.text, *(name for name, _, _ in more.get("files", ()))]
        return made

    def submit(self, user: User, raw: bytes, to: str, *, sender: str = "", port: str = "submissions") -> Answer:
        """With the user's password; `sender` is the envelope's, their own address unless told otherwise."""
        tls = "implicit" if port == "submissions" else "starttls"
        login = (user["login"], user["password"])
        context = self.context()
        target = SmtpTarget(self.server.port(port), "127.0.0.1", sender or user["address"], tls, context, login)
        with SmtpClient(target) as client:
            return client.send(to, raw)

    def relay(self, sender: str, raw: bytes, to: str, operator: User | None) -> Answer:
        """To the MX listener as another operator, with its certificate, or with none."""
        target = SmtpTarget(self.server.port("mx"), "127.0.0.1", sender, "starttls", self.context(operator))
        with SmtpClient(target) as client:
            return client.send(to, raw)

    def imap(self, user: User) -> imaplib.IMAP4:
        """Logged in over implicit TLS."""
        source = ImapSource(self.server.port("imaps"), user["password"], host="localhost", context=self.context())
        return source.open(user["login"])

    def fetch(self, user: User, message_id: str) -> tuple[bytes, str]:
        """The octets and the flags of this message in the user's INBOX, as soon as it is there."""
        return self.until(lambda: self.look(user, message_id), "the message")

    def look(self, user: User, message_id: str = "", subject: str = "") -> tuple[bytes, str] | None:
        """The newest such message; None when there is none."""
        imap = self.imap(user)
        try:
            imap.select("INBOX", readonly=True)
            wanted = ("HEADER", "Message-ID", message_id) if message_id else ("SUBJECT", f'"{subject}"')
            found = imap.uid("SEARCH", *wanted)[1][0].split()
            if not found:
                return None
            parts = imap.uid("FETCH", found[-1].decode(), "(FLAGS BODY.PEEK[])")[1]
            flags = b" ".join(part[0] if isinstance(part, tuple) else part for part in parts)
            return parts[0][1], flags.decode()
        finally:
            imap.logout()

    def pli(self, *args: str) -> Any:
        """A command; JSON where it prints JSON."""
        printed = self.server.cli(*args)
        try:
            return json.loads(printed)
        except ValueError:
            return printed

    def ask(self, command: str, **arguments: Any) -> Any:
        """The same by the control socket, without a process of its own."""
        return ask(self.home, command, arguments, lambda *_: None)

    def next_order(self) -> dict[str, Any]:
        """The pharmacy's next order that no test has asked for yet, whole."""
        by = self.pharmacy["login"]
        rows = self.until(lambda: self._unseen("order.list", by, "number"), "the order")
        self._seen.add(rows[0]["number"])
        return self.ask("order.show", number=rows[0]["number"], by=by)

    def new_documents(self, user: User) -> list[dict[str, Any]]:
        """Rows of `pli record list` that no test has asked for yet: at least one."""
        rows = self.until(lambda: self._unseen("record.list", user["login"], "document"), "the document")
        self._seen.update(row["document"] for row in rows)
        return rows

    def _unseen(self, command: str, by: str, key: str) -> list[dict[str, Any]]:
        return [row for row in self.ask(command, by=by) if row[key] not in self._seen]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the server's database from outside: counts and states only, everything else is sealed."""
        if url := self.server.env.get("PLI_DATABASE__URL", ""):
            with psycopg.connect(url) as postgres:
                return postgres.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(f"file:{self.home / 'pli.db'}?mode=ro", uri=True)) as sqlite:
            return sqlite.execute(statement).fetchall()

    def wait_work_done(self) -> None:
        """Until no promise is open but those made for much later, and looks at orders, of which there is always one to
        come: each order that nobody touches has one a minute. Raises AssertionError when a promise was given up.
        """
        far = f"kind = '{WAIT_KIND}' OR due_at > {time.time_ns() // 1_000_000 + LATER_MS}"
        later = f"state = 'waiting' AND attempts = 0 AND ({far})"
        unfinished = f"SELECT count(*) FROM outbox WHERE state IN ('waiting', 'leased') AND NOT ({later})"
        wait_until(lambda: self.rows(unfinished) == [(0,)], what="the outbox")
        assert self.rows("SELECT count(*) FROM outbox WHERE state = 'buried'") == [(0,)]

    def until(self, look: Callable[[], Any], what: str, *, seconds: float = 60) -> Any:
        """What `look` finds, as soon as it finds something."""
        found: list[Any] = []

        def ready() -> bool:
            found[:] = [look()]
            return bool(found[0])

        wait_until(ready, seconds=seconds, what=what)
        return found[0]

    def assert_clean(self, *words: str) -> None:
        """No log holds anything personal: who lives in the demo, what was said in this flow, nor these words."""
        logs = [self.server.log_path, self.home / "pli.log", *self.logs]
        present = [path for path in logs if path.exists()]
        assert present
        for path in present:
            assert_clean(path.read_text(errors="replace"), [*cast(), *self.said, *words])


def cast() -> list[str]:
    """Names, addresses and numbers of the demo's people, and what stands on their papers."""
    people = [word for one in players() for word in (one.address, one.name, Address.parse(one.address).local)]
    patients = [word for one in PATIENTS for word in (one.ins.matricule, one.family, one.given, one.birth_date)]
    people += [word for one in players() if one.person for word in (one.person, one.person.split(",")[0])]
    people += [word for one in COLLEAGUES for word in (one.login, one.person)]
    papers = [PRESCRIBER.name, PRESCRIBER.rpps, *PRESCRIBER.lines, *(what for what, _ in MEDICINES)]
    return [*people, *patients, *papers]


def header(raw: bytes, name: str) -> str:
    """A header field of a message, unfolded."""
    return str(message_from_bytes(raw)[name] or "").replace("\r\n", "")
