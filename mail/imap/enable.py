"""ENABLE: what changes our answers is asked for first; unknown words are ignored. RFC 5161 §3.1."""

from typing import Final

from mail.imap.commands import Enable
from mail.imap.respond import line
from mail.imap.session import Session

# By their spelling in capitals. RFC 7162 §3.1 and §3.2.3, RFC 6855 §3, RFC 9051 §6.3.1.
_OFFERED: Final = {word.upper(): word for word in ("CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4rev2")}


async def enable(session: Session, command: Enable) -> str:
    """Answers with what is in force now of what was asked for (RFC 9051 §7.2.1)."""
    known = [word for word in dict.fromkeys(command.capabilities) if word in _OFFERED]
    for word in known:
        session.enable(word)
    session.wire.write(line(b"* ENABLED", *(_OFFERED[word].encode() for word in known)))
    return "enabled"
