"""LOGIN, and what every way of logging in has in common. RFC 3501 §6.2.3."""

from mail.auth import Identity
from mail.imap.capability import capabilities
from mail.imap.commands import Login
from mail.imap.errors import ImapBad
from mail.imap.session import Session


async def login(session: Session, command: Login) -> str:
    """Raises ImapBad [PRIVACYREQUIRED] in clear, [AUTHENTICATIONFAILED]."""
    return await with_password(session, command.user, command.password)


async def with_password(session: Session, user: bytes, password: bytes) -> str:
    """The answer is the same whether the account exists or not, and so is the time it takes."""
    check_door(session)
    try:
        name, secret = user.decode(), password.decode()
    except UnicodeDecodeError:
        raise failed(session) from None
    check = session.services.authenticator
    return welcome(session, await check.password(name, secret, session.wire.host, devices=True))


def check_door(session: Session) -> None:
    """Secrets are said under TLS only. RFC 5530 §3."""
    if not session.secret:
        raise ImapBad("start TLS first", condition="NO", code="PRIVACYREQUIRED")


def welcome(session: Session, identity: Identity | None) -> str:
    """Enter the authenticated state, or count a failure."""
    if identity is None:
        raise failed(session)
    session.authenticated(identity)
    return f"[CAPABILITY {capabilities(session)}] logged in"


def failed(session: Session) -> ImapBad:
    """The one answer to every wrong login; after too many the connection ends."""
    session.failed_logins += 1
    if session.failed_logins >= session.services.options.failed_logins:
        session.bye("too many wrong passwords")
    return ImapBad("login or password is wrong", condition="NO", code="AUTHENTICATIONFAILED")
