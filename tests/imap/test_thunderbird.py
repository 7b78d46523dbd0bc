"""Thunderbird itself reads, flags, moves and follows a mailbox; a large one is taken over whole."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mail.imap.services import Options
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse
from tests.support.imap_mails import MAILS
from tests.support.imap_many import fill
from tests.support.thunderbird import Thunderbird, thunderbird

pytestmark = pytest.mark.slow
MANY = 10_000


ACCOUNT = """
const [user, password, port] = arguments;
const server = MailServices.accounts.createIncomingServer(user, "localhost", "imap");
server.port = port; server.socketType = Ci.nsMsgSocketType.SSL;
server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
login.init("imap://localhost", null, "imap://localhost", user, password, "", "");
await Services.logins.addLoginAsync(login);
const identity = MailServices.accounts.createIdentity(); identity.email = user;
const account = MailServices.accounts.createAccount();
account.addIdentity(identity); account.incomingServer = server;
await ran(done => inbox().updateFolderWithListener(null, done));
await until(() => box().rootFolder.descendants.length >= 6, "all folders");
return box().rootFolder.descendants.map(one => one.name).sort();
"""
UPDATE = """
const [count] = arguments;
await ran(done => inbox().updateFolderWithListener(null, done));
await until(() => headers(inbox()).length == count, count + " messages, not " + headers(inbox()).length);
return headers(inbox()).map(one => [one.mime2DecodedSubject, one.isRead]);
"""
DOWNLOAD = """
await ran(done => inbox().downloadAllForOffline(done, null));
const there = one => one.flags & Ci.nsMsgMessageFlags.Offline;
await until(() => headers(inbox()).every(there), "all messages");
return headers(inbox()).filter(there).length;
"""


@pytest.fixture
async def client(house: ImapHouse, tmp_path: Path) -> AsyncIterator[Thunderbird]:
    async with thunderbird(tmp_path / "profile", house.tls.ca) as opened:
        yield opened


async def seen(house: ImapHouse, *commands: str) -> list[str]:
    """What another client sees afterwards."""
    other = await RawClient.connect(await house.serve())
    said: list[str] = []
    for command in (f'LOGIN {LEA} "{PASSWORD}"', *commands):
        said = await other.command(command)
    await other.close()
    return said[:-1]


def troubles(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [str(entry) for entry in logs if entry["log_level"] in {"warning", "error", "critical"}]


async def test_reads_flags_moves_and_follows(house: ImapHouse, client: Thunderbird) -> None:
    for raw in MAILS.values():
        await house.deliver(raw)
    with capture_logs() as logs:
        port = await house.serve(Options(), implicit_tls=True)
        folders = await client.run(ACCOUNT, LEA, PASSWORD, port)
        assert len(folders) == 6
        shown = await client.run(UPDATE, len(MAILS))
        assert "Essai" in [subject for subject, _ in shown]
        assert await client.run(DOWNLOAD) == len(MAILS)
        await client.run(
            "inbox().markMessagesRead([headers(inbox())[0]], true);"
            "inbox().markMessagesFlagged([headers(inbox())[1]], true);"
        )
        await client.run(
            """
            const to = box().rootFolder.descendants.find(one => one.name == "Archive");
            await new Promise(go => MailServices.copy.copyMessages(inbox(), [headers(inbox())[2]], to, true,
                { onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {}, onStopCopy: go,
                  QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]) }, null, false));
            """
        )
        await house.deliver(MAILS["plain"])
        await client.run("await until(() => headers(inbox()).length == arguments[0], 'news by IDLE')", len(MAILS))
    assert troubles(logs) == []
    flags = await seen(house, "SELECT INBOX", "FETCH 1:2 (FLAGS)")
    assert "\\Seen" in flags[0] and "\\Flagged" in flags[1]
    assert "MESSAGES 1" in (await seen(house, "STATUS Archive (MESSAGES)"))[0]


async def test_ten_thousand_messages(house: ImapHouse, client: Thunderbird) -> None:
    await fill(house, MANY)
    with capture_logs() as logs:
        port = await house.serve(Options(), implicit_tls=True)
        await client.run(ACCOUNT, LEA, PASSWORD, port)
        shown = await client.run(UPDATE, MANY)
        assert {subject for subject, _ in shown} == {f"lettre {number}" for number in range(MANY)}
        assert await client.run(DOWNLOAD) == MANY
        await client.run("await ran(done => { inbox().markAllMessagesRead(null); done.OnStopRunningUrl(null, 0); })")
        for _ in range(600):
            if "UNSEEN 0" in (await seen(house, "STATUS INBOX (UNSEEN)"))[0]:
                break
            await asyncio.sleep(0.5)
    assert "UNSEEN 0" in (await seen(house, "STATUS INBOX (UNSEEN)"))[0]
    assert troubles(logs) == []
