"""What the players hold in their hands: a mail client over real sockets, TLS and all. Nothing here knows the server."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aioimaplib import IMAP4_SSL
from aiosmtplib import SMTP

from core.address import Address
from core.errors import Temporary
from core.ids import token
from crypto.identity import Identity
from crypto.protected import protect
from crypto.sign import sign_message
from crypto.tls import client_context
from mail.compose import Attachment, Draft, header_block, mime_entity
from ops.demo.cast import NEIGHBOUR, PASSWORD, Player
from ops.demo.papers import Papers

WAIT_S = 20.0
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True)
class Post:
    """The servers' addresses, from demo.json, and the players' keys."""

    facts: dict[str, Any]
    papers: Papers

    async def submit(self, player: Player, raw: bytes, recipients: list[str]) -> str:
        """STARTTLS, password, one message; the server's answer."""
        smtp = self.facts["smtp"]
        async with SMTP(
            hostname=smtp["host"], port=smtp["submission"], start_tls=True, tls_context=self._context(), timeout=WAIT_S
        ) as client:
            await client.login(player.address, PASSWORD)
            _refused, answer = await client.sendmail(player.address, recipients, raw)
        return str(answer)

    async def relay(self, sender: str, raw: bytes, recipients: list[str]) -> str:
        """As the neighbouring operator: its client certificate, no password."""
        smtp, keys = self.facts["smtp"], self.papers.keys
        context = client_context(self.facts["ca_file"], keys / "neighbour.pem", keys / "neighbour.key")
        async with SMTP(
            hostname=smtp["host"],
            port=smtp["mx"],
            start_tls=True,
            tls_context=context,
            timeout=WAIT_S,
            local_hostname=NEIGHBOUR,
        ) as client:
            _refused, answer = await client.sendmail(sender, recipients, raw)
        return str(answer)

    async def fetch(self, player: Player, message_id: str = "", subject: str = "") -> tuple[bytes, str]:
        """Wait in IDLE for the newest message with this Message-ID, or with these words in its subject; then read it.

        Out: the octets and the flags. Raises Temporary when it does not come.
        """
        imap = self.facts["imap"]
        client = IMAP4_SSL(imap["host"], imap["imaps"], ssl_context=self._context(), timeout=WAIT_S)
        await client.wait_hello_from_server()
        await client.login(player.address, PASSWORD)
        await client.select("INBOX")
        try:
            return await _read(client, await _wait(client, message_id, subject))
        finally:
            await client.logout()

    def _context(self) -> Any:
        return client_context(self.facts["ca_file"])


async def _wait(client: IMAP4_SSL, message_id: str, subject: str) -> str:
    for _ in range(int(WAIT_S / LOOK_AGAIN_S)):
        criteria = f'HEADER Message-ID "{message_id}"' if message_id else f'SUBJECT "{subject}"'
        answer = await client.uid_search(criteria, charset=None)
        uids = answer.lines[0].split()
        if uids:
            return str(uids[-1].decode())
        idle = await client.idle_start(timeout=WAIT_S)
        with suppress(TimeoutError):  # what came while the search ran was told with its answer, and is not told again
            await client.wait_server_push(timeout=LOOK_AGAIN_S)
        client.idle_done()
        await idle
    raise Temporary("the message did not come")


async def _read(client: IMAP4_SSL, uid: str) -> tuple[bytes, str]:
    answer = await client.uid("fetch", uid, "(FLAGS BODY.PEEK[])")
    raw = next(bytes(line) for line in answer.lines if isinstance(line, bytearray))
    flags = b" ".join(line for line in answer.lines if not isinstance(line, bytearray))
    return raw, flags.decode("latin-1")


@dataclass(frozen=True)
class Letter:
    """A message as its writer's client made it."""

    raw: bytes
    message_id: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def write(
    sender: str,
    name: str,
    to: str,
    subject: str,
    text: str,
    seal: Identity,
    attachments: tuple[Attachment, ...] = (),
    in_reply_to: str = "",
) -> Letter:
    """Compose and sign with the writer's own key, on the writer's own machine."""
    message_id = f"{token()}@{Address.parse(sender).domain}"
    draft = Draft(
        sender=Address.parse(sender),
        sender_name=name,
        recipients=[Address.parse(to)],
        subject=subject,
        text=text,
        message_id=message_id,
        date=datetime.now(UTC),
        in_reply_to=in_reply_to,
        attachments=attachments,
    )
    head = header_block(draft)
    raw = sign_message(head, protect(head, mime_entity(draft)), seal.key, seal.certificate, seal.chain)
    return Letter(raw, f"<{message_id}>")
