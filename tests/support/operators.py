"""Another operator for tests: a scripted SMTP server with STARTTLS, and the relay that calls it.

The script says what a hostile or broken peer would; a real Postfix is in tests/mail/test_relay_postfix.py.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import outbox
from core.address import Address
from core.tables import outbox as promises
from core.value import replace
from crypto.identity import Identity as Certified
from crypto.tls import client_context, server_context
from directory.trusted import load_trusted, names_for
from mail.auth import Identity
from mail.consign import REPORT_KIND
from mail.dsn_parameters import NO_MAIL_WISHES, NO_RECIPIENT_WISHES, MailWishes, RecipientWishes
from mail.edge import dn_text
from mail.incoming import Door, Incoming, Peer
from mail.letter import read_letter
from mail.next_hop import NextHops
from mail.recipients import find_recipient
from mail.relay import Relay, Rules
from mail.relay_connection import Dialler
from mail.relay_queue import Patience
from mail.relay_tables import consigned
from mail.replies import MailError
from mail.reporter import Reporter
from mail.spool import spool_bytes
from tests.support.post_office import AUBIN, PostOffice

PEER = "clinique.test"
EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
OTHER = f"dr.lointain@{PEER}"
THIRD = f"accueil@{PEER}"
MAIL = f"From: <{AUBIN}>\r\nSubject: essai\r\nMessage-ID: <1@cabinet.example>\r\n\r\nbonjour\r\n.\r\n..fin\r\n".encode()
SILENCE = ""
HERE = Peer("127.0.0.1", helo="localhost", extended=True, tls=True)


@dataclass
class Taken:
    """One mail that the peer took."""

    sender: str
    recipients: list[str]
    raw: bytes


@dataclass
class Operator:
    """`answers`: verb, or "RCPT TO:<address>", "DATA." (the end of data), "GREETING" → the reply instead of the usual
    one; a reply of None hangs up, SILENCE is none at all. `tls` None: STARTTLS is not offered."""

    tls: ssl.SSLContext | None
    extensions: tuple[str, ...] = EXTENSIONS
    only_in_clear: tuple[str, ...] = ()
    answers: dict[str, str | None] = field(default_factory=dict)
    injected: bytes = b""
    mails: list[Taken] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # every command, as it was said
    clear: list[str] = field(default_factory=list)  # those said before TLS
    sessions: int = 0
    clients: list[dict] = field(default_factory=list)

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, _Over):
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secured, sender, to = False, "", []
        await self._say(writer, "GREETING", "220 peer ESMTP")
        while line := await reader.readline():
            text = line.decode().rstrip("\r\n")
            self.lines.append(text)
            if not secured:
                self.clear.append(text)
            verb = text.split(" ")[0].upper()
            if verb == "EHLO":
                offers = [*self.extensions, *(["STARTTLS"] if self.tls and not secured else [])]
                offers += () if secured else self.only_in_clear
                greeting = "".join(f"250-{each}\r\n" for each in offers) + "250 HELP"
                await self._say(writer, "EHLO", "250-peer\r\n" + greeting)
            elif verb == "STARTTLS":
                await self._say(writer, "STARTTLS", "220 go", self.injected)
                if "STARTTLS" in self.answers:
                    continue
                await writer.start_tls(self.tls)
                secured = True
                self.clients.append(writer.get_extra_info("peercert") or {})
            elif verb == "MAIL":
                sender, to = text, []
                await self._say(writer, "MAIL", "250 2.1.0 ok")
            elif verb == "RCPT":
                code = await self._say(writer, " ".join(text.split(" ")[:2]), "250 2.1.5 ok")
                to += [text] if code.startswith("2") else []
            elif verb == "DATA":
                if not (await self._say(writer, "DATA", "354 go")).startswith("354"):
                    continue
                raw = await reader.readuntil(b"\r\n.\r\n")
                body = raw[:-3].replace(b"\r\n..", b"\r\n.")
                if (await self._say(writer, "DATA.", "250 2.6.0 taken")).startswith("2"):
                    self.mails.append(Taken(sender, to, body.removeprefix(b".") if body.startswith(b"..") else body))
            else:
                await self._say(writer, verb, "221 bye" if verb == "QUIT" else "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, key: str, usual: str, more: bytes = b"") -> str:
        said = self.answers.get(key, usual)
        if said is None:
            raise _Over
        if said == SILENCE:
            await asyncio.sleep(3600)
        writer.write(said.encode() + b"\r\n" + more)
        await writer.drain()
        return said


class _Over(Exception):
    """Hang up."""


@dataclass
class World:
    """A post office, a peer, and the relay between them."""

    office: PostOffice
    routes: dict[str, str] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    hops: NextHops | None = None

    def __post_init__(self) -> None:
        now = datetime.now(self.office.clock.now().tzinfo)
        issue = self.office.papers.authority
        self.server = issue.issue_server(["localhost", "127.0.0.1"], now=now)
        self.stranger = issue.issue_server(["localhost"], now=now)
        self.own = issue.issue_client("Passerelle Pli", now=now, dns=["mx.pli.example"])
        self.expired = issue.issue_server(["localhost"], now=now - timedelta(days=400), days=30)
        self.list_peer(PEER)

    def list_peer(self, *domains: str, who: Certified | None = None) -> None:
        name = (who or self.server).certificate.subject
        listed = dn_text(frozenset((part.oid.dotted_string, str(part.value)) for part in name))
        self.office.db.run(_list, [(domain, listed) for domain in domains])

    def context(self, who: Certified | None = None, *, require: bool = True) -> ssl.SSLContext:
        """A peer's TLS context, which asks for our certificate."""
        paths = (who or self.server).save(self.office.folder, f"peer-{(who or self.server).sha256[:8]}")
        return server_context(*paths, client_ca=self.office.papers.ca, require_client=require)

    def relay(self, rules: Rules | None = None) -> Relay:
        office = self.office
        folder: Path = office.folder
        cert, key = self.own.save(folder, "own")

        async def listed(domain: str):  # type: ignore[no-untyped-def]
            return await office.db.aread(names_for, domain)

        hops = self.hops or NextHops(self.routes)
        dialler = Dialler(hops, listed, lambda: client_context(office.papers.ca, cert, key), "mx.pli.example")
        rules = rules or Rules(self.patience, linger_s=0.0)
        return Relay(office.db, office.clock, office.blobs, office.queue, dialler, rules)

    def reporter(self) -> Reporter:
        office = self.office
        host, product = "mx.pli.example", "NIL-0001"
        return Reporter(
            office.db, office.keyring, office.clock, office.store, office.reception, office.queue, host, product
        )


def _list(session: Session, pairs: list[tuple[str, str]]) -> None:
    load_trusted(session, pairs)


async def peer_of(world: World, **options) -> Operator:  # type: ignore[no-untyped-def]
    made = Operator(**({"tls": world.context()} | options))
    world.routes[PEER] = f"localhost:{await made.start()}"
    return made


def identity_of(office: PostOffice, who: str, role: str = "physician") -> Identity:
    mailbox = office.mailboxes[who]
    return Identity(1, mailbox.id, mailbox.holder_id, Address.parse(who), role)


def submit(
    office: PostOffice,
    *to: str,
    raw: bytes = MAIL,
    null: bool = False,
    wishes: RecipientWishes = NO_RECIPIENT_WISHES,
    of_mail: MailWishes = NO_MAIL_WISHES,
    require_tls: bool = False,
) -> int:
    """As after RCPT and DATA: Dr Aubin sends."""
    identity = identity_of(office, AUBIN)
    sender = None if null else identity.address
    named = [office.db.read(find_recipient, office.keyring, Address.parse(each)) for each in to]
    mail = Incoming(
        Door.SUBMISSION,
        HERE,
        office.clock.now(),
        identity,
        sender,
        tuple(replace(each, wishes=wishes) for each in named),
        letter=read_letter(raw),
        wishes=of_mail,
        require_tls=require_tls,
    )
    return office.deliverer.deliver_now(mail, spool_bytes(office.blobs, raw, 4096)).message_id


def refused(office: PostOffice, who: str, to: str, role: str = "physician") -> MailError:
    identity = identity_of(office, who, role)
    mail = Incoming(Door.SUBMISSION, HERE, office.clock.now(), identity, sender=identity.address)
    with pytest.raises(MailError) as found:
        office.reception.accept_now(mail, [Address.parse(to)], MAIL.replace(AUBIN.encode(), who.encode()))
    return found.value


def states(office: PostOffice) -> list[tuple[str, str, str, str]]:
    columns = (consigned.c.state, consigned.c.reason, consigned.c.code, consigned.c.owed)
    return office.db.read(lambda s: [tuple(row) for row in s.execute(select(*columns).order_by(consigned.c.place))])


def report(world: World) -> None:
    """Keep every promise to report, as the worker would."""
    query = select(promises.c.id, promises.c.ref).where(
        promises.c.kind == REPORT_KIND, promises.c.state == outbox.WAITING
    )
    for row_id, ref in world.office.db.read(lambda s: s.execute(query).all()):
        world.reporter()(ref)
        world.reporter()(ref)  # harmless twice
        world.office.db.run(outbox.done, row_id)


def numbered(number: int) -> bytes:
    """`MAIL` with a Message-ID of its own."""
    return MAIL.replace(b"<1@", f"<{number}@".encode())
