"""Access tokens over IMAP: offered only where they can be checked, refused in the way of RFC 7628 §3.2.3."""

import base64

from mail.bearer import Bearer
from mail.limits import IMAP_AUTH_LINE
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, ImapHouse

OAUTHBEARER = base64.b64encode(f"n,a={LEA},\x01auth=Bearer abc\x01\x01".encode()).decode()
XOAUTH2 = base64.b64encode(f"user={LEA}\x01auth=Bearer abc\x01\x01".encode()).decode()


async def nobody(_token: str, _certificate: str) -> Bearer | None:
    return None


async def test_tokens_are_not_offered_where_nobody_checks_them(port: int) -> None:
    client = await RawClient.connect(port)
    assert "AUTH=OAUTHBEARER" not in await client.line()
    assert (await client.command(f"AUTHENTICATE OAUTHBEARER {OAUTHBEARER}"))[-1].startswith("x NO [CANNOT]")
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
