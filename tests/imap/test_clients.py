"""Other people's clients read and flag mail over TLS, and see the flag again after a restart."""

import asyncio
import imaplib
import re
from pathlib import Path

import aioimaplib
import pytest
from structlog.testing import capture_logs

from mail.imap.services import Options
from tests.support.imap_house import LEA, PASSWORD, ImapHouse
from tests.support.imap_mails import MAILS
from tests.support.imap_many import fill

pytestmark = pytest.mark.slow
REAL = Options()
MANY = 10_000


@pytest.fixture
async def filled(house: ImapHouse) -> ImapHouse:
    for raw in MAILS.values():
        await house.deliver(raw)
    return house


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")
    return said.decode("latin-1")


async def test_curl(filled: ImapHouse) -> None:
    async def curl(port: int, path: str, *more: str) -> str:
        url = f"imaps://localhost:{port}/{path}"
        who = ("--cacert", str(filled.tls.ca), "--user", f"{LEA}:{PASSWORD}")
        return await run("curl", "-sS", "--resolve", f"localhost:{port}:127.0.0.1", *who, *more, url)

    port = await filled.serve(REAL, implicit_tls=True)
    assert '"/" INBOX' in await curl(port, "")
    assert await curl(port, "INBOX;UID=1") == MAILS["plain"].decode()
    assert "Tout est l" in await curl(port, "INBOX;UID=2;SECTION=1")
    await curl(port, "INBOX", "-X", "STORE 1 +FLAGS (\\Flagged)")
    await filled.restart()
    port = await filled.serve(REAL, implicit_tls=True)
    assert "FLAGS (\\Flagged \\Seen)" in await curl(port, "INBOX", "-X", "FETCH 1 FLAGS")
    await curl(port, "Sent", "-T", str(_file(filled, MAILS["plain"])))
    assert await curl(port, "Sent;UID=1") == MAILS["plain"].decode()


async def test_curl_with_starttls(filled: ImapHouse) -> None:
    port = await filled.serve(REAL)
    who = ("--cacert", str(filled.tls.ca), "--user", f"{LEA}:{PASSWORD}", "--ssl-reqd")
    where = ("--resolve", f"localhost:{port}:127.0.0.1", f"imap://localhost:{port}/INBOX;UID=1")
    assert await run("curl", "-sS", *who, *where) == MAILS["plain"].decode()


async def test_mbsync(filled: ImapHouse, tmp_path: Path) -> None:
    port = await filled.serve(REAL, implicit_tls=True)
    maildir = tmp_path / "mail"
    maildir.mkdir()
    await _mbsync(filled, port, tmp_path)
    files = sorted((maildir / "INBOX" / "new").iterdir()) + sorted((maildir / "INBOX" / "cur").iterdir())
    assert len(files) == len(MAILS)
    plain = next(file for file in files if b"Subject: Essai" in file.read_bytes())
    plain.rename(maildir / "INBOX" / "cur" / f"{plain.name.partition(':')[0]}:2,FS")
    await _mbsync(filled, port, tmp_path)
    await filled.restart()
    port = await filled.serve(REAL, implicit_tls=True)
    answer = await asyncio.to_thread(_flags, filled, port)
    assert b"\\Flagged \\Seen" in answer[0]


async def test_mbsync_takes_over_ten_thousand_messages(house: ImapHouse, tmp_path: Path) -> None:
    await fill(house, MANY)
    (tmp_path / "mail").mkdir()
    with capture_logs() as logs:
        port = await house.serve(REAL, implicit_tls=True)
        await _mbsync(house, port, tmp_path)
        await _mbsync(house, port, tmp_path)  # and finds nothing more to do
    files = [file for kind in ("new", "cur") for file in (tmp_path / "mail" / "INBOX" / kind).iterdir()]
    assert len(files) == MANY
    assert {re.search(rb"Subject: (.*)", file.read_bytes())[0] for file in files} == {  # type: ignore[index]
        b"Subject: lettre %d" % number for number in range(MANY)
    }
    assert [entry for entry in logs if entry["log_level"] in {"warning", "error", "critical"}] == []


async def _mbsync(house: ImapHouse, port: int, folder: Path) -> None:
    config = folder / "mbsyncrc"
    config.write_text(f"""
IMAPAccount pli
Host localhost
Port {port}
User {LEA}
Pass "{PASSWORD}"
SSLType IMAPS
CertificateFile {house.tls.ca}

IMAPStore far
Account pli

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    await run("mbsync", "-c", str(config), "-a")


async def test_aioimaplib(filled: ImapHouse) -> None:
    port = await filled.serve(REAL, implicit_tls=True)
    client = await _aioimaplib(filled, port)
    assert (await client.select("INBOX")).result == "OK"
    fetched = await client.fetch("1", "(BODY.PEEK[])")
    assert bytes(fetched.lines[1]) == MAILS["plain"]
    assert (await client.uid("store", "1", "+FLAGS", "(\\Flagged)")).result == "OK"
    waiting = await client.idle_start(timeout=60)
    await filled.deliver(MAILS["plain"])
    assert b"%d EXISTS" % (len(MAILS) + 1) in await client.wait_server_push()
    client.idle_done()
    await asyncio.wait_for(waiting, 60)
    await client.logout()
    await filled.restart()
    client = await _aioimaplib(filled, await filled.serve(REAL, implicit_tls=True))
    await client.select("INBOX")
    assert b"\\Flagged" in (await client.fetch("1", "(FLAGS)")).lines[0]
    await client.logout()


async def _aioimaplib(house: ImapHouse, port: int) -> aioimaplib.IMAP4_SSL:
    client = aioimaplib.IMAP4_SSL("localhost", port, ssl_context=house.tls.client_side())
    await client.wait_hello_from_server()
    assert (await client.login(LEA, PASSWORD)).result == "OK"
    return client


async def test_imaplib(filled: ImapHouse) -> None:
    port = await filled.serve(REAL)
    await asyncio.to_thread(_with_imaplib, filled, port)


def _with_imaplib(house: ImapHouse, port: int) -> None:
    client = imaplib.IMAP4("localhost", port, timeout=60)
    client.starttls(house.tls.client_side())
    client.login(LEA, PASSWORD)
    assert client.select()[1] == [b"%d" % len(MAILS)]
    assert client.search(None, "SUBJECT", "essai") == ("OK", [b"1"])
    assert client.fetch("1", "(RFC822)")[1][0][1] == MAILS["plain"]
    assert client.append("Sent", "\\Seen", imaplib.Time2Internaldate(0), MAILS["parts"])[0] == "OK"
    assert client.copy("1:2", "Archive")[0] == "OK"
    assert client.create('"Mes dossiers"')[0] == "OK"
    assert client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")[0] == "OK"
    assert client.expunge() == ("OK", [b"1"])
    assert client.unselect()[0] == "OK"
    client.logout()


def _flags(house: ImapHouse, port: int) -> list[bytes]:
    client = imaplib.IMAP4_SSL("localhost", port, ssl_context=house.tls.client_side(), timeout=60)
    client.login(LEA, PASSWORD)
    client.select()
    found = client.fetch("1", "(FLAGS)")[1]
    client.logout()
    return found


def _file(house: ImapHouse, raw: bytes) -> Path:
    path = house.blobs.root.parent / "to-append.eml"
    path.write_bytes(raw)
    return path
