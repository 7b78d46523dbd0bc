"""A session's whole life: greet, read a command, do it, answer. An error is answered and the session goes on; only the
client, time and too much nonsense end it. RFC 3501 §2.2."""

import structlog

from mail.folder_rows import FolderGone
from mail.imap.append import take_message
from mail.imap.capability import capabilities
from mail.imap.dispatch import perform
from mail.imap.errors import ImapBad
from mail.imap.parse import parse_command
from mail.imap.reader import AppendStart, Complete, Continue, Overflow, Rejected
from mail.imap.refusals import Refusal, is_foreseen, refusal
from mail.imap.respond import go_on, tagged
from mail.imap.session import Session
from mail.imap.wire import Closed
from mail.limits import IMAP_BAD_COMMANDS

log = structlog.get_logger()


class Conversation:
    """Runs one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bad = 0

    async def run(self) -> None:
        """From the greeting to the end. Raises nothing that a client could cause."""
        session = self._session
        try:
            host = session.services.options.hostname
            session.wire.write(tagged("*", "OK", f"{host} is ready", f"CAPABILITY {capabilities(session)}"))
            while not session.over:
                await session.wire.drain()
                await self._turn()
        except Closed:
            pass
        except TimeoutError:
            session.bye("nothing was said for too long, or the session has lasted too long: connect again")
        finally:
            session.deselect()
            session.wire.close()

    async def _turn(self) -> None:
        """One thing that the client says."""
        session = self._session
        event = await session.event()
        if isinstance(event, Complete):
            await self._command(event.wire)
        elif isinstance(event, Continue):
            session.wire.write(go_on())
        elif isinstance(event, AppendStart):
            await self._append(event)
        elif isinstance(event, Rejected):
            self._refuse(event.error.tag, event.error)
        elif isinstance(event, Overflow):
            session.bye(event.public)

    async def _command(self, wire: bytes) -> None:
        tag = "*"
        try:
            command = parse_command(wire, utf8=self._session.utf8, unlabelled=self._session.unlabelled)
            tag = command.tag
            done = await perform(self._session, command)
        except (Closed, TimeoutError):
            raise
        except Exception as error:
            self._refuse(error.tag if isinstance(error, ImapBad) and tag == "*" else tag, error)
        else:
            self._agree(tag, done)

    async def _append(self, event: AppendStart) -> None:
        try:
            done = await take_message(self._session, event)
        except (Closed, TimeoutError):
            raise
        except Exception as error:
            self._refuse(event.command.tag, error)
        else:
            self._agree(event.command.tag, done)

    def _agree(self, tag: str, done: str | None) -> None:
        """None: the command has answered itself."""
        self._bad = 0
        if done is not None:
            self._session.wire.write(tagged(tag, "OK", done))

    def _refuse(self, tag: str, error: Exception) -> None:
        answer = refusal(error)
        if not is_foreseen(error):
            log.exception("imap.failed", session=self._session.id, exc_info=error)
        if isinstance(error, FolderGone):
            self._session.bye("the selected mailbox was deleted")
        self._session.wire.write(tagged(tag, answer.condition, answer.text, answer.code))
        self._count(answer)

    def _count(self, answer: Refusal) -> None:
        self._bad = self._bad + 1 if answer.condition == "BAD" else 0
        if self._bad >= IMAP_BAD_COMMANDS:
            self._session.bye("too many commands that cannot be read")
