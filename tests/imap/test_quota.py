"""A mailbox with a limit: told, and kept for what the client itself puts in. RFC 9208."""

import pytest

from mail.imap.services import Options
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse

LIMIT = 4096
MAIL = b"Subject: a\r\n\r\n" + b"x" * 1486 + b"\r\n"


@pytest.fixture
async def client(house: ImapHouse) -> RawClient:
    port = await house.serve(Options(insecure_loopback=True, mailbox_octets=LIMIT))
    client = await RawClient.connect(port)
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.command("SELECT INBOX")
    return client


async def append(client: RawClient) -> str:
    return (await client.command(b"APPEND INBOX {%d+}\r\n%s" % (len(MAIL), MAIL)))[-1]


async def test_append_and_copy_stop_at_the_limit_delivery_does_not(house: ImapHouse, client: RawClient) -> None:
    assert "x OK" in await append(client)
    assert "x OK" in (await client.command("COPY 1 Archive"))[-1]
    assert '* QUOTA "" (STORAGE 3 4)' in await client.command('GETQUOTA ""')
    assert "[OVERQUOTA]" in await append(client)
    assert "[OVERQUOTA]" in (await client.command("COPY 1 Archive"))[-1]
    assert "x OK" in (await client.command("MOVE 1 Archive"))[-1]
    await house.deliver(MAIL)
    assert '* QUOTA "" (STORAGE 5 4)' in await client.command("GETQUOTAROOT Sent")
    await client.close()


async def test_what_is_marked_deleted_is_counted(client: RawClient) -> None:
    await append(client)
    await client.command("STORE 1 +FLAGS (\\Deleted)")
    assert f"* STATUS INBOX (DELETED-STORAGE {len(MAIL)} SIZE {len(MAIL)})" in await client.command(
        "STATUS INBOX (DELETED-STORAGE SIZE)"
    )
    await client.close()


async def test_room_comes_back_with_an_expunge(client: RawClient) -> None:
    assert "x OK" in await append(client)
    assert "x OK" in await append(client)
    assert "[OVERQUOTA]" in await append(client)
    await client.command("STORE 1 +FLAGS (\\Deleted)")
    await client.command("EXPUNGE")
    assert "x OK" in await append(client)
    await client.close()
