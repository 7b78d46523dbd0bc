"""RET, ENVID, NOTIFY and ORCPT: what a sender asks to be told about its mail. Pure. RFC 3461 §4."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mail.replies import MailError

ENVID_OCTETS = 100  # RFC 3461 §4.4, as xtext
ORCPT_OCTETS = 500  # RFC 3461 §4.2

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 §4
_HEX = re.compile(r"\+([0-9A-F]{2})")
_TO_ESCAPE = re.compile(r"[^!-*,-<>-~]")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}")


class Ret(enum.Enum):
    """How much of the message a failure report brings back. RFC 3461 §4.3."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(enum.Flag):
    """When the sender wants a report about a recipient; no flag at all is NEVER. RFC 3461 §4.1."""

    NEVER = 0
    SUCCESS = enum.auto()
    FAILURE = enum.auto()
    DELAY = enum.auto()


@dataclass(frozen=True, slots=True, repr=False)
class MailWishes:
    """Of the whole mail. `envid` is the sender's own text, decoded; None where nothing was said."""

    ret: Ret | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class RecipientWishes:
    """Of one recipient. `notify` None: nothing was said, so failures (and delays) are reported. `orcpt` is the
    original recipient as `type;address`, decoded; None where nothing was said."""

    notify: Notify | None = None
    orcpt: str | None = None

    def wants(self, event: Notify) -> bool:
        """Whether this event is to be reported. Without NOTIFY: failure and delay. RFC 3461 §4.1."""
        return bool(event & (Notify.FAILURE | Notify.DELAY if self.notify is None else self.notify))


NO_MAIL_WISHES = MailWishes()
NO_RECIPIENT_WISHES = RecipientWishes()


def mail_wishes(given: dict[str, str]) -> MailWishes:
    """Takes RET and ENVID out of MAIL's parameters (names in upper case). Raises MailError 501."""
    if not given.keys() & {"RET", "ENVID"}:
        return NO_MAIL_WISHES
    return MailWishes(_ret(given.pop("RET", None)), _envid(given.pop("ENVID", None)))


def recipient_wishes(given: dict[str, str]) -> RecipientWishes:
    """Takes NOTIFY and ORCPT out of RCPT's parameters (names in upper case). Raises MailError 501."""
    if not given.keys() & {"NOTIFY", "ORCPT"}:
        return NO_RECIPIENT_WISHES
    return RecipientWishes(_notify(given.pop("NOTIFY", None)), _orcpt(given.pop("ORCPT", None)))


def mail_words(wishes: MailWishes) -> list[str]:
    """The parameters again, for the next hop's MAIL."""
    words = [f"RET={wishes.ret.value}"] if wishes.ret else []
    return words + ([f"ENVID={to_xtext(wishes.envid)}"] if wishes.envid is not None else [])


def recipient_words(wishes: RecipientWishes) -> list[str]:
    """The parameters again, for the next hop's RCPT."""
    words: list[str] = []
    if wishes.notify is not None:
        asked = [event.name or "" for event in (Notify.SUCCESS, Notify.FAILURE, Notify.DELAY) if event & wishes.notify]
        words.append("NOTIFY=" + (",".join(asked) or "NEVER"))
    if wishes.orcpt is not None:
        kind, _semicolon, address = wishes.orcpt.partition(";")
        words.append(f"ORCPT={kind};{to_xtext(address)}")
    return words


def to_xtext(text: str) -> str:
    """Printable ASCII with `+`, `=` and whatever else is escaped. RFC 3461 §4."""
    return _TO_ESCAPE.sub(lambda found: f"+{ord(found[0]):02X}", text)


def from_xtext(text: str) -> str:
    """What stands behind xtext: printable ASCII. Raises MailError 501."""
    if not _XTEXT.fullmatch(text):
        raise _malformed("this is not xtext")
    plain = _HEX.sub(lambda found: chr(int(found[1], 16)), text)
    if any(not " " <= char <= "~" for char in plain):  # RFC 3461 §4.2, §4.4: what stands behind it is printable
        raise _malformed("this does not stand for printable ASCII")
    return plain


def _ret(text: str | None) -> Ret | None:
    if text is None:
        return None
    try:
        return Ret(text.upper())
    except ValueError:
        raise _malformed("RET is FULL or HDRS") from None


def _envid(text: str | None) -> str | None:
    if text is None:
        return None
    if not 0 < len(text) <= ENVID_OCTETS:
        raise _malformed("ENVID has 1 to 100 characters")
    return from_xtext(text)


def _notify(text: str | None) -> Notify | None:
    if text is None:
        return None
    asked = text.upper().split(",")
    if asked == ["NEVER"]:
        return Notify.NEVER
    flags = Notify.NEVER
    for word in asked:
        event = _EVENTS.get(word)
        if event is None or event & flags:
            raise _malformed("NOTIFY is NEVER, or SUCCESS, FAILURE and DELAY with commas")
        flags |= event
    return flags


def _orcpt(text: str | None) -> str | None:
    if text is None:
        return None
    kind, semicolon, address = text.partition(";")
    if len(text) > ORCPT_OCTETS or not semicolon or not address or not _ADDRESS_TYPE.fullmatch(kind):
        raise _malformed("ORCPT is a type, a semicolon and an address")
    return f"{kind};{from_xtext(address)}"


def _malformed(public: str) -> MailError:
    return MailError(501, "5.5.4", public)


_EVENTS: Mapping[str, Notify] = {
    "SUCCESS": Notify.SUCCESS,
    "FAILURE": Notify.FAILURE,
    "DELAY": Notify.DELAY,
}
