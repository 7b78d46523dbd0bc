"""AUTH over SMTP: passwords, certificates and access tokens, from the mechanism's name to an identity. RFC 4954."""

import base64

from core.errors import Temporary
from mail import bearer
from mail.auth import Identity, Throttled
from mail.limits import IMAP_AUTH_LINE
from mail.line import Line
from mail.replies import MailError
from mail.sasl import PASSWORDS, BadSasl, decode_answer, decode_plain, decode_text
from mail.wire import TooLong


def mechanisms(line: Line) -> tuple[str, ...]:
    """What is offered: EXTERNAL to who has shown a certificate, tokens where somebody can check them."""
    external = ("EXTERNAL",) if line.peer.certificate_sha256 else ()
    return PASSWORDS + external + (bearer.MECHANISMS if line.house.authenticator.takes_tokens else ())


async def exchange(line: Line, argument: str) -> Identity:
    """Who it is. Raises MailError (454, 500, 501, 504, 535), HungUp."""
    mechanism, _space, initial = argument.partition(" ")
    if not mechanism:
        raise MailError(501, "5.5.4", "a mechanism is wanted")
    if mechanism.upper() not in mechanisms(line):
        raise MailError(504, "5.5.4", "this mechanism is not offered")
    try:
        found = await _identify(line, mechanism.upper(), initial.strip())
    except BadSasl:
        raise MailError(501, "5.5.2", "the answer cannot be read") from None
    except Throttled:
        raise MailError(454, "4.7.0", "too many attempts, try again later") from None
    except Temporary as error:  # the database, or the issuer of tokens
        raise MailError(454, "4.7.0", "temporary authentication failure", str(error)) from None
    if found is None:
        raise MailError(535, "5.7.8", "authentication credentials invalid")
    return found


async def _identify(line: Line, mechanism: str, initial: str) -> Identity | None:
    """None when the proof does not hold. Raises BadSasl, Throttled, MailError."""
    check = line.house.authenticator
    if mechanism == "LOGIN":
        login = decode_text(await _answer(line, initial, "VXNlcm5hbWU6"))  # "Username:"
        secret = decode_text(await _answer(line, "", "UGFzc3dvcmQ6"))
        return await check.password(login, secret, line.peer.address, devices=True)
    answer = await _answer(line, initial, "")
    if mechanism == "PLAIN":
        return await check.password(*decode_plain(answer), line.peer.address, devices=True)
    if mechanism in bearer.MECHANISMS:
        return await _bearer(line, mechanism, answer)
    return await check.certificate(line.peer.certificate_sha256, decode_text(answer), line.peer.address)


async def _bearer(line: Line, mechanism: str, answer: bytes) -> Identity | None:
    decode = bearer.decode_xoauth2 if mechanism == "XOAUTH2" else bearer.decode_oauthbearer
    given = decode(answer)
    found = await line.house.authenticator.bearer(given, line.peer.certificate_sha256, line.peer.address)
    if found is None:  # RFC 7628 §3.2.3: the client hears why, says something empty, then is refused
        line.say(f"334 {base64.b64encode(bearer.failure()).decode()}")
        await line.line(IMAP_AUTH_LINE)
    return found


async def _answer(line: Line, initial: str, challenge: str) -> bytes:
    """The initial response, or what the peer says to the challenge (base64)."""
    if initial:
        return decode_answer(initial.encode())
    line.say(f"334 {challenge}")
    try:
        given = await line.line(IMAP_AUTH_LINE)
    except TooLong:
        raise MailError(500, "5.5.6", "the answer is too long") from None  # RFC 4954 §6
    if given == b"*":
        raise MailError(501, "5.7.0", "authentication cancelled")
    return decode_answer(given)
