"""Sessions that are open when the right to come in is taken back."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.db import Db
from directory.delegates import add_delegate, remove_delegate
from directory.mailboxes import close, suspend
from mail import app_passwords
from mail.accounts import account_by_login, set_state
from mail.auth import Identity
from mail.incoming import Door
from mail.standing import fallen
from tests.support.post_office import AUBIN, LEA, PASSWORD, PHARMACY, ROBOT, PostOffice
from tests.support.smtp_dialogue import Connection


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    yield made
    await made.stop()


async def entered(office: PostOffice, login: str, password: str = PASSWORD) -> Identity:
    found = await office.authenticator.password(login, password, devices=True)
    assert found is not None
    return found


def gone(office: PostOffice, *present: Identity) -> set[Identity]:
    return office.db.read(fallen, office.keyring, set(present), office.clock.now())


async def test_who_still_may_come_in_stays(office: PostOffice) -> None:
    software = await office.authenticator.certificate(office.papers.robot.sha256)
    assert software is not None and software.address.text == ROBOT
    office.db.run(suspend, office.mailboxes[LEA].id)  # it takes nothing new, but can be read
    assert gone(office, software, await entered(office, AUBIN), await entered(office, LEA)) == set()


@pytest.mark.parametrize("state", ["suspended", "closed"])
async def test_an_account_out_of_use(office: PostOffice, state: str) -> None:
    aubin, lea = await entered(office, AUBIN), await entered(office, LEA)
    office.db.run(set_state, aubin.account_id, state)
    assert gone(office, aubin, lea) == {aubin}


async def test_a_closed_mailbox(office: PostOffice) -> None:
    aubin = await entered(office, AUBIN)
    office.db.run(close, office.mailboxes[AUBIN].id)
    assert gone(office, aubin) == {aubin}


async def test_a_delegation_that_ended(office: PostOffice) -> None:
    service, person = office.mailboxes[PHARMACY].id, office.mailboxes[AUBIN].id
    office.db.run(add_delegate, office.keyring, service, person, office.clock.now())
    acting, own = await entered(office, f"{PHARMACY}*{AUBIN}"), await entered(office, AUBIN)
    assert gone(office, acting, own) == set()
    office.db.run(remove_delegate, service, person)
    assert gone(office, acting, own) == {acting}
    assert gone(office, replace(acting, mailbox_id=1)) == {replace(acting, mailbox_id=1)}  # it was erased


async def test_a_lost_telephone(office: PostOffice) -> None:
    owner = office.db.read(account_by_login, office.keyring, AUBIN)
    assert owner is not None
    number, password = office.db.run(app_passwords.add, office.keyring, owner, "Téléphone", office.clock.now())
    telephone, desk = await entered(office, AUBIN, password), await entered(office, AUBIN)
    assert gone(office, telephone, desk) == set()
    office.db.run(app_passwords.revoke, owner.id, number)
    assert gone(office, telephone, desk) == {telephone}


async def test_the_open_submission_session_ends(office: PostOffice) -> None:
    port = await office.start(Door.SUBMISSION)
    open_now = []
    for who in (AUBIN, LEA):
        open_now.append(connection := await Connection.open(office, port))
        await connection.receive()
        await connection.say("EHLO client.example")
        proof = base64.b64encode(f"\0{who}\0{PASSWORD}".encode()).decode()
        assert (await connection.say(f"AUTH PLAIN {proof}")).startswith("235")
    present = office.listeners.present
    office.listeners.dismiss({one for one in present if one.address.text == AUBIN})
    assert [await open_now[0].receive() for _ in range(2)] == ["421 4.7.0 you have no access any more", "<closed>"]
    assert (await open_now[1].say("NOOP")).startswith("250")
    await open_now[1].close()
