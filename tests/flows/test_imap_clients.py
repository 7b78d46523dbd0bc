"""Three mail programs of others read the pharmacy's mailbox over TLS, flag a message, and find the flag again after the
server has been stopped and started: mbsync, curl, aioimaplib.
"""

import re
import subprocess
from pathlib import Path

import aioimaplib
import pytest

from tests.support.flow import Flow, header
from tests.support.letters import Letter

pytestmark = pytest.mark.slow

MBSYNC = """
IMAPStore far
Host localhost
Port {port}
User "{login}"
Pass "{password}"
SSLType IMAPS
CertificateFile "{ca}"

MaildirStore near
Path {folder}/
Inbox {folder}/inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync All
SyncState *
"""


@pytest.fixture(scope="module")
def letters(flow: Flow) -> list[Letter]:
    """Three letters of a patient, in the pharmacy's INBOX; each program flags another one."""
    sent = [flow.write(flow.patient(0), flow.pharmacy["address"], f"Question inventée {n}") for n in range(3)]
    for one in sent:
        assert flow.submit(flow.patient(0), one.raw, flow.pharmacy["address"]).code == 250
    return sent


def mbsync(flow: Flow, folder: Path) -> dict[str, Path]:
    """Synchronise a folder of Maildirs with the whole account; the files of INBOX by Message-ID."""
    folder.mkdir(exist_ok=True)
    config, user = folder.with_suffix(".rc"), flow.pharmacy
    options = {"port": flow.server.port("imaps"), "ca": flow.info["ca_file"], "folder": folder}
    config.write_text(MBSYNC.format(login=user["login"], password=user["password"], **options))
    done = subprocess.run(["mbsync", "-c", config, "-a"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    files = [path for place in ("new", "cur") for path in (folder / "inbox" / place).iterdir()]
    return {header(path.read_bytes(), "Message-ID"): path for path in files}


def test_mbsync(flow: Flow, letters: list[Letter], folder: Path) -> None:
    files = mbsync(flow, folder / "first")
    sent = {one.message_id: one.raw for one in letters}
    assert files.keys() >= sent.keys()
    assert (folder / "first" / "Sent").is_dir()
    assert kept(files[letters[0].message_id].read_bytes()) == letters[0].raw
    flagged = files[letters[0].message_id]
    flagged.rename(flagged.parents[1] / "cur" / f"{flagged.name.partition(':')[0]}:2,FS")
    mbsync(flow, folder / "first")
    flow.server.stop()
    flow.server.start()
    anew = mbsync(flow, folder / "second")[letters[0].message_id]
    assert anew.name.partition(":2,")[2] == "FS"
    assert kept(anew.read_bytes()) == letters[0].raw


def kept(raw: bytes) -> bytes:
    """A message in a Maildir has line ends of Unix, and a line of mbsync's own."""
    return re.sub(rb"X-TUID: [^\n]*\n", b"", raw).replace(b"\n", b"\r\n")


def curl(flow: Flow, path: str, *options: str) -> bytes:
    """One request over implicit TLS."""
    user = flow.pharmacy
    url = f"imaps://localhost:{flow.server.port('imaps')}/{path}"
    command = ["curl", "--silent", "--show-error", "--max-time", "60", "--cacert", flow.info["ca_file"], "--url", url]
    done = subprocess.run(
        [*command, "--user", f"{user['login']}:{user['password']}", *options], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_curl(flow: Flow, letters: list[Letter]) -> None:
    found = curl(flow, "INBOX", "--request", f"UID SEARCH HEADER Message-ID {letters[1].message_id}")
    uid = found.decode().split()[-1]
    assert curl(flow, f"INBOX;UID={uid}") == letters[1].raw
    curl(flow, "INBOX", "--request", f"UID STORE {uid} +FLAGS (\\Flagged $Rappeler)")
    flow.server.stop()
    flow.server.start()
    flags = curl(flow, "INBOX", "--request", f"UID FETCH {uid} (FLAGS)").decode()
    assert "\\Flagged" in flags
    assert "$Rappeler" in flags
    assert "$SignaturePass" in flags


async def aio(flow: Flow) -> aioimaplib.IMAP4_SSL:
    client = aioimaplib.IMAP4_SSL("localhost", flow.server.port("imaps"), timeout=60, ssl_context=flow.context())
    await client.wait_hello_from_server()
    assert (await client.login(flow.pharmacy["login"], flow.pharmacy["password"])).result == "OK"
    assert (await client.select("INBOX")).result == "OK"
    return client


async def test_aioimaplib(flow: Flow, letters: list[Letter]) -> None:
    client = await aio(flow)
    found = await client.uid_search(f"HEADER Message-ID {letters[2].message_id}", charset=None)
    uid = found.lines[0].decode()
    fetched = await client.uid("fetch", uid, "(BODY.PEEK[])")
    assert bytes(next(line for line in fetched.lines if isinstance(line, bytearray))) == letters[2].raw
    assert (await client.uid("store", uid, "+FLAGS.SILENT (\\Flagged)")).result == "OK"
    await client.logout()
    flow.server.stop()
    flow.server.start()
    client = await aio(flow)
    flags = await client.uid("fetch", uid, "(FLAGS)")
    assert b"\\Flagged" in b" ".join(flags.lines)
    assert b"\\Seen" not in b" ".join(flags.lines)
    await client.logout()


def test_the_log_names_nobody(flow: Flow) -> None:
    flow.assert_clean("$Rappeler")
