"""Message disposition notifications: built and read. RFC 8098; error forms 1.1.2 and 1.1.3 of the ANS guide. Pure.

1.1.2 puts the error into the modifier ("processed/Error: 902^label^…"), 1.1.3 into an `Error:` field: both are read,
the newer one is written.
"""

import enum
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mail.addresses import addresses
from mail.content import decode_part
from mail.headers import Headers
from mail.part import Part, numbered
from mail.report_parts import header_only, report_entity
from mail.words import decode, decode_words

NOTIFICATION = "message/disposition-notification"
APPLICATION_ERRORS = {  # user-defined table applicationErrorCondition of the guide
    900: "Version du document incorrecte lors d'une demande de remplacement ou suppression",
    901: "Auteur non autorisé à remplacer ou supprimer un document",
    902: "Identifiant patient inconnu",
    903: "INS non présent dans le document",
    904: "L'INS transmis ne correspond pas exactement à celui du destinataire",
    905: "L'INS transmis n'est pas complet",
    906: "Autre erreur",
}
KO_PREFIX = "[KO Intégration système !]"
_KO = re.compile(r"\[(?:KO Int[ée]gration syst[èe]me !|Erreur d[’'\u02bc]int[ée]gration !)\]\[(\d{1,4})\]")
_ERROR = re.compile(r"(\d{1,4})\s*\^\s*([^\^|]{0,200})")
_FIELD_OCTETS = 64 * 1024


class Disposition(enum.Enum):
    """RFC 8098 §3.2.6.2."""

    DISPLAYED = "displayed"
    DELETED = "deleted"
    DISPATCHED = "dispatched"
    PROCESSED = "processed"


@dataclass(frozen=True, slots=True, repr=False)
class Notification:
    """What became of a message after delivery. `original_id` with its angle brackets; `errors`: application codes
    with their labels, empty where all went well; `failed` also where no code is given."""

    final_recipient: str
    original_id: str
    disposition: Disposition
    manual: bool = True
    original_recipient: str = ""
    errors: tuple[tuple[int, str], ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """Disposition-Notification-To: who asks. `automatic`: an answer may go without asking the reader (RFC 8098 §2.1:
    one address, that of the return path)."""

    to: str
    automatic: bool


def requested(headers: Headers, return_path: str) -> Request | None:
    """Who asks for a notification; None when nobody does, or not clearly. Raises MimeBounds."""
    found = addresses(headers.first(b"disposition-notification-to") or b"")
    if headers.count(b"disposition-notification-to") != 1 or len(found.mailboxes) != 1 or not found.clean:
        return None
    to = decode(found.mailboxes[0].address)
    return Request(to, bool(return_path) and to.lower() == return_path.lower())


def subject_of(notification: Notification, original: str) -> str:
    """In case of an application error the guide's prefix; otherwise as people know it."""
    if notification.errors:
        return f"{KO_PREFIX}[{notification.errors[0][0]}] {original}"
    return f"Lu : {original}" if notification.disposition is Disposition.DISPLAYED else original


def entity(notification: Notification, host: str, raw: bytes) -> bytes:
    """The multipart/report about `raw`; its header comes back, not its files (1.1.3)."""
    mode = "manual-action/MDN-sent-manually" if notification.manual else "automatic-action/MDN-sent-automatically"
    kind = notification.disposition.value + ("/error" if notification.failed or notification.errors else "")
    fields = [("Reporting-UA", f"{host}; Pli")]
    if notification.original_recipient:
        fields.append(("Original-Recipient", notification.original_recipient))
    fields += [
        ("Final-Recipient", f"rfc822; {notification.final_recipient}"),
        ("Original-Message-ID", notification.original_id),
        ("Disposition", f"{mode}; {kind}"),
        *(("Error", f"{code}^{_ascii(label)}") for code, label in notification.errors),
    ]
    return report_entity("disposition-notification", _text(notification), [fields], header_only(raw))


def parse(raw: bytes, tree: Part) -> Notification | None:
    """The notification in a message; None when there is none that can be read. Raises MimeBounds."""
    part = next((part for _path, part in numbered(tree) if part.media == NOTIFICATION), None)
    if part is None:
        return None
    fields = Headers(decode_part(raw, part, _FIELD_OCTETS))
    disposition = _text_of(fields, b"disposition")
    mode, _semicolon, rest = disposition.partition(";")
    kind, _slash, modifier = rest.strip().partition("/")
    try:
        what = Disposition(kind.strip().split(",")[0].lower())
    except ValueError:
        return None
    stated = [modifier, *(decode_words(value) for value in fields.get_all(b"error"))]
    return Notification(
        final_recipient=_address(fields, b"final-recipient"),
        original_id=_text_of(fields, b"original-message-id"),
        disposition=what,
        manual="manual-action" in mode.lower(),
        original_recipient=_text_of(fields, b"original-recipient"),
        errors=_errors(stated),
        failed=modifier.strip().lower().startswith("error"),
    )


def integration_error(subject: str) -> int | None:
    """The application code in a subject of the ordinary-mail form; None when it is no such subject."""
    found = _KO.match(subject.strip())
    return int(found[1]) if found else None


def _errors(stated: Sequence[str]) -> tuple[tuple[int, str], ...]:
    found = [(int(match[1]), match[2].strip()) for text in stated for match in _ERROR.finditer(text)]
    return tuple(dict.fromkeys(found))[:10]


def _text_of(fields: Headers, name: bytes) -> str:
    return decode(fields.first(name) or b"").strip()[:1000]


def _address(fields: Headers, name: bytes) -> str:
    """`rfc822; address` → address."""
    return _text_of(fields, name).rpartition(";")[2].strip()


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _text(notification: Notification) -> str:
    if notification.errors:
        lines = [f"{code} : {label}" for code, label in notification.errors]
        return "\n".join(
            ["Le message ci-dessous n'a pas pu être intégré automatiquement pour la raison suivante :", *lines, ""]
        )
    words = {
        Disposition.DISPLAYED: "Votre message a été affiché par son destinataire.",
        Disposition.DELETED: "Votre message a été supprimé par son destinataire.",
        Disposition.DISPATCHED: "Votre message a été transmis par son destinataire.",
        Disposition.PROCESSED: "Votre message a été traité par le système de son destinataire.",
    }
    return f"{words[notification.disposition]}\nCela ne dit pas qu'il a été compris.\n"
