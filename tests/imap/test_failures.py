"""What goes wrong is answered, logged by its id, and the connection lives."""

import asyncio

import pytest
from sqlalchemy import text, update

from mail.imap import append as appending
from mail.imap import idle as idling
from mail.imap import session as sessions
from mail.imap import wire as wires
from mail.imap.services import Options
from mail.notify import Hub
from mail.tables import bodies, folder_messages
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, NOE, PASSWORD, ImapHouse
from tests.support.imap_mails import LARGE, MIDDLE, PLAIN

pytestmark = pytest.mark.slow


async def test_a_store_that_does_not_answer_is_unavailable(house: ImapHouse, lea: RawClient) -> None:
    house.db.run(lambda session: session.execute(text("ALTER TABLE folders RENAME TO lost")) and None)
    for command in ("SELECT INBOX", 'LIST "" *', "STATUS INBOX (MESSAGES)", "CREATE x", "APPEND INBOX {3}"):
        answer = (await lea.command(command))[-1]
        assert answer.startswith(("x NO [UNAVAILABLE]", "x NO [SERVERBUG]")), answer
        assert "folders" not in answer
    house.db.run(lambda session: session.execute(text("ALTER TABLE lost RENAME TO folders")) and None)
    assert (await lea.command("SELECT INBOX"))[-1].startswith("x OK")


async def test_a_bug_is_answered_and_the_session_goes_on(house: ImapHouse, lea: RawClient) -> None:
    await house.deliver(PLAIN)
    house.db.run(lambda session: session.execute(update(folder_messages).values(flags="\u00e9")) and None)
    answer = await lea.command("SELECT INBOX")
    assert answer == ["x NO [SERVERBUG] something went wrong here, it has been noted"]
    assert (await lea.command("NOOP"))[-1].startswith("x OK")


async def test_a_damaged_message_does_not_hide_the_others(house: ImapHouse, lea: RawClient) -> None:
    for _ in range(3):
        await house.deliver(PLAIN)
    await lea.command("SELECT INBOX")

    def damage(session) -> None:
        second = sorted(session.execute(bodies.select()).mappings(), key=lambda row: row["id"])[1]
        broken = second["sealed"][:-1] + bytes([second["sealed"][-1] ^ 1])
        session.execute(update(bodies).where(bodies.c.id == second["id"]).values(sealed=broken))

    house.db.run(damage)
    answer = await lea.command("FETCH 1:3 (UID BODY.PEEK[TEXT])")
    assert [line for line in answer if line.startswith("* ")] == [
        "* 1 FETCH (UID 1 BODY[TEXT] {9}",
        "* 3 FETCH (UID 3 BODY[TEXT] {9}",
    ]
    assert answer[-1].startswith("x NO [CORRUPTION]")


async def test_a_long_row_that_is_lost_does_not_hide_the_others(house: ImapHouse, lea: RawClient) -> None:
    for raw in (PLAIN, MIDDLE, PLAIN):
        await house.deliver(raw)
    await lea.command("SELECT INBOX")
    house.db.run(
        lambda session: session.execute(update(bodies).where(bodies.c.size > 100_000).values(sealed=None)) and None
    )
    for item, said in (("BODY.PEEK[TEXT]", "BODY[TEXT] {9}"), ("BODY.PEEK[HEADER.FIELDS (X)]", "BODY[HEADER")):
        answer = await lea.command(f"FETCH 1:3 (UID {item})")
        there = [line for line in answer if line.startswith("* ")]
        assert [line[:13] for line in there] == ["* 1 FETCH (UI", "* 3 FETCH (UI"] and all(
            said in line for line in there
        )
        assert answer[-1].startswith("x NO [CORRUPTION]")
    assert (await lea.command("SEARCH TEXT bonjour"))[0] == "* SEARCH 1 3"


async def test_a_file_that_is_lost_after_its_length_was_said_ends_the_connection(
    house: ImapHouse, lea: RawClient
) -> None:
    await house.deliver(LARGE)
    await lea.command("SELECT INBOX")
    for file in house.blobs.root.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-500])
    await lea.send("x FETCH 1 BODY.PEEK[]\r\n")
    assert (await lea.line()).endswith(f"{{{len(LARGE)}}}")
    assert await lea.reader.read() != LARGE
    assert lea.reader.at_eof()


async def test_nobody_stays_before_login_for_long(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "IMAP_BEFORE_LOGIN_S", 0.2)
    port = await house.serve()
    client = await RawClient.connect(port)
    await client.line()
    for _ in range(3):
        await client.command("NOOP")  # talking does not help
    assert (await client.line()).startswith("* BYE")
    assert await client.line() == "<closed>"
    await client.close()


@pytest.mark.parametrize("command", ["NOOP", "IDLE", "AUTHENTICATE PLAIN", "APPEND INBOX {5}", "LOGIN {5}"])
async def test_silence_ends_the_session(house: ImapHouse, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    port = await house.serve()
    client = await RawClient.connect(port)
    await client.line()
    if command not in ("AUTHENTICATE PLAIN", "LOGIN {5}"):
        await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    for module, name in ((sessions, "IMAP_IDLE_S"), (idling, "IMAP_IDLE_S"), (appending, "COMMAND_WAIT_S")):
        monkeypatch.setattr(module, name, 0.1)
    monkeypatch.setattr(sessions, "IMAP_BEFORE_LOGIN_S", 0.1)
    await client.send(f"a {command}\r\n")
    lines = [await client.line()]
    while lines[-1] != "<closed>":
        lines.append(await client.line())
    assert any(line.startswith("* BYE") for line in lines)
    await client.close()


async def test_a_client_that_does_not_read_is_let_go(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await house.serve()
    for _ in range(12):
        await house.deliver(LARGE)
    client = await RawClient.connect(port)
    client.writer.get_extra_info("socket")
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.command("SELECT INBOX")
    monkeypatch.setattr(wires, "COMMAND_WAIT_S", 0.2)  # not before: logging in may take a slow machine longer
    client.reader._limit = 1  # stop reading from the socket as soon as something has come
    await client.send("x FETCH 1:* BODY.PEEK[]\r\n")
    server = house.servers[-1]
    async with asyncio.timeout(60):
        while server.count:
            await asyncio.sleep(0.01)
    await client.close()


async def test_too_many_connections(house: ImapHouse) -> None:
    port = await house.serve(Options(connections_per_client=2))
    held = [await RawClient.connect(port) for _ in range(2)]
    for client in held:
        assert (await client.line()).startswith("* OK")
    third = await RawClient.connect(port)
    assert (await third.line()).startswith("* BYE [LIMIT]")
    assert await third.line() == "<closed>"
    await held[0].command("LOGOUT")
    assert await held[0].line() == "<closed>"
    again = await RawClient.connect(port)
    assert (await again.line()).startswith("* OK")
    for client in (*held, third, again):
        await client.close()


async def test_closing_says_goodbye(house: ImapHouse, lea: RawClient) -> None:
    await lea.command("SELECT INBOX")
    await lea.send("x IDLE\r\n")
    assert (await lea.line()).startswith("+")
    await house.servers[0].close()
    assert (await lea.line()).startswith("* BYE")
    assert await lea.line() == "<closed>"


async def test_half_closed_client_still_gets_its_answers(house: ImapHouse, port: int) -> None:
    client = await RawClient.connect(port)
    await client.send(f'a LOGIN {LEA} "{PASSWORD}"\r\nb SELECT INBOX\r\nc LOGOUT\r\n')
    client.writer.write_eof()
    everything = (await client.reader.read()).decode()
    assert "a OK" in everything and "b OK" in everything and "c OK" in everything
    await client.close()


async def test_what_a_lost_signal_hid_is_found_by_noop(house: ImapHouse) -> None:
    house.hub = Hub()  # nobody feeds it
    client = await RawClient.connect(await house.serve())
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.command("SELECT INBOX")
    await client.command("SEARCH ALL")
    await house.deliver(PLAIN)
    assert len(await client.command("SEARCH UNSEEN")) == 2
    assert (await client.command("NOOP"))[0] == "* 1 EXISTS"
    await client.close()


async def test_one_mailbox_never_sees_another(house: ImapHouse, lea: RawClient) -> None:
    await house.deliver(PLAIN, NOE)
    await lea.command("CREATE Ici")
    noe = await RawClient.connect(await house.serve())
    await noe.command(f'LOGIN {NOE} "{PASSWORD}"')
    assert not [line for line in await noe.command('LIST "" *') if "Ici" in line]
    for command in ("SELECT Ici", "STATUS Ici (MESSAGES)", "DELETE Ici", "RENAME Ici La", "SUBSCRIBE Ici"):
        assert (await noe.command(command))[-1].startswith("x NO [NONEXISTENT]")
    assert "* 0 EXISTS" in await lea.command("SELECT INBOX")
    assert (await noe.command("APPEND Ici {3}"))[-1].startswith("x NO [TRYCREATE]")
    await noe.close()


async def test_a_session_ends_in_its_time_whatever_it_does(house: ImapHouse) -> None:
    port = await house.serve(Options(insecure_loopback=True, session_s=1.5))
    idler, talker = await RawClient.connect(port), await RawClient.connect(port)
    for client in (idler, talker):
        await client.line()
        assert (await client.command(f'LOGIN {LEA} "{PASSWORD}"'))[-1].startswith("x OK")
    await idler.send("y IDLE\r\n")
    assert (await idler.line()).startswith("+")
    while (heard := await talker.command("NOOP"))[-1].startswith("x OK"):
        await asyncio.sleep(0.05)
    assert heard[0].startswith("* BYE") and (await idler.line()).startswith("* BYE")


async def test_whoever_lost_the_right_to_come_in_leaves(house: ImapHouse, port: int, lea: RawClient) -> None:
    noe = await RawClient.connect(port)
    await noe.line()
    assert (await noe.command(f'LOGIN {NOE} "{PASSWORD}"'))[-1].startswith("x OK")
    await lea.send("y IDLE\r\n")
    await lea.line()
    (server,) = house.servers
    server.dismiss({one for one in server.present if one.address.text == LEA})
    assert (await lea.line()).startswith("* BYE") and await lea.line() == "<closed>"
    assert (await noe.command("NOOP"))[-1].startswith("x OK")
    await noe.close()
