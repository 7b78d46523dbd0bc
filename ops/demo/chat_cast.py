"""Who plays in the chat: the physician, a colleague of hers, the pharmacy; with codes that a plain client can type."""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core.address import Address
from core.errors import Temporary
from crypto.keyring import Keyring
from directory.extracts.entry import Entry
from directory.generate import DOMAIN, rpps
from directory.mailboxes import create_mailbox, find_mailbox
from directory.resolve import find_entry
from directory.tables import entries
from instant.accounts import find_account, get_account
from instant.rooms import MAILBOX, open_rooms, to_make, want_room
from mail.folders import create_default_folders
from ops.demo.cast import PHARMACY, PROFESSIONALS
from ops.wiring import App

CHAT_SERVER = "chat.demo.mssante.test"
PHYSICIAN = f"helene.kerouanton@{DOMAIN}"
CODE_DAYS, CODE_USES = 3650, 1_000_000  # only a demonstration's code opens more than once
READY_S = 60.0
LOOK_S = 0.05
KEPT_RPPS = PROFESSIONALS + 100_000  # no generated professional has it


async def chat_facts(app: App) -> dict[str, Any]:
    """The part of demo.json about the chat, with its rooms. Raises Temporary after a minute."""
    facts = await chat_users(app)
    return facts | {"rooms": await chat_rooms(app, facts["users"])}


async def chat_users(app: App) -> dict[str, Any]:
    """Where the chat is and who may log in, once it answers. Raises Temporary after a minute."""
    users = await asyncio.to_thread(enrol_players, app)
    try:
        await asyncio.wait_for(app.chat.ready.wait(), READY_S)
    except TimeoutError:
        raise Temporary(app.chat.trouble or "the chat did not start", "homeserver not ready") from None
    await asyncio.to_thread(app.chat.enrolment.keep_in_step)
    return {"url": app.settings.matrix_url, "server": CHAT_SERVER, "users": users}


async def chat_rooms(app: App, users: list[dict[str, str]]) -> list[dict[str, str]]:
    """The mailbox rooms of the first two users, made where there are none; each of them is invited."""
    for user in users[:2]:
        await app.db.arun(_want_room, user["user_id"], app.clock.now())
    end = asyncio.get_running_loop().time() + READY_S
    while await app.db.aread(to_make):
        if asyncio.get_running_loop().time() > end:
            raise Temporary("the chat made no rooms", "rooms not made in time")
        await asyncio.sleep(LOOK_S)
    return [
        {"room_id": room.room_id, "kind": room.kind, "user_id": account.user_id}
        for room in await app.db.aread(open_rooms)
        if (account := await app.db.aread(get_account, room.account_id))
    ]


def _want_room(session: Session, matrix_id: str, now: Any) -> None:
    account = find_account(session, matrix_id)
    if account:
        want_room(session, account.id, account.mailbox_id, MAILBOX, now)


def enrol_players(app: App) -> list[dict[str, str]]:
    """Accounts of the players, made where there are none, each with a new code. Raises PliError."""
    colleague = app.db.run(_people, app.keyring, app.clock.now())
    found = []
    for role, address in (("physician", PHYSICIAN), ("pharmacist", PHARMACY), ("colleague", colleague)):
        account, code = app.chat.enrolment.code(Address.parse(address), timedelta(days=CODE_DAYS), uses=CODE_USES)
        found.append({"role": role, "user_id": account.user_id, "password": code, "address": address})
    return found


def _people(session: Session, keyring: Keyring, now: Any) -> str:
    """The physician stands in the annuaire, and a colleague of hers has a mailbox; returns the colleague's address."""
    if find_entry(session, Address.parse(PHYSICIAN)) is None:
        session.execute(insert(entries), asdict(_physician()))
    colleague = _colleague(session)
    if find_mailbox(session, keyring, Address.parse(colleague)) is None:
        mailbox = create_mailbox(session, keyring, Address.parse(colleague), "PER", now)
        create_default_folders(session, mailbox.id, now)
    return colleague


def _physician() -> Entry:
    return Entry(
        address=PHYSICIAN,
        kind="PER",
        national_id=f"8{rpps(KEPT_RPPS)}",
        title="DR",
        family="KÉROUANTON",
        given="Hélène",
        profession_code="10",
        profession="Médecin",
        specialty="Qualifié en Médecine Générale",
        structure_id="1990000017",
        structure_name="CABINET DU DR KÉROUANTON",
        sector="SA07",
        city="PLOUÉZOC'H-LE-VIEUX",
        postcode="29999",
    )


def _colleague(session: Session) -> str:
    """The first cardiologist of the annuaire."""
    query = entries.select().where(entries.c.kind == "PER", entries.c.specialty_code == "SM04")
    row = session.execute(query.order_by(entries.c.address).limit(1)).mappings().one()
    return str(row["address"])
