"""CAPABILITY: what this session may use now. RFC 3501 §6.1.1."""

from mail.imap.commands import Capability
from mail.imap.respond import line
from mail.imap.session import Session

_ALWAYS = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE"
_LOGGED_IN = (
    "IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS "
    "STATUS=SIZE ESEARCH SEARCHRES CONDSTORE QRESYNC OBJECTID WITHIN UTF8=ACCEPT MULTIAPPEND BINARY PREVIEW "
    "SORT ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES QUOTA QUOTA=RES-STORAGE ACL RIGHTS=kxte"
)


def capabilities(session: Session) -> str:
    """The words in force. Before TLS there are only STARTTLS and LOGINDISABLED (RFC 3501 §6.2.3)."""
    if session.identity is not None:
        return f"{_ALWAYS} {_LOGGED_IN} APPENDLIMIT={session.services.options.message_octets}"
    words = [_ALWAYS]
    if session.tls is not None and session.wire.tls is None:
        words.append("STARTTLS")
    words.append("AUTH=PLAIN AUTH=LOGIN" if session.secret else "LOGINDISABLED")
    if session.secret and session.services.authenticator.takes_tokens:
        words.append("AUTH=OAUTHBEARER AUTH=XOAUTH2")
    if session.certificate is not None:
        words.append("AUTH=EXTERNAL")
    return " ".join(words)


async def capability(session: Session, _command: Capability) -> str:
    """Say it."""
    session.wire.write(line(b"* CAPABILITY", capabilities(session).encode()))
    return "those are they"
