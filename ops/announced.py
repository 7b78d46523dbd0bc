"""Which deliveries the upper rooms want to be told of, each with its condition."""

from core.db import Db
from core.outbox import gathered
from core.settings import Settings
from instant.bridged import Bridged
from instant.mirror import KIND as MIRROR_KIND
from mail import correlate
from mail.announcement import Announcement
from mail.deciphering import says_encrypted
from mail.incoming import Incoming
from ops.notice_wiring import noticed
from record.consent_mail import READ_KIND as CONSENT_KIND
from record.encrypted import ENCRYPTED_KIND
from record.filing import FILE_KIND
from record.from_message import has_attachments
from record.order_answers import THREAD_KIND


def announced(settings: Settings, db: Db, desk: int) -> tuple[Announcement, ...]:
    """Files, encrypted mail, answers to the desk (a mailbox's id), answers of patients, mail shown in a room."""

    def to_desk(mail: Incoming) -> bool:
        return any(recipient.mailbox_id == desk for recipient in mail.recipients)

    return (
        Announcement(FILE_KIND, _has_files, gathered(FILE_KIND)),
        Announcement(ENCRYPTED_KIND, _is_secret),
        Announcement(CONSENT_KIND, to_desk),
        Announcement(correlate.KIND, correlate.concerns),
        Announcement(THREAD_KIND, _answers),
        Announcement(MIRROR_KIND, Bridged(db).concerns),
        *noticed(settings, db),
    )


def _has_files(mail: Incoming) -> bool:
    described = mail.letter.description if mail.letter else None
    return described is not None and not says_encrypted(described.tree) and has_attachments(described.tree)


def _is_secret(mail: Incoming) -> bool:
    described = mail.letter.description if mail.letter else None
    return described is not None and says_encrypted(described.tree)


def _answers(mail: Incoming) -> bool:
    headers = mail.letter.headers if mail.letter else None
    return mail.from_patient and headers is not None and headers.first(b"in-reply-to") is not None
