"""What the bridge needs of other rooms, given by the wiring: this room knows neither the record nor the pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.address import Address
from instant.cases import Subject
from instant.transcript import Transcript
from mail.compose import Attachment


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name a question is asked: an account of the chat, and the mailbox that it speaks for."""

    user_id: str
    account_id: int
    mailbox_id: int


class Submitter(Protocol):
    """Sends a signed mail from one of our mailboxes, once for each key (`mail.submit`)."""

    def submit(
        self,
        sender_mailbox_id: int,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        attachments: Sequence[Attachment] = (),
        extra: tuple[tuple[str, str], ...] = (),
        references: Sequence[str] = (),
    ) -> int:
        """Durable when it returns the message's id. Raises Temporary, Permanent."""
        ...


class Helpers(Protocol):
    """Answers to the commands; each is a text for the asker, in French. All trace what they read. Raise PliError."""

    def find_colleagues(self, words: str) -> str:
        """Entries of the annuaire."""
        ...

    def show_patient(self, asker: Asker, words: str) -> str:
        """What this asker may see of a patient."""
        ...

    def file_mail(self, asker: Asker, message_id: int, part: str) -> str:
        """File the attachments of a mail into the record, through consent; says what became of them."""
        ...

    def file_for(self, asker: Asker, words: str, attachment: Attachment, key: str) -> str:
        """Send a file of the room, signed, to the patient's record; once for each key."""
        ...


class CaseFiles(Protocol):
    """What case rooms need of the record. All trace what they read. Raise PliError."""

    def subject(self, asker: Asker, words: str) -> Subject:
        """The patient with this matricule, whose record the asker may see."""
        ...

    def subject_of_message(self, asker: Asker, message_id: int) -> Subject:
        """The one patient of whom a message of the asker's mailbox speaks."""
        ...

    def subject_of_patient(self, asker: Asker, patient_id: int) -> Subject:
        """A patient of whom the asker has the record, or messages."""
        ...

    def check_member(self, asker: Asker, patient_id: int, mailbox_id: int) -> None:
        """Raises Refused where the patient objects to the holder of this mailbox."""
        ...

    def archive(self, asker: Asker, patient_id: int, script: Transcript, key: str) -> str:
        """A room's history as PDF/A on its way into the record; once for each key. Says what became of it."""
        ...


class Scanner(Protocol):
    """Looks for malware in files that cross the bridge."""

    def refuses(self, data: bytes) -> bool:
        """Whether this file must not pass. Raises Temporary where it cannot be looked at now."""
        ...


class NoScanner:
    """Where the operator runs no scanner: the mail rules are the only ones."""

    def refuses(self, data: bytes) -> bool:  # noqa: ARG002
        return False
