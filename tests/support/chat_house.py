"""A house with a chat inside the test's own process: real Synapse, our gate and bridge, professionals to play with."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from sqlalchemy import insert

from core.address import Address
from core.settings import Settings
from crypto.authority import Authority
from directory.extracts.entry import Entry
from directory.generate import DOMAIN, rpps
from directory.mailboxes import create_mailbox
from directory.tables import entries
from instant.accounts import Account, set_away, set_rule
from instant.rooms import MAILBOX, open_rooms, to_make, want_room
from mail.folders import create_default_folders
from mail.seals import keep_seal
from ops import instance
from ops.wiring import App, build
from tests.support.ports import free_port

SERVER = "chat.test"


class TestClock:
    """The real time."""

    __test__ = False

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Person:
    """Somebody with a mailbox and a chat account; `api` once signed in."""

    address: str
    mailbox_id: int
    account: Account
    code: str

    @property
    def user_id(self) -> str:
        return self.account.user_id


class ChatHouse:
    """`async with`; everything is under `folder`."""

    def __init__(self, folder: Path) -> None:
        matrix = {"enabled": True, "server_name": SERVER}
        listen = {"matrix": free_port(), "http": free_port()}
        self.settings = Settings.load(folder, matrix=matrix, listen=listen)
        self.url = self.settings.matrix_url
        self._number = 0

    async def __aenter__(self) -> "ChatHouse":
        await asyncio.to_thread(self._make)
        self.app: App = await asyncio.to_thread(build, self.settings, TestClock())
        await self.app.chat.start()
        await asyncio.wait_for(self.app.chat.ready.wait(), 400)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.app.chat.stop()
        await asyncio.to_thread(self.app.close)

    def _make(self) -> None:
        instance.create(self.settings)
        self.authority = Authority.create("Essai", now=datetime.now(UTC))
        (self.settings.home / "tls").mkdir()
        self.authority.save(self.settings.home / "tls")

    def load_authority(self) -> None:
        """The one that an earlier process has made."""
        self.authority = Authority.load(self.settings.home / "tls" / "ca.pem", self.settings.home / "tls" / "ca.key")

    def address(self, kind: str, number: int) -> str:
        """The address of the `number`th person made."""
        return f"essai.{kind.lower()}.{number}@{DOMAIN}"

    async def person(self, kind: str = "PER", **more: Any) -> Person:
        """A professional (or, ORG, a pharmacy) of the annuaire, with mailbox, seal, account and a code."""
        self._number += 1
        person = await asyncio.to_thread(self._person, kind, self._number, more)
        await asyncio.to_thread(self.app.chat.enrolment.keep_in_step)
        return person

    def _person(self, kind: str, number: int, more: dict[str, Any]) -> Person:
        address = self.address(kind, number)
        named = (
            {"family": f"ESSAI{number}", "given": "Ana"} if kind == "PER" else {"structure_name": f"PHARMACIE {number}"}
        )
        facts = {"national_id": f"8{rpps(700_000 + number)}"} if kind == "PER" else {}
        mailbox_id = self.app.db.run(
            self.enter, Entry(address=address, kind=kind, city="BREST", **named, **facts, **more)
        )
        account, code = self.app.chat.enrolment.code(Address.parse(address), timedelta(hours=1), uses=1000)
        return Person(address, mailbox_id, account, code)

    def enter(self, session: Any, entry: Entry) -> int:
        """Somebody of the annuaire with a mailbox and its seal; its id."""
        now = datetime.now(UTC)
        address = Address.parse(entry.address)
        session.execute(insert(entries), asdict(entry))
        mailbox = create_mailbox(session, self.app.keyring, address, entry.kind, now)
        create_default_folders(session, mailbox.id, now)
        keep_seal(
            session, self.app.keyring, mailbox.id, self.authority.issue_smime(entry.address, entry.label, now=now)
        )
        return mailbox.id

    async def room(self, person: Person) -> str:
        """The room of this mailbox."""
        now = datetime.now(UTC)
        made = await self.app.db.arun(want_room, person.account.id, person.mailbox_id, MAILBOX, now)
        while await self.app.db.aread(to_make):
            await asyncio.sleep(0.05)
        found = await self.app.db.aread(open_rooms)
        return next(room.room_id for room in found if room.id == made.id)

    async def rule(self, person: Person, subject: str, allow: bool | None) -> None:
        await self.app.db.arun(set_rule, person.account.id, subject, allow)

    async def away(self, person: Person, away: bool = True) -> None:
        await self.app.db.arun(lambda session: set_away(session, person.account.id, away=away))


class Api:
    """A user's requests past any client."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60)
        self.token = ""

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def login(self, user_id: str, password: str, **more: Any) -> tuple[int, dict[str, Any]]:
        identifier = {"type": "m.id.user", "user": user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": password, **more}
        status, answer = await self.call("POST", "/login", body)
        self.token = answer.get("access_token", self.token)
        return status, answer

    async def call(self, method: str, path: str, body: Any = None, base: str = "/_matrix/client/v3") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await self._http.request(method, base + path, json=body, headers=headers)
        with suppress(ValueError):
            return answer.status_code, answer.json()
        return answer.status_code, {}

    async def create(self, **config: Any) -> tuple[int, Any]:
        return await self.call("POST", "/createRoom", config)

    async def in_room(self, method: str, room_id: str, rest: str, body: Any = None) -> tuple[int, Any]:
        return await self.call(method, f"/rooms/{quote(room_id)}/{rest}", body)
