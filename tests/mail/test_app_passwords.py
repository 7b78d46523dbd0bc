"""Passwords of single devices: they open mail programs and nothing else, each is revoked alone."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.db import Db
from core.errors import BadInput, NotFound, Refused
from mail import app_passwords
from mail.accounts import Account, account_by_login, set_state
from mail.app_passwords import MOST, looks_like_one
from mail.auth import Throttled
from mail.incoming import Door
from mail.tables import app_passwords as rows
from tests.support.post_office import AUBIN, LEA, PASSWORD, PostOffice
from tests.support.smtp_dialogue import Connection


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    yield made
    await made.stop()


def account(office: PostOffice, who: str = AUBIN) -> Account:
    found = office.db.read(account_by_login, office.keyring, who)
    assert found is not None
    return found


def made(office: PostOffice, label: str = "Téléphone", who: str = AUBIN) -> tuple[int, str]:
    return office.db.run(app_passwords.add, office.keyring, account(office, who), label, office.clock.now())


async def enters(office: PostOffice, password: str, who: str = AUBIN, *, devices: bool = True) -> bool:
    found = await office.authenticator.password(who, password, devices=devices)
    return found is not None and found.account_id == account(office, who).id


async def test_it_opens_its_own_account_for_mail_programs_alone(office: PostOffice) -> None:
    _, password = made(office)
    for typed in (password, password.upper(), password.replace("-", ""), password.replace("-", " ")):
        assert await enters(office, typed)
    assert not await enters(office, password, devices=False)  # the pages ask so
    assert not await enters(office, password, LEA)
    assert await office.authenticator.password("nobody@x.example", password, devices=True) is None
    assert await enters(office, PASSWORD)


async def test_each_is_revoked_alone(office: PostOffice) -> None:
    (first, one), (_, other) = made(office, "Téléphone"), made(office, "Ordinateur du cabinet")
    with pytest.raises(NotFound):
        office.db.run(app_passwords.revoke, account(office, LEA).id, first)
    assert await enters(office, one)
    office.db.run(app_passwords.revoke, account(office).id, first)
    assert not await enters(office, one)
    assert await enters(office, other) and await enters(office, PASSWORD)
    with pytest.raises(NotFound):
        office.db.run(app_passwords.revoke, account(office).id, first)


async def test_an_account_out_of_use_has_no_devices_either(office: PostOffice) -> None:
    _, password = made(office)
    office.db.run(set_state, account(office).id, "suspended")
    assert not await enters(office, password)


async def test_its_owner_sees_when_it_was_used(office: PostOffice) -> None:
    number, password = made(office, "  Téléphone   de Léa ")
    (device,) = office.db.read(app_passwords.devices_of, office.keyring, account(office))
    assert (device.id, device.label, device.used) == (number, "Téléphone de Léa", None)
    began = office.clock.now()
    for hours in (0, 11, 2):  # noted again after half a day
        office.clock.advance(hours * 3600)
        assert await enters(office, password)
        (device,) = office.db.read(app_passwords.devices_of, office.keyring, account(office))
        noted = began if hours != 2 else office.clock.now()
        assert device.used is not None and abs(device.used - noted) < timedelta(seconds=1)


async def test_nothing_of_it_stands_in_the_table(office: PostOffice) -> None:
    _, password = made(office, "Téléphone de Léa")
    (row,) = office.db.read(lambda session: session.execute(select(rows)).all())
    kept = b"".join(value for value in row if isinstance(value, bytes))
    assert all(word.encode() not in kept for word in ("Téléphone", password, password.replace("-", "")))
    assert len({made(office)[1] for _ in range(5)}) == 5


async def test_guessing_is_held_off_as_ever(office: PostOffice) -> None:
    made(office)
    for _ in range(10):
        assert not await enters(office, "aaaa-" * 5 + "aaaa")
    with pytest.raises(Throttled):
        await enters(office, "aaaa-" * 5 + "aaaa")


async def test_over_smtp(office: PostOffice) -> None:
    _, password = made(office)
    line = await Connection.open(office, await office.start(Door.SUBMISSION))
    await line.receive()
    await line.send(b"EHLO a\r\n")
    await line.reply()
    plain = base64.b64encode(f"\0{AUBIN}\0{password}".encode()).decode()
    assert (await line.say(f"AUTH PLAIN {plain}")).startswith("235 ")
    await line.close()


def test_what_cannot_be_made(office: PostOffice) -> None:
    for label in ("", "   ", "x" * 61):
        with pytest.raises(BadInput):
            made(office, label)
    for _ in range(MOST):
        made(office)
    with pytest.raises(Refused):
        made(office)


@pytest.mark.parametrize("text", ["", PASSWORD, "a" * 23, "a" * 25, "é" * 24, "1" * 24, "-" * 24])
def test_other_passwords_do_not_look_like_one(text: str) -> None:
    assert not looks_like_one(text)
