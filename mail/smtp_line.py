"""Command lines of SMTP, read strictly: verb and argument, paths, parameters. Pure; raises MailError only."""

import re

from core.address import Address, NotAnAddress
from core.value import Value, field
from mail.dsn_parameters import MailWishes, RecipientWishes, mail_wishes, recipient_wishes
from mail.replies import MailError, to_mail_error

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VERB = re.compile(r"[A-Za-z]{1,16}")
_PATH = re.compile(r" *<([^<>]*)>(?: +(\S.*))?")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?")  # RFC 5321 §4.1.2
_HELO = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")
_SIZE_DIGITS = 20  # RFC 1870 §4


class Path(Value, frozen=True):
    """A path with its parameters, keys upper-case. An empty `text` is the null path."""

    text: str
    parameters: dict[str, str] = field(default_factory=dict)


class MailFrom(Value, frozen=True):
    """MAIL: the sender (None for `<>`), the declared size in octets when there is one, what it asks to be told, and
    whether SMTPUTF8 (RFC 6531 §3.4) and REQUIRETLS (RFC 8689 §2) were said."""

    sender: Address | None
    size: int | None
    wishes: MailWishes
    utf8: bool = False
    require_tls: bool = False


class RcptTo(Value, frozen=True):
    """RCPT: the recipient, and what the sender asks to be told about it."""

    address: Address
    wishes: RecipientWishes


def split_command(line: bytes) -> tuple[str, str]:
    """Verb in upper case, and the rest. RFC 5321 §4.1.1. Raises MailError."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise MailError(500, "5.5.2", "only printable ASCII is taken here, and UTF-8 in addresses") from None
    if _CONTROL.search(text):
        raise MailError(500, "5.5.2", "only printable ASCII is taken here, and UTF-8 in addresses")
    verb, _space, argument = text.partition(" ")
    if not _VERB.fullmatch(verb):
        raise MailError(500, "5.5.2", "syntax error")
    return verb.upper(), argument.strip(" ")


def parse_helo(argument: str) -> str:
    """What the peer calls itself; any domain-like or literal text, it proves nothing. Raises MailError."""
    if not _HELO.fullmatch(argument):
        raise MailError(501, "5.5.4", "a domain name or an address literal is wanted")
    return argument


def parse_mail(argument: str) -> MailFrom:
    """FROM:<…> with SIZE (RFC 1870), BODY (RFC 6152), RET and ENVID (RFC 3461), SMTPUTF8 (RFC 6531), REQUIRETLS
    (RFC 8689), AUTH (RFC 4954 §5, not believed).

    Raises MailError.
    """
    path = parse_path(argument, "FROM:")
    size = path.parameters.pop("SIZE", None)
    if size is not None and (not size.isdigit() or len(size) > _SIZE_DIGITS):
        raise _syntax()
    if path.parameters.pop("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
        raise MailError(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
    path.parameters.pop("AUTH", None)
    wishes = mail_wishes(path.parameters)
    utf8, require_tls = (_word(path, name) for name in ("SMTPUTF8", "REQUIRETLS"))
    _refuse_others(path)
    sender = _address(path.text, utf8=utf8) if path.text else None
    return MailFrom(sender, int(size) if size else None, wishes, utf8, require_tls)


def parse_rcpt(argument: str, postmaster: str, *, utf8: bool = False) -> RcptTo:
    """TO:<…> with NOTIFY and ORCPT (RFC 3461). Never empty; `<postmaster>`, in any case and without a domain, is the
    address of that name (RFC 5321 §4.5.1). Raises MailError."""
    path = parse_path(argument, "TO:")
    wishes = recipient_wishes(path.parameters)
    _refuse_others(path)
    if path.text.lower() == "postmaster":
        return RcptTo(_address(postmaster), wishes)
    return RcptTo(_address(path.text, utf8=utf8), wishes)


def parse_path(argument: str, keyword: str) -> Path:
    """KEYWORD:<path> and its parameters. Raises MailError."""
    found = _PATH.fullmatch(argument[len(keyword) :]) if argument[: len(keyword)].upper() == keyword else None
    if found is None:
        raise MailError(501, "5.5.4", f"{keyword}<address> is wanted")
    parameters: dict[str, str] = {}
    for word in (found[2] or "").split():
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None or parameter[1].upper() in parameters:
            raise _syntax()
        parameters[parameter[1].upper()] = parameter[2] or ""
    return Path(found[1], parameters)


def _word(path: Path, name: str) -> bool:
    """Whether a parameter was said that has no value."""
    said = path.parameters.pop(name, None)
    if said:
        raise _syntax()
    return said is not None


def _syntax() -> MailError:
    return MailError(501, "5.5.4", "syntax error in the argument")


def _refuse_others(path: Path) -> None:
    if path.parameters:
        raise MailError(555, "5.5.4", "a parameter is not recognised or not implemented")  # RFC 5321 §4.1.1.11


def _address(text: str, *, utf8: bool = False) -> Address:
    """With SMTPUTF8 the domain may be written in its own letters; nobody here has a local part outside ASCII."""
    if not text.isascii() and (not utf8 or not text.partition("@")[0].isascii()):
        raise MailError(553, "5.6.7", "non-ASCII addresses are not taken here")  # RFC 6531 §3.5
    try:
        return Address.parse(text, utf8=utf8)
    except NotAnAddress as error:
        raise to_mail_error(error) from None
