"""Access tokens over SMTP: RFC 7628, and XOAUTH2 as clients know it."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.db import Db
from core.errors import Temporary
from mail.accounts import account_by_login, set_subject
from mail.auth import Authenticator
from mail.bearer import Bearer
from mail.incoming import Door
from mail.limits import COMMAND_LINE, IMAP_AUTH_LINE
from tests.support.post_office import AUBIN, PostOffice
from tests.support.smtp_dialogue import Connection

SUBJECT, TOKEN = "899700000000", "t" * 4000


@pytest.fixture
def engine() -> str:
    """One engine is enough here: these tests look at the wire."""
    return "sqlite"


async def check(token: str, _certificate: str) -> Bearer | None:
    if token == "silence":
        raise Temporary("the issuer of tokens does not answer")
    return Bearer(SUBJECT, datetime(2100, 1, 1, tzinfo=UTC)) if token == TOKEN else None


@pytest.fixture
async def connection(db: Db, tmp_path: Path) -> AsyncIterator[Connection]:
    office = PostOffice(db, tmp_path)
    own = db.read(account_by_login, office.keyring, AUBIN)
    db.run(set_subject, office.keyring, own.id, SUBJECT)
    office.listeners._house = replace(
        office.house, authenticator=Authenticator(db, office.keyring, office.clock, check)
    )
    made = await Connection.open(office, await office.start(Door.SUBMISSION))
    await made.receive()
    await made.send(b"EHLO a\r\n")
    assert any(line.endswith("AUTH PLAIN LOGIN OAUTHBEARER XOAUTH2") for line in await made.reply())
    yield made
    await made.close()
    await office.stop()


def answer(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "initial",
    [
        "OAUTHBEARER " + answer(f"n,a={AUBIN},\x01auth=Bearer {TOKEN}\x01\x01"),
        "XOAUTH2 " + answer(f"user={AUBIN}\x01auth=Bearer {TOKEN}\x01\x01"),
    ],
    ids=["OAUTHBEARER", "XOAUTH2"],
)
async def test_a_token_longer_than_a_command_line(connection: Connection, initial: str) -> None:
    assert len(initial) > COMMAND_LINE
    assert await connection.say(f"AUTH {initial}") == "235 2.7.0 authentication successful"
    assert await connection.say(f"MAIL FROM:<{AUBIN}>") == "250 2.1.0 sender ok"


async def test_why_a_token_is_refused(connection: Connection) -> None:
    wrong = answer("n,,\x01auth=Bearer nonsense\x01\x01")
    challenge = await connection.say(f"AUTH OAUTHBEARER {wrong}")
    assert challenge.startswith("334 ") and b"invalid_token" in base64.b64decode(challenge[4:])
    assert await connection.say("AQ==") == "535 5.7.8 authentication credentials invalid"
    assert await connection.say("AUTH XOAUTH2 " + answer("user=x")) == "501 5.5.2 the answer cannot be read"


async def test_without_a_token_the_client_hears_what_is_wanted(connection: Connection) -> None:
    asked = answer(f"n,a={AUBIN},\x01host=localhost\x01port=587\x01auth=\x01\x01")  # RFC 7628 §4.3
    challenge = await connection.say(f"AUTH OAUTHBEARER {asked}")
    assert json.loads(base64.b64decode(challenge.removeprefix("334 ")))["schemes"] == "bearer"
    assert await connection.say("*") == "535 5.7.8 authentication credentials invalid"


async def test_the_issuer_of_tokens_does_not_answer(connection: Connection) -> None:
    good = answer(f"user={AUBIN}\x01auth=Bearer silence\x01\x01")
    assert await connection.say(f"AUTH XOAUTH2 {good}") == "454 4.7.0 temporary authentication failure"  # RFC 4954 §6


async def test_even_auth_has_a_bound(connection: Connection) -> None:
    assert await connection.say("AUTH XOAUTH2") == "334 "
    assert await connection.say("A" * (IMAP_AUTH_LINE + 1)) == "500 5.5.6 the answer is too long"  # RFC 4954 §6
    assert await connection.say("NOOP") == "250 2.0.0 ok"


async def test_only_auth_may_be_long(connection: Connection) -> None:
    assert await connection.say("NOOP " + "x" * COMMAND_LINE) == "500 5.5.2 line too long"
