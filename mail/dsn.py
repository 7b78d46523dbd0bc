"""Delivery status notifications: what became of a mail, for the one who sent it. RFC 3461 §6, RFC 3464. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mail.dsn_parameters import Ret
from mail.envelope import Envelope, Rcpt
from mail.relay_reasons import Reason
from mail.report_parts import header_only, report_entity, whole_message
from mail.sent import DELAYED, DELIVERED, FAILED, RELAYED

SUBJECTS = {  # the worst of what is told
    FAILED: "Message non distribué",
    DELAYED: "Message retardé",
    RELAYED: "Message transmis",
    DELIVERED: "Message distribué",
}


@dataclass(frozen=True, slots=True, repr=False)
class About:
    """One recipient: the event (a word of `mail.sent`), why, the peer's code and own text."""

    rcpt: Rcpt
    event: str
    reason: Reason | None
    code: str = ""
    reply: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What a notification is made of. `host`: our own name; `domain`: that of the peer, empty for our own."""

    host: str
    domain: str
    envelope: Envelope
    about: Sequence[About]
    arrived: datetime
    until: datetime
    raw: bytes


def subject(report: Report) -> str:
    """In French, as people read it."""
    told = {each.event for each in report.about}
    return next(text for event, text in SUBJECTS.items() if event in told)


def entity(report: Report) -> bytes:
    """The multipart/report. The message comes back whole only where RET=FULL asks for it and it failed: health data
    is not sent about without need. RFC 3461 §4.3, §6.2; RFC 8689 §5: where TLS was required, never."""
    failed = any(each.event == FAILED for each in report.about)
    full = failed and report.envelope.wishes.ret is Ret.FULL and not report.envelope.require_tls
    original = whole_message(report.raw) if full else header_only(report.raw)
    groups = [_message_fields(report), *(_recipient_fields(report, each) for each in report.about)]
    return report_entity("delivery-status", _text(report), groups, original)


def _message_fields(report: Report) -> list[tuple[str, str]]:
    fields = [("Reporting-MTA", f"dns; {report.host}")]
    if report.envelope.wishes.envid is not None:
        fields.insert(0, ("Original-Envelope-Id", report.envelope.wishes.envid))
    return [*fields, ("Arrival-Date", format_datetime(report.arrived))]


def _recipient_fields(report: Report, about: About) -> list[tuple[str, str]]:
    """RFC 3464 §2.3."""
    fields = [("Final-Recipient", f"rfc822; {about.rcpt.address}")]
    if about.rcpt.wishes.orcpt is not None:
        kind, _semicolon, address = about.rcpt.wishes.orcpt.partition(";")
        fields.insert(0, ("Original-Recipient", f"{kind};{address}"))
    fields += [("Action", about.event), ("Status", status(about))]
    if report.domain and about.code:
        fields += [("Remote-MTA", f"dns; {report.domain}"), ("Diagnostic-Code", f"smtp; {_said(about)}")]
    if about.at:
        fields.append(("Last-Attempt-Date", format_datetime(about.at)))
    if about.event == DELAYED:
        fields.append(("Will-Retry-Until", format_datetime(report.until)))
    return fields


def _said(about: About) -> str:
    """The peer's reply: its text usually begins with the enhanced code already."""
    number, _space, enhanced = about.code.partition(" ")
    return f"{number} {about.reply}" if about.reply.startswith(enhanced) else f"{about.code} {about.reply}"


def status(about: About) -> str:
    """RFC 3463: the peer's own where it gave one, ours otherwise."""
    own = about.reason.told.status if about.reason else "2.0.0"
    _number, _space, given = about.code.partition(" ")
    peers = about.reason in (Reason.PEER_LATER, Reason.PEER_REFUSED, None)
    return given if given and peers and given[0] == own[0] else own


def _text(report: Report) -> str:
    lines = ["Bonjour,", ""]
    for event, words in _WORDS.items():
        concerned = [each for each in report.about if each.event == event]
        if concerned:
            lines += [words, *(f"  - {_line(each)}" for each in concerned), ""]
    if any(each.event == DELAYED for each in report.about):
        lines += [f"Nouvelles tentatives jusqu'au {report.until:%d/%m/%Y à %H:%M} (UTC). Vous n'avez rien à faire.", ""]
    return "\n".join([*lines, "Ce message est automatique.", f"La messagerie {report.host}", ""])


_WORDS = {
    FAILED: "Votre message n'a pas pu être remis à :",
    DELAYED: "Votre message n'a pas encore pu être remis à :",
    RELAYED: "Votre message a été transmis à la messagerie de ces destinataires, qui ne confirme pas la remise :",
    DELIVERED: "Votre message a été remis à :",
}


def _line(about: About) -> str:
    reason = about.reason.told.french if about.reason else ""
    code = f" [{about.code}]" if about.code and about.reason else ""
    return about.rcpt.address + (f" : {reason}{code}" if reason else "")
