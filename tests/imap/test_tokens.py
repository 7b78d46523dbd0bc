"""Access tokens over IMAP: offered only where they can be checked, refused in the way of RFC 7628 §3.2.3."""

import base64
from datetime import UTC, datetime

import pytest

from mail.accounts import account_by_login, set_subject
from mail.bearer import Bearer
from mail.limits import IMAP_AUTH_LINE
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, ImapHouse
from tests.support.imap_mails import PLAIN

OAUTHBEARER = base64.b64encode(f"n,a={LEA},\x01auth=Bearer abc\x01\x01".encode()).decode()
XOAUTH2 = base64.b64encode(f"user={LEA}\x01auth=Bearer abc\x01\x01".encode()).decode()


SUBJECT = "899700000000"


async def somebody(token: str, _certificate: str) -> Bearer | None:
    return Bearer(SUBJECT, datetime(2100, 1, 1, tzinfo=UTC)) if token == "abc" else None


async def nobody(_token: str, _certificate: str) -> Bearer | None:
    return None


async def test_tokens_are_not_offered_where_nobody_checks_them(port: int) -> None:
    client = await RawClient.connect(port)
    assert "AUTH=OAUTHBEARER" not in await client.line()
    assert (await client.command(f"AUTHENTICATE OAUTHBEARER {OAUTHBEARER}"))[-1].startswith("x NO [CANNOT]")
    await client.close()


@pytest.mark.parametrize("answer", [f"OAUTHBEARER {OAUTHBEARER}", f"XOAUTH2 {XOAUTH2}"])
async def test_the_person_behind_a_token_opens_the_own_mailbox(house: ImapHouse, answer: str) -> None:
    own = house.db.read(account_by_login, house.keyring, LEA)
    assert own is not None
    house.db.run(set_subject, house.keyring, own.id, SUBJECT)
    await house.deliver(PLAIN)
    house.tokens = somebody
    mechanism, initial = answer.split(" ")
    for command, more in ((f"AUTHENTICATE {answer}", ""), (f"AUTHENTICATE {mechanism}", initial)):
        client = await RawClient.connect(await house.serve())
        await client.line()
        await client.send(f"x {command}\r\n")
        if more:
            assert await client.line() == "+ "
            await client.send(f"{more}\r\n")
        assert (await client.answer("x"))[-1].startswith("x OK")
        assert "* 1 EXISTS" in await client.command("SELECT INBOX")
        await client.close()


async def test_the_token_of_somebody_else_opens_nothing(house: ImapHouse) -> None:
    house.tokens = somebody  # no account has this national identifier
    client = await RawClient.connect(await house.serve())
    await client.line()
    await client.send(f"x AUTHENTICATE XOAUTH2 {XOAUTH2}\r\n")
    await client.line()
    await client.send("\r\n")
    assert (await client.line()).startswith("x NO [AUTHENTICATIONFAILED]")
    await client.close()


async def test_a_token_that_does_not_hold(house: ImapHouse) -> None:
    house.tokens = nobody
    client = await RawClient.connect(await house.serve())
    assert "AUTH=OAUTHBEARER AUTH=XOAUTH2" in await client.line()
    for mechanism, answer in (("OAUTHBEARER", OAUTHBEARER), ("XOAUTH2", XOAUTH2)):
        await client.send(f"x AUTHENTICATE {mechanism} {answer}\r\n")
        challenge = await client.line()
        assert b"invalid_token" in base64.b64decode(challenge.removeprefix("+ "))
        await client.send("AQ==\r\n")
        assert (await client.line()).startswith("x NO [AUTHENTICATIONFAILED]")
    assert (await client.command("AUTHENTICATE XOAUTH2 YWJj"))[-1].startswith("x BAD")
    await client.close()


async def test_a_token_as_long_as_over_smtp(house: ImapHouse) -> None:
    token = "t" * (IMAP_AUTH_LINE * 3 // 4 - len(f"user={LEA}\x01auth=Bearer \x01\x01"))
    answer = base64.b64encode(f"user={LEA}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    asked = []

    async def note(given: str, _certificate: str) -> Bearer | None:
        asked.append(given)
        return None

    house.tokens = note
    client = await RawClient.connect(await house.serve())
    await client.line()
    for said in ([f"x AUTHENTICATE XOAUTH2 {answer}"], ["x AUTHENTICATE XOAUTH2", answer]):
        for line in said:
            await client.send(f"{line}\r\n")
            assert (await client.line()).startswith("+ ")
        await client.send("AQ==\r\n")
        assert (await client.line()).startswith("x NO [AUTHENTICATIONFAILED]")
    assert len(answer) == IMAP_AUTH_LINE and asked == [token, token]
    await client.close()
