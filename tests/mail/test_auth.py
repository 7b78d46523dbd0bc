"""Accounts and proofs: passwords, certificates, guessing."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.address import Address
from core.audit import Trail
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound, Refused
from core.tables import audit
from crypto.passwords import hash_password
from directory.activity import Patience, follow_use, warned_at
from directory.delegates import add_delegate, remove_delegate
from directory.mailboxes import close, create_mailbox, suspend
from mail import throttle
from mail.accounts import (
    NewAccount,
    account_by_login,
    accounts_of,
    create_account,
    create_accounts,
    get_account,
    set_password,
    set_state,
)
from mail.auth import Authenticator, Throttled
from mail.auth_trail import AuthTrail
from mail.incoming import Door
from mail.sasl import BadSasl, decode_answer, decode_plain
from mail.uses import Uses
from tests.support.passwords import hashed
from tests.support.post_office import AUBIN, LEA, PASSWORD, PHARMACY, ROBOT, PostOffice
from tests.support.smtp_dialogue import Connection

NOW = FakeClock().now()


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    yield made
    await made.stop()


def account_id(office: PostOffice, who: str) -> int:
    found = office.db.read(account_by_login, office.keyring, who)
    assert found is not None
    return found.id


async def test_right_password(office: PostOffice) -> None:
    found = await office.authenticator.password(AUBIN.upper(), PASSWORD)
    assert found is not None and found.address.text == AUBIN and found.role == "physician"
    assert found.mailbox_id == office.mailboxes[AUBIN].id and AUBIN not in repr(found)


@pytest.mark.parametrize(
    ("who", "password"), [(AUBIN, "wrong"), (AUBIN, ""), ("nobody@x.example", PASSWORD), (ROBOT, "")]
)
async def test_wrong_password(office: PostOffice, who: str, password: str) -> None:
    assert await office.authenticator.password(who, password) is None


async def test_a_changed_password_is_forgotten_at_once(office: PostOffice) -> None:
    assert await office.authenticator.password(AUBIN, PASSWORD)
    office.db.run(set_password, account_id(office, AUBIN), hash_password("another"))
    assert await office.authenticator.password(AUBIN, PASSWORD) is None
    assert await office.authenticator.password(AUBIN, "another")


@pytest.mark.parametrize("state", ["suspended", "closed"])
async def test_account_out_of_use(office: PostOffice, state: str) -> None:
    assert await office.authenticator.password(AUBIN, PASSWORD)
    office.db.run(set_state, account_id(office, AUBIN), state)
    assert await office.authenticator.password(AUBIN, PASSWORD) is None


async def test_closed_mailbox_lets_nobody_in_a_suspended_one_does(office: PostOffice) -> None:
    office.db.run(suspend, office.mailboxes[AUBIN].id)
    assert await office.authenticator.password(AUBIN, PASSWORD)
    office.db.run(close, office.mailboxes[AUBIN].id)
    assert await office.authenticator.password(AUBIN, PASSWORD) is None


async def test_certificate(office: PostOffice) -> None:
    found = await office.authenticator.certificate(office.papers.robot.sha256.upper())
    assert found is not None and found.address.text == ROBOT
    for other in ("", "0" * 64, office.papers.stranger.sha256):
        assert await office.authenticator.certificate(other) is None
    assert await office.authenticator.certificate(office.papers.robot.sha256, ROBOT.upper()) == found
    assert await office.authenticator.certificate(office.papers.robot.sha256, AUBIN) is None


async def test_a_certificate_that_opens_nothing_is_in_the_trail(office: PostOffice) -> None:
    trail = AuthTrail(office.db, Trail(lambda _: b"t" * 32), office.clock)
    door = Authenticator(office.db, office.keyring, office.clock, failures=trail)
    await door.certificate(office.papers.stranger.sha256, peer="192.0.2.1")
    await door.certificate(office.papers.robot.sha256, AUBIN, "192.0.2.2")
    columns = (audit.c.actor, audit.c.action, audit.c.detail)
    found = office.db.read(lambda rows: rows.execute(select(*columns).order_by(audit.c.seq)).all())
    known = str(account_id(office, ROBOT))
    assert found == [("unknown", "auth.refused", "192.0.2.1"), (known, "auth.refused", "192.0.2.2")]


async def test_guessing_one_login_from_one_address(office: PostOffice) -> None:
    for _ in range(throttle.PAIR):
        assert await office.authenticator.password(AUBIN, "wrong", "192.0.2.1") is None
    with pytest.raises(Throttled):
        await office.authenticator.password(AUBIN, PASSWORD, "192.0.2.1")
    assert await office.authenticator.password(AUBIN, PASSWORD, "192.0.2.2")
    assert await office.authenticator.password(LEA, PASSWORD, "192.0.2.1")
    office.clock.advance(throttle.WINDOW_S)
    assert await office.authenticator.password(AUBIN, PASSWORD, "192.0.2.1")


def test_throttle_counts_logins_and_addresses() -> None:
    counter = throttle.Throttle(FakeClock())
    for number in range(throttle.PEER):
        counter.note(str(number).encode(), "192.0.2.1", good=False)
    assert counter.refuses(b"new", "192.0.2.1") and not counter.refuses(b"new", "192.0.2.2")
    for number in range(throttle.LOGIN):
        counter.note(b"one", f"198.51.100.{number}", good=False)
    assert counter.refuses(b"one", "203.0.113.1") and not counter.refuses(b"two", "203.0.113.1")


def test_throttle_a_success_clears_the_pair() -> None:
    counter = throttle.Throttle(FakeClock())
    for _ in range(throttle.PAIR - 1):
        counter.note(b"one", "192.0.2.1", good=False)
    counter.note(b"one", "192.0.2.1", good=True)
    counter.note(b"one", "192.0.2.1", good=False)
    assert not counter.refuses(b"one", "192.0.2.1")


def test_throttle_remembers_a_bounded_number() -> None:
    counter = throttle.Throttle(FakeClock())
    for number in range(throttle.REMEMBERED):
        counter.note(str(number).encode(), str(number), good=False)
    assert len(counter._failures) <= throttle.REMEMBERED


def test_login_is_unique_and_sealed(office: PostOffice) -> None:
    box = office.mailboxes[AUBIN].id
    with pytest.raises(Refused):
        office.db.run(create_account, office.keyring, NewAccount(f" {AUBIN.upper()} ", "physician", box, "hash"))
    made = office.db.run(
        create_account, office.keyring, NewAccount("second", "physician", box, "hash", profile={"n": 1})
    )
    found = office.db.read(get_account, office.keyring, made)
    assert found.profile == {"n": 1, "login": "second"} and found.address.text == AUBIN
    assert [each.id for each in office.db.read(accounts_of, office.keyring, box)] == [account_id(office, AUBIN), made]


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (("", "physician", None, "hash"), BadInput),
        (("x", "king", None, "hash"), BadInput),
        (("x", "physician", None, None), BadInput),
        (("x", "physician", 1, "hash"), NotFound),
    ],
)
def test_accounts_that_cannot_be(office: PostOffice, new: tuple, error: type[Exception]) -> None:
    login, role, box, encoded = new
    with pytest.raises(error):
        office.db.run(
            create_account, office.keyring, NewAccount(login, role, box or office.mailboxes[AUBIN].id, encoded)
        )


async def test_thousands_at_once(office: PostOffice) -> None:
    box = office.mailboxes[AUBIN].id
    many = [NewAccount(f"box{number}", "physician", box, hashed(PASSWORD)) for number in range(1200)]
    made = office.db.run(create_accounts, office.keyring, many)
    assert len(set(made)) == 1200 and await office.authenticator.password("box1199", PASSWORD)
    with pytest.raises(NotFound):
        office.db.read(get_account, office.keyring, 1)
    with pytest.raises(NotFound):
        office.db.run(set_state, 1, "active")
    with pytest.raises(BadInput):
        office.db.run(set_state, made[0], "asleep")


@pytest.mark.parametrize(
    "text", [b"\0a", b"\0\0", b"a\0b\0c", b"\0a\0", b"\0\0p", b"\0a\0b\0c", b"\0\xff\0p", b"", b"x"]
)
def test_plain_answers_that_are_none(text: bytes) -> None:
    with pytest.raises(BadSasl):
        decode_plain(text)


def test_plain_answers() -> None:
    assert decode_plain(b"\0a\0p\xc3\xa9") == decode_plain(b"a\0a\0p\xc3\xa9") == ("a", "pé")
    assert decode_answer(b"=") == b"" and decode_answer(b"YQ==") == b"a"
    for bad in (b"YQ", b"Y Q=", b"\xff", b"==="):
        with pytest.raises(BadSasl):
            decode_answer(bad)


async def test_a_named_delegate_enters_with_their_own_password(office: PostOffice) -> None:
    service = office.db.run(create_mailbox, office.keyring, Address.parse("urgences@etab.test"), "ORG", NOW)
    login = f"urgences@etab.test*{AUBIN}"
    assert await office.authenticator.password(login, PASSWORD) is None
    office.db.run(add_delegate, office.keyring, service.id, office.mailboxes[AUBIN].id, NOW)
    found = await office.authenticator.password(login.upper(), PASSWORD)
    assert found and (found.mailbox_id, found.holder_id) == (service.id, service.holder_id)
    assert found.account_id == account_id(office, AUBIN) and found.address.text.lower() == "urgences@etab.test"
    for wrong, password in ((login, "wrong"), (f"urgences@etab.test*{LEA}", PASSWORD), (f"x*{AUBIN}", PASSWORD)):
        assert await office.authenticator.password(wrong, password) is None
    office.db.run(remove_delegate, service.id, office.mailboxes[AUBIN].id)
    assert await office.authenticator.password(login, PASSWORD) is None
    assert await office.authenticator.password(f"{AUBIN}*{AUBIN}", PASSWORD)


async def test_the_trail_says_who_sent_for_an_organisation(office: PostOffice) -> None:
    """From is the organisation's, the entry the person's."""
    address = "urgences@cabinet.example"
    service = office.db.run(create_mailbox, office.keyring, Address.parse(address), "ORG", NOW)
    office.db.run(add_delegate, office.keyring, service.id, office.mailboxes[AUBIN].id, NOW)
    connection = await Connection.open(office, await office.start(Door.SUBMISSION))
    await connection.receive()
    await connection.say("EHLO client.example")
    answer = base64.b64encode(f"\0{address}*{AUBIN}\0{PASSWORD}".encode()).decode()
    assert (await connection.say(f"AUTH PLAIN {answer}")).startswith("235")
    assert (await connection.say(f"MAIL FROM:<{AUBIN}>")).startswith("550 5.7.1")
    for line in (f"MAIL FROM:<{address}>", f"RCPT TO:<{PHARMACY}>", "DATA"):
        await connection.say(line)
    assert (await connection.say(f"From: <{address}>\r\n\r\nbonjour\r\n.")).startswith("250")
    await connection.close()
    sent = select(audit.c.actor).where(audit.c.action == "mail.send")
    assert office.db.read(lambda s: s.execute(sent).scalars().all()) == [str(account_id(office, AUBIN))]


async def test_a_login_is_a_use(office: PostOffice) -> None:
    made = Authenticator(office.db, office.keyring, FakeClock(), uses=Uses(office.db, FakeClock()))
    office.db.run(follow_use, Patience(timedelta(0), timedelta(0)), NOW + timedelta(days=1))
    mailbox = office.mailboxes[AUBIN].id
    assert office.db.read(warned_at, mailbox)
    await made.password(AUBIN, "wrong")
    assert office.db.read(warned_at, mailbox)
    for _ in range(2):
        assert await made.password(AUBIN, PASSWORD)
    assert office.db.read(warned_at, mailbox) is None
