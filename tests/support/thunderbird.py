"""Debian's Thunderbird without a screen, driven through Marionette: its own IMAP engine against our server.

Marionette is the remote control that Thunderbird's own tests use: JSON with its length before it, over a local port.
What is run there is Thunderbird's own interface (`MailServices`), in its privileged context.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

START_S, SCRIPT_S = 120.0, 900.0
PREFERENCES: dict[str, str | int | bool] = {
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mailnews.start_page.enabled": False,
    "network.dns.disableIPv6": True,
    "network.dns.localDomains": "localhost",
    "network.manage-offline-status": False,
    "offline.startup_state": 2,  # online, without asking
    "toolkit.telemetry.enabled": False,
}
HEAD = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const done = arguments[arguments.length - 1];
const wait = ms => new Promise(go => { const t = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
    t.initWithCallback(() => go(), ms, Ci.nsITimer.TYPE_ONE_SHOT); wait.kept = t; });
const until = async (test, what) => {
    for (let n = 0; n < 600; n++) { if (test()) return; await wait(100); }
    throw new Error("waited for " + what + " in vain");
};
const ran = start => new Promise((go, stop) => start({ OnStartRunningUrl() {},
    OnStopRunningUrl(url, code) { code ? stop(new Error("0x" + code.toString(16))) : go(); },
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]) }));
const box = () => MailServices.accounts.allServers.find(one => one.type == "imap");
const flagged = flag => box().rootFolder.getFolderWithFlags(flag)?.QueryInterface(Ci.nsIMsgImapMailFolder);
const inbox = () => flagged(Ci.nsMsgFolderFlags.Inbox);
const headers = folder => [...folder.messages];
(async () => { BODY })().then(value => done({ value }), error => done({ error: String(error) }));
"""


class ThunderbirdError(Exception):
    """What Thunderbird said."""


@dataclass
class Thunderbird:
    """A running Thunderbird."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0

    async def call(self, name: str, **parameters: Any) -> Any:
        """One command of Marionette. Raises ThunderbirdError."""
        self.number += 1
        said = json.dumps([0, self.number, name, parameters]).encode()
        self.writer.write(b"%d:%s" % (len(said), said))
        async with asyncio.timeout(SCRIPT_S):
            _, _, error, result = await self.read()
        if error:
            raise ThunderbirdError(f"{name}: {error}")
        return result

    async def read(self) -> Any:
        """The next thing said."""
        length = int((await self.reader.readuntil(b":"))[:-1])
        return json.loads(await self.reader.readexactly(length))

    async def run(self, body: str, *values: Any) -> Any:
        """The body of an async function in Thunderbird; what it returns. Raises ThunderbirdError."""
        script = HEAD.replace("BODY", body)
        answer = await self.call("WebDriver:ExecuteAsyncScript", script=script, args=list(values), newSandbox=True)
        if "error" in answer["value"]:
            raise ThunderbirdError(answer["value"]["error"])
        return answer["value"].get("value")


@asynccontextmanager
async def thunderbird(profile: Path, authority: Path) -> AsyncIterator[Thunderbird]:
    """A new profile that trusts `authority`; its own home, so that nothing of the person who runs the tests is read."""
    port = free_port()
    profile.mkdir()
    await _certutil("-N", "-d", f"sql:{profile}", "--empty-password")
    await _certutil("-A", "-d", f"sql:{profile}", "-n", "essai", "-t", "C,,", "-i", str(authority))
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    lines.append(f'user_pref("marionette.port", {port});')
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    command = ["thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
    with (profile.parent / "thunderbird.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, "--profile", str(profile), stdout=log, stderr=log, env=os.environ | {"HOME": str(profile)}
        )
    try:
        client = await _connected(port)
        await client.call("WebDriver:NewSession", capabilities={})
        await client.call("WebDriver:SetTimeouts", script=int(SCRIPT_S * 1000))
        await client.call("Marionette:SetContext", value="chrome")
        yield client
        client.writer.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _connected(port: int) -> Thunderbird:
    async with asyncio.timeout(START_S):
        while True:
            try:
                client = Thunderbird(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))
                await client.read()
                return client
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.2)


async def _certutil(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("certutil", *words)
    assert await process.wait() == 0, words
