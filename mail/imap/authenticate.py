"""AUTHENTICATE: PLAIN, LOGIN, EXTERNAL, access tokens. RFC 3501 §6.2.2, RFC 4616, RFC 4422 appendix A, RFC 7628."""

import base64
from collections.abc import Callable

from mail import bearer
from mail.imap.commands import Authenticate
from mail.imap.errors import ImapBad
from mail.imap.login import check_door, failed, welcome, with_password
from mail.imap.parse import decode_base64
from mail.imap.reader import Overflow, RawLine
from mail.imap.respond import go_on
from mail.imap.session import Session
from mail.sasl import BadSasl, decode_text


async def authenticate(session: Session, command: Authenticate) -> str:
    """Raises ImapBad."""
    mechanism = _MECHANISMS.get(command.mechanism)
    if mechanism is None and session.services.authenticator.takes_tokens:
        mechanism = _TOKENS.get(command.mechanism)
    if mechanism is None:
        raise ImapBad("no such mechanism", condition="NO", code="CANNOT")
    check_door(session)
    return await mechanism(session, command.initial)


async def _plain(session: Session, initial: bytes | None) -> str:
    """RFC 4616 §2: authorisation NUL user NUL password. Nobody speaks for somebody else."""
    answer = initial if initial is not None else await _ask(session, b"")
    parts = answer.split(b"\0")
    if len(parts) != 3 or parts[0] not in {b"", parts[1]}:
        raise failed(session)
    return await with_password(session, parts[1], parts[2])


async def _login(session: Session, initial: bytes | None) -> str:
    """Obsolete, but some clients know nothing else: user, then password, each asked for."""
    user = initial if initial is not None else await _ask(session, b"VXNlcm5hbWU6")
    return await with_password(session, user, await _ask(session, b"UGFzc3dvcmQ6"))


async def _external(session: Session, initial: bytes | None) -> str:
    """The client certificate of the TLS handshake says who it is; whoever names an identity names that one."""
    answer = initial if initial is not None else await _ask(session, b"")
    try:
        acts_for = decode_text(answer)
    except BadSasl:
        raise ImapBad("the answer is not of the mechanism's form") from None
    check = session.services.authenticator
    return welcome(session, await check.certificate(session.certificate or "", acts_for, session.wire.host))


async def _oauthbearer(session: Session, initial: bytes | None) -> str:
    """RFC 7628 §3.1."""
    return await _with_token(session, initial, bearer.decode_oauthbearer)


async def _xoauth2(session: Session, initial: bytes | None) -> str:
    """What some clients speak instead."""
    return await _with_token(session, initial, bearer.decode_xoauth2)


async def _with_token(session: Session, initial: bytes | None, decode: Callable[[bytes], bearer.TokenLogin]) -> str:
    """The mailbox that the person behind the token may use; a client hears why not before it is refused (§3.2.3)."""
    answer = initial if initial is not None else await _ask(session, b"")
    try:
        given = decode(answer)
    except BadSasl:
        raise ImapBad("the answer is not of the mechanism's form") from None
    found = await session.services.authenticator.bearer(given, session.certificate or "", session.wire.host)
    if found is None:
        await _ask(session, base64.b64encode(bearer.failure()))
    return welcome(session, found)


async def _ask(session: Session, challenge: bytes) -> bytes:
    """One round: our challenge (base64), the client's answer. "*" gives up (RFC 3501 §6.2.2)."""
    session.reader.expect_line()
    session.wire.write(go_on(challenge))
    event = await session.event()
    if isinstance(event, Overflow):
        session.bye(event.public)
    if not isinstance(event, RawLine) or event.line == b"*":
        raise ImapBad("authentication was given up")
    return decode_base64(event.line)


_MECHANISMS = {"PLAIN": _plain, "LOGIN": _login, "EXTERNAL": _external}
_TOKENS = {"OAUTHBEARER": _oauthbearer, "XOAUTH2": _xoauth2}
