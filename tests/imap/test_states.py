"""The table of states, verb by verb: what is said too early or too late is BAD. RFC 3501 §6."""

import pytest

from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import ImapHouse
from tests.support.imap_mails import PLAIN

ANY = ["CAPABILITY", "NOOP", "ID NIL"]
BEFORE_LOGIN = ["STARTTLS", "LOGIN nobody@cabinet.example wrong", "AUTHENTICATE PLAIN AGEAYg=="]
LOGGED_IN = [
    *("SELECT INBOX", "EXAMINE INBOX", "CREATE Essai", "DELETE Essai", "RENAME Essai Autre", "SUBSCRIBE INBOX"),
    *("UNSUBSCRIBE INBOX", 'LIST "" *', 'LSUB "" *', "STATUS INBOX (MESSAGES)", "NAMESPACE", "ENABLE CONDSTORE"),
    *('GETQUOTA ""', "GETQUOTAROOT INBOX", 'SETQUOTA "" (STORAGE 1)', "GETACL INBOX", "MYRIGHTS INBOX"),
    *("SETACL INBOX anyone l", "DELETEACL INBOX anyone", "LISTRIGHTS INBOX anyone", "APPEND INBOX {1+}\r\nx"),
]
SELECTED = [
    *("CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID EXPUNGE 1", "SEARCH ALL", "UID SEARCH ALL", "FETCH 1 FLAGS"),
    *("UID FETCH 1 FLAGS", "STORE 1 FLAGS ()", "UID STORE 1 FLAGS ()", "COPY 1 INBOX", "UID COPY 1 INBOX"),
    *("MOVE 1 Trash", "UID MOVE 1 Trash", "SORT (DATE) UTF-8 ALL", "UID SORT (DATE) UTF-8 ALL"),
    *("THREAD REFERENCES UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL"),
]


async def said(client: RawClient, command: str) -> str:
    return (await client.command(command))[-1]


@pytest.mark.parametrize("command", [*LOGGED_IN, *SELECTED, "IDLE"])
async def test_before_login(port: int, command: str) -> None:
    client = await RawClient.connect(port)
    assert await said(client, command) == "x BAD log in first"
    await client.close()


@pytest.mark.parametrize("command", [*BEFORE_LOGIN, *SELECTED])
async def test_with_nothing_selected(lea: RawClient, command: str) -> None:
    assert (await said(lea, command)).startswith(("x BAD you are logged in", "x BAD select a mailbox"))


@pytest.mark.parametrize("command", BEFORE_LOGIN)
async def test_a_selected_mailbox_opens_no_other_door(lea: RawClient, command: str) -> None:
    await lea.command("SELECT INBOX")
    assert await said(lea, command) == "x BAD you are logged in already"


@pytest.mark.parametrize("command", ANY)
async def test_some_are_heard_by_anybody(port: int, command: str) -> None:
    client = await RawClient.connect(port)
    assert (await said(client, command)).startswith("x OK")
    await client.close()


@pytest.mark.parametrize("command", [*ANY, *LOGGED_IN])
async def test_most_need_no_selected_mailbox(lea: RawClient, command: str) -> None:
    assert not (await said(lea, command)).startswith("x BAD")


@pytest.mark.parametrize("command", [*ANY, *LOGGED_IN, *SELECTED])
async def test_with_one_all_are_heard(house: ImapHouse, lea: RawClient, command: str) -> None:
    await house.deliver(PLAIN)
    await lea.command("SELECT INBOX")
    assert not (await said(lea, command)).startswith("x BAD")
