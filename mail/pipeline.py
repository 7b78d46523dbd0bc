"""The rules of each listener in one visible list, in the order in which they are asked.

`at_sender` at MAIL, `at_recipient` at each RCPT, `at_message` at the end of DATA: a rule stands where it can first be
known, so that the peer learns at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from core.db import Db
from crypto.keyring import Keyring
from mail.circle import Circle
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.answer_allowed import AnswerAllowed
from mail.stages.authenticated import Authenticated
from mail.stages.client_certificate import ClientCertificateShown
from mail.stages.from_in_trust_circle import FromInTrustCircle
from mail.stages.from_is_identity import FromIsIdentity
from mail.stages.mailbox_open import MailboxOpen
from mail.stages.mime_in_bounds import MimeInBounds
from mail.stages.no_loop import NoLoop
from mail.stages.one_from import OneFrom
from mail.stages.patient_may_write import PatientMayWrite
from mail.stages.recipient_in_trust_circle import RecipientInTrustCircle
from mail.stages.recipient_known import RecipientKnown
from mail.stages.recipient_local import RecipientLocal
from mail.stages.sender_in_trust_circle import SenderInTrustCircle
from mail.stages.sender_is_identity import SenderIsIdentity
from mail.stages.size_for_patient import SizeForPatient
from mail.stages.stage import Stage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages of one listener."""

    at_sender: tuple[Stage, ...]
    at_recipient: tuple[Stage, ...]
    at_message: tuple[Stage, ...]

    @property
    def all(self) -> tuple[tuple[Stage, ...], ...]:
        """In the order in which they are asked."""
        return self.at_sender, self.at_recipient, self.at_message


def may_wait(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Those that would ever say that they wait."""
    return tuple(stage for stage in stages if type(stage).waits is not Stage.waits)


def mx(db: Db, *, insecure_loopback: bool = False, more: tuple[Stage, ...] = ()) -> Pipeline:
    """Mail from other operators. `more` are asked last, about the whole message."""
    circle = Circle(db)
    return Pipeline(
        at_sender=(
            ClientCertificateShown(insecure_loopback=insecure_loopback),
            SenderInTrustCircle(circle, insecure_loopback=insecure_loopback),
        ),
        at_recipient=(
            RecipientLocal(),
            RecipientKnown(),
            MailboxOpen(),
            PatientMayWrite(db),
            SizeForPatient(),
        ),
        at_message=(
            MimeInBounds(),
            OneFrom(),
            FromInTrustCircle(circle, insecure_loopback=insecure_loopback),
            NoLoop(),
            SizeForPatient(),
            *more,
        ),
    )


def submission(db: Db, keyring: Keyring, *, dispensed_within_days: int, more: tuple[Stage, ...] = ()) -> Pipeline:
    """Mail from our own users. `more` are asked last, about the whole message."""
    return Pipeline(
        at_sender=(
            Authenticated(),
            SenderIsIdentity(),
        ),
        at_recipient=(
            RecipientInTrustCircle(Circle(db)),
            RecipientKnown(),
            MailboxOpen(),
            PatientMayWrite(db, dispensed_within_days),
            SizeForPatient(),
        ),
        at_message=(
            MimeInBounds(),
            OneFrom(),
            FromIsIdentity(),
            AnswerAllowed(db, keyring),
            NoLoop(),
            SizeForPatient(),
            *more,
        ),
    )


def collect(more: tuple[Stage, ...] = ()) -> Pipeline:
    """Mail that was delivered to our user elsewhere: whoever sent it was that operator's business."""
    return Pipeline(
        at_sender=(),
        at_recipient=(RecipientLocal(), RecipientKnown(), MailboxOpen()),
        at_message=(MimeInBounds(), *more),
    )


def first_refusal(stages: Iterable[Stage], mail: Incoming) -> tuple[str, MailError] | None:
    """The name and the refusal of the first stage that refuses; None when all agree."""
    for stage in stages:
        refusal = stage.check(mail)
        if refusal is not None:
            return stage.name, refusal
    return None
