"""What verification answers: a word of RFC 7281, a reason from a closed list, who signed. It decides nothing."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field


class Signature(enum.Enum):
    """The result words of RFC 7281 §3, kept in the message row."""

    NONE = "none"  # not signed
    PASS = "pass"  # noqa: S105  # intact, signer trusted and entitled to this address
    FAIL = "fail"  # content or signer does not match
    TEMPERROR = "temperror"  # cannot be decided now: revocation list too old or missing
    PERMERROR = "permerror"  # cannot ever be decided: broken structure


class Reason(enum.Enum):
    """Why; the list is closed. Each reason has one word and one French sentence."""

    OK = "ok"
    NOT_SIGNED = "not-signed"
    NOT_SMIME = "not-smime"
    ENCRYPTED = "encrypted"
    CONTENT_CHANGED = "content-changed"
    BAD_SIGNATURE = "bad-signature"
    WEAK_ALGORITHM = "weak-algorithm"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_PATH = "bad-path"
    WRONG_USAGE = "wrong-usage"
    REVOKED = "revoked"
    NO_EMAIL = "no-email-in-certificate"
    FROM_COUNT = "not-one-from"
    FROM_UNREADABLE = "from-unreadable"
    FROM_MISLEADING = "from-misleading"
    FROM_MISMATCH = "from-is-not-signer"
    SENDER_MISMATCH = "sender-is-not-signer"
    ENVELOPE_MISMATCH = "envelope-is-not-signer"
    HEADER_CHANGED = "header-changed"
    REVOCATION_STALE = "revocation-stale"
    REVOCATION_UNKNOWN = "revocation-unknown"
    TOO_LARGE = "too-large"
    BAD_LINES = "bad-line-ends"
    BAD_HEADER = "bad-header"
    BAD_MULTIPART = "bad-multipart"
    BAD_ENCODING = "bad-encoding"
    BAD_PDF = "bad-pdf"
    BAD_CMS = "bad-cms"
    NOT_ONE_SIGNER = "not-one-signer"
    NO_SIGNED_ATTRIBUTES = "no-signed-attributes"
    BAD_ATTRIBUTES = "bad-attributes"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    NO_CERTIFICATE = "no-certificate"
    BAD_CERTIFICATE = "bad-certificate"
    UNSUPPORTED = "unsupported"
    SURPRISE = "surprise"


_WORDS = {
    Signature.NONE: (Reason.NOT_SIGNED, Reason.NOT_SMIME, Reason.ENCRYPTED),
    Signature.PASS: (Reason.OK,),
    Signature.TEMPERROR: (Reason.REVOCATION_STALE, Reason.REVOCATION_UNKNOWN),
    Signature.FAIL: (
        Reason.CONTENT_CHANGED,
        Reason.BAD_SIGNATURE,
        Reason.WEAK_ALGORITHM,
        Reason.UNTRUSTED,
        Reason.EXPIRED,
        Reason.NOT_YET_VALID,
        Reason.BAD_PATH,
        Reason.WRONG_USAGE,
        Reason.REVOKED,
        Reason.NO_EMAIL,
        Reason.FROM_COUNT,
        Reason.FROM_UNREADABLE,
        Reason.FROM_MISLEADING,
        Reason.FROM_MISMATCH,
        Reason.SENDER_MISMATCH,
        Reason.ENVELOPE_MISMATCH,
        Reason.HEADER_CHANGED,
    ),
}
_WORD_OF = {reason: word for word, reasons in _WORDS.items() for reason in reasons}

_FRENCH = {
    Reason.OK: "Signature vérifiée : message intact, expéditeur certifié.",
    Reason.NOT_SIGNED: "Ce message n'est pas signé.",
    Reason.NOT_SMIME: "Ce message porte une signature d'un autre type que S/MIME ; elle n'a pas été vérifiée.",
    Reason.ENCRYPTED: "Ce message est chiffré ; une éventuelle signature n'est pas visible.",
    Reason.CONTENT_CHANGED: "Attention : le contenu a été modifié après la signature.",
    Reason.BAD_SIGNATURE: "Attention : la signature ne correspond pas au certificat joint.",
    Reason.WEAK_ALGORITHM: "La signature emploie un procédé trop faible pour être fiable.",
    Reason.UNTRUSTED: "Le certificat du signataire ne vient pas d'une autorité reconnue.",
    Reason.EXPIRED: "Le certificat du signataire a expiré.",
    Reason.NOT_YET_VALID: "Le certificat du signataire n'est pas encore valable.",
    Reason.BAD_PATH: "La chaîne de certificats du signataire n'est pas valable.",
    Reason.WRONG_USAGE: "Le certificat du signataire n'est pas prévu pour signer des messages.",
    Reason.REVOKED: "Le certificat du signataire a été révoqué.",
    Reason.NO_EMAIL: "Le certificat du signataire ne contient aucune adresse de messagerie.",
    Reason.FROM_COUNT: "Attention : le message n'indique pas un expéditeur unique.",
    Reason.FROM_UNREADABLE: "Attention : l'adresse de l'expéditeur est illisible.",
    Reason.FROM_MISLEADING: "Attention : le nom affiché de l'expéditeur contient une autre adresse que la sienne.",
    Reason.FROM_MISMATCH: "Attention : le signataire n'est pas l'expéditeur affiché.",
    Reason.SENDER_MISMATCH: "Attention : le message a été envoyé au nom de quelqu'un d'autre.",
    Reason.ENVELOPE_MISMATCH: "Attention : l'adresse d'envoi n'est pas celle du signataire.",
    Reason.HEADER_CHANGED: "Attention : l'objet, la date ou les destinataires ont été modifiés après la signature.",
    Reason.REVOCATION_STALE: "Vérification impossible pour l'instant : la liste de révocation est trop ancienne.",
    Reason.REVOCATION_UNKNOWN: "Vérification impossible pour l'instant : il manque une liste de révocation.",
    Reason.TOO_LARGE: "La signature dépasse les limites admises ; elle n'a pas été lue.",
    Reason.BAD_LINES: "Les fins de ligne du message sont irrégulières ; la signature ne peut pas être vérifiée.",
    Reason.BAD_HEADER: "L'en-tête du message est irrégulier ; la signature ne peut pas être vérifiée.",
    Reason.BAD_MULTIPART: "La structure du message signé est irrégulière.",
    Reason.BAD_ENCODING: "Le codage de la signature est illisible.",
    Reason.BAD_PDF: "La structure du PDF signé est irrégulière.",
    Reason.BAD_CMS: "La signature est illisible.",
    Reason.NOT_ONE_SIGNER: "Le message doit porter la signature d'une seule personne.",
    Reason.NO_SIGNED_ATTRIBUTES: "La signature n'est pas assez précise pour être fiable (attributs signés absents).",
    Reason.BAD_ATTRIBUTES: "Les attributs signés sont irréguliers.",
    Reason.TOO_MANY_CERTIFICATES: "Le message contient trop de certificats ; la signature n'a pas été lue.",
    Reason.NO_CERTIFICATE: "Le certificat du signataire n'est pas joint au message.",
    Reason.BAD_CERTIFICATE: "Le certificat du signataire est illisible.",
    Reason.UNSUPPORTED: "Ce type de signature n'est pas pris en charge.",
    Reason.SURPRISE: "La signature n'a pas pu être analysée.",
}


def word_of(reason: Reason) -> Signature:
    """The one word that belongs to a reason; what is broken for good is permerror."""
    return _WORD_OF.get(reason, Signature.PERMERROR)


def reason_text_fr(reason: Reason) -> str:
    """One French sentence for the person who reads the message."""
    return _FRENCH[reason]


class Refusal(Exception):
    """Inside this room only: verification ends here, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Verdict:
    """`signer_*` are set only once the certificate is trusted: nobody shows a name that the sender alone claims.

    `certificate_sha256`: 64 hexadecimal digits, set as soon as the signer's certificate was found.
    """

    reason: Reason
    signer_email: str | None = field(default=None, repr=False)
    signer_subject: str | None = field(default=None, repr=False)
    certificate_sha256: str | None = None

    @property
    def signature(self) -> Signature:
        return word_of(self.reason)

    @property
    def text_fr(self) -> str:
        return reason_text_fr(self.reason)


_AUTHSERV_ID = re.compile(r"[A-Za-z0-9._-]{1,255}")
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{3,254}")


def authentication_results(verdict: Verdict, authserv_id: str) -> bytes:
    """The header line, folded, CRLF at its end (RFC 8601 §2.2, RFC 7281 §3). Raises ValueError for a bad identifier."""
    if not _AUTHSERV_ID.fullmatch(authserv_id):
        raise ValueError("the authentication service identifier is a host name")
    lines = [
        f"Authentication-Results: {authserv_id};",
        f"\tsmime={verdict.signature.value} reason={verdict.reason.value}",
    ]
    if verdict.signature is Signature.PASS and verdict.signer_email and _PLAIN.fullmatch(verdict.signer_email):
        lines.append(f"\tbody.smime-identifier={verdict.signer_email}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n"
