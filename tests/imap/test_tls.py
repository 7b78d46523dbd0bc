"""Implicit TLS, client certificates, and a STARTTLS that is not one. RFC 8314 §3.2, RFC 4422 appendix A."""

import base64
import ssl

import pytest

from mail.imap import wire as wires
from mail.imap.services import Options
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse

pytestmark = pytest.mark.slow


@pytest.fixture
async def secure(house: ImapHouse) -> int:
    return await house.serve(Options(), implicit_tls=True)


async def test_a_password_is_taken_under_tls(house: ImapHouse, secure: int) -> None:
    client = await RawClient.connect(secure, house.tls.client_side())
    greeting = await client.line()
    assert "AUTH=PLAIN" in greeting and "STARTTLS" not in greeting and "EXTERNAL" not in greeting
    assert (await client.command(f'LOGIN {LEA} "{PASSWORD}"'))[-1].startswith("x OK")
    await client.close()


async def test_a_software_shows_its_certificate(house: ImapHouse, secure: int) -> None:
    house.software()
    client = await RawClient.connect(secure, house.tls.client_side(certificate=True))
    assert "AUTH=EXTERNAL" in await client.line()
    assert (await client.command("AUTHENTICATE EXTERNAL =", "a"))[-1].startswith("a OK [CAPABILITY")
    assert (await client.command("SELECT INBOX"))[-1].startswith("x OK")
    await client.close()


async def test_a_software_may_name_itself(house: ImapHouse, secure: int) -> None:
    """Thunderbird and curl do."""
    house.software()
    client = await RawClient.connect(secure, house.tls.client_side(certificate=True))
    await client.line()
    own = base64.b64encode(LEA.upper().encode()).decode()
    assert (await client.command(f"AUTHENTICATE EXTERNAL {own}"))[-1].startswith("x OK")
    await client.close()


async def test_the_certificate_counts_after_starttls_too(house: ImapHouse) -> None:
    house.software()
    client = await RawClient.connect(await house.serve(Options()))
    assert "EXTERNAL" not in await client.line()
    await client.command("STARTTLS")
    await client.start_tls(house.tls.client_side(certificate=True))
    assert "AUTH=EXTERNAL" in (await client.command("CAPABILITY"))[0]
    await client.send("a AUTHENTICATE EXTERNAL\r\n")
    assert (await client.line()).startswith("+")
    await client.send("\r\n")
    assert (await client.line()).startswith("a OK")
    await client.close()


@pytest.mark.parametrize("answer", ["bGVh", "="])
async def test_an_unknown_certificate_or_a_name_beside_it_is_refused(
    house: ImapHouse, secure: int, answer: str
) -> None:
    if answer != "=":
        house.software()  # known, but asks to be somebody else
    client = await RawClient.connect(secure, house.tls.client_side(certificate=True))
    await client.line()
    assert (await client.command(f"AUTHENTICATE EXTERNAL {answer}"))[-1].startswith("x NO [AUTHENTICATIONFAILED]")
    await client.close()


async def test_clear_text_on_the_tls_port_gets_nothing(secure: int) -> None:
    client = await RawClient.connect(secure)
    await client.send("a CAPABILITY\r\n")
    assert "OK" not in await client.line()
    await client.close()


async def test_no_handshake_after_starttls(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "HANDSHAKE_S", 0.1)
    client = await RawClient.connect(await house.serve(Options()))
    await client.line()
    await client.send("a STARTTLS\r\n")
    assert (await client.line()).startswith("a OK")
    assert await client.line() == "<closed>"  # it never says hello
    await client.close()


async def test_garbage_after_starttls(house: ImapHouse) -> None:
    client = await RawClient.connect(await house.serve(Options()))
    await client.line()
    await client.send("a STARTTLS\r\n")
    assert (await client.line()).startswith("a OK")
    await client.send("b LOGIN a b\r\n" * 100)
    assert "OK" not in await client.line()
    await client.close()


async def test_loopback_in_clear_needs_the_setting(house: ImapHouse) -> None:
    client = await RawClient.connect(await house.serve(Options()))
    assert "LOGINDISABLED" in await client.line()
    answer = await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    assert answer == ["x NO [PRIVACYREQUIRED] start TLS first"]
    await client.close()


async def test_a_certificate_of_another_authority_is_refused(house: ImapHouse, secure: int, tmp_path) -> None:
    from tests.support.imap_house import TlsFiles

    stranger = TlsFiles(tmp_path)
    context = house.tls.client_side()
    context.load_cert_chain(*stranger.client)
    try:
        client = await RawClient.connect(secure, context)
        line = await client.line()
        await client.close()
    except (ssl.SSLError, ConnectionError):
        return
    assert line == "<closed>"


async def test_an_open_session_ends_when_its_certificate_is_revoked(house: ImapHouse, secure: int) -> None:
    house.software()
    robot = await RawClient.connect(secure, house.tls.client_side(certificate=True))
    await robot.line()
    assert (await robot.command("AUTHENTICATE EXTERNAL =", "a"))[-1].startswith("a OK")
    person = await RawClient.connect(secure, house.tls.client_side())
    await person.line()
    assert (await person.command(f'LOGIN {LEA} "{PASSWORD}"'))[-1].startswith("x OK")
    assert house.servers[0].dismiss_where(lambda _der: False) == 0
    assert house.servers[0].dismiss_where(lambda _der: True) == 1
    assert (await robot.line()).startswith("* BYE")
    assert (await person.command("NOOP"))[-1].startswith("x OK")
    await person.close()
