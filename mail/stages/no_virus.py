"""Nothing infected comes in. The scanner sees the message whole and each decoded part; archives it opens itself."""

from collections.abc import Iterator
from enum import Enum
from typing import Protocol

import structlog

from mail.antivirus import Scanned, ScannerDown
from mail.bounds import MimeBounds
from mail.content import decode_part
from mail.incoming import Incoming, Letter
from mail.part import IDENTITY, Part, leaves
from mail.replies import MailError
from mail.stages.stage import Stage

TEXTS = frozenset({"text/plain", "text/html"})
SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})

log = structlog.get_logger()


class WhenDown(Enum):
    """What is taken while the scanner does not answer."""

    REFUSE_ATTACHMENTS = "refuse-attachments"
    REFUSE_ALL = "refuse-all"
    ACCEPT_ALL = "accept-all"


class Scanner(Protocol):
    """Octets → a verdict. Raises ScannerDown."""

    def scan(self, data: bytes) -> Scanned: ...


class NoVirus(Stage):
    """The scanner finds nothing; while it is down, the operator's policy says what is taken."""

    name: str = "no-virus"

    def __init__(self, scanner: Scanner, when_down: WhenDown = WhenDown.REFUSE_ATTACHMENTS) -> None:
        self._scanner = scanner
        self._when_down = when_down

    def waits(self, _mail: Incoming) -> bool:
        """For the scanner."""
        return True

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None:
            return None
        try:
            for data in _pieces(mail.letter):
                found = self._scanner.scan(data)
                if not found.clean:
                    log.warning("antivirus.found", virus=found.virus, door=mail.door.value)
                    return MailError(550, "5.7.1", "the message contains a virus", "virus found")
        except ScannerDown as error:
            log.warning("antivirus.down", cause=error.cause)
            return self._while_down(mail.letter)
        return None

    def _while_down(self, letter: Letter) -> MailError | None:
        if self._when_down is WhenDown.ACCEPT_ALL:
            return None
        if self._when_down is WhenDown.REFUSE_ALL or has_attachment(letter):
            return MailError(451, "4.7.1", "attachments cannot be checked for viruses now, try again later")
        return None


def has_attachment(letter: Letter) -> bool:
    """Anything beside text and signatures: where the structure cannot be read, something may hide."""
    return letter.description is None or any(_is_file(part) for _path, part in leaves(letter.description.tree))


def _is_file(part: Part) -> bool:
    if part.media in SIGNATURES:
        return False
    shown_as_file = part.disposition is not None and part.disposition.kind == b"attachment"
    return shown_as_file or part.media not in TEXTS


def _pieces(letter: Letter) -> Iterator[bytes]:
    """The message, then what a transfer encoding hides; a part beyond our bounds is refused by another stage."""
    yield letter.raw
    if letter.description is None:
        return
    for _path, part in leaves(letter.description.tree):
        if part.encoding not in IDENTITY and part.media not in SIGNATURES:
            try:
                yield decode_part(letter.raw, part)
            except MimeBounds:
                continue
