"""What comes back to a sender is written into the timeline of what they sent: reports, notifications, answers.

Only news about recipients that the sender had named counts, and never what a stranger claims about others.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail import dsn_reading, mdn
from mail.bounds import MimeBounds
from mail.incoming import Incoming
from mail.part import numbered
from mail.relay_tables import sent_messages
from mail.sent import ANSWERED, FAILED, READ, Event, find_sent, note
from mail.store import Opened, Store
from mail.tables import folder_messages, folders
from mail.timeline import opened_recipients

KIND = "mail.correlate"
REPORTS = frozenset({dsn_reading.STATUS, mdn.NOTIFICATION})


def concerns(mail: Incoming) -> bool:
    """Whether a message may be about one that was sent: an answer, a report, a notification."""
    if mail.letter is None or mail.letter.description is None:
        return False
    if mail.letter.headers.count(b"in-reply-to"):
        return True
    return any(part.media in REPORTS for _path, part in numbered(mail.letter.description.tree))


class Correlator:
    """Handler of `mail.correlate`; harmless twice."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, store: Store) -> None:
        self._db = db
        self._keyring = keyring
        self._clock = clock
        self._store = store

    def __call__(self, message_id: int) -> None:
        for mailbox_id, holder_id in self._db.read(_recipients, message_id):
            try:
                opened = self._store.open_message(message_id, holder_id)
            except NotFound:  # expunged meanwhile
                continue
            original, events = self._news(opened)
            if original and events:
                self._db.run(self._write, mailbox_id, original, events)

    def _news(self, opened: Opened) -> tuple[str, list[Event]]:
        """The Message-ID that it is about, and what it says."""
        raw, tree, now = opened.raw, opened.meta.tree, self._clock.now()
        try:
            told = dsn_reading.parse(raw, tree)
            if told:
                events = [Event(each.action, now, each.recipient, each.status) for each in told]
                return dsn_reading.original_id(raw, tree), events
            notification = mdn.parse(raw, tree)
            original = dsn_reading.original_id(raw, tree)
        except MimeBounds:
            return "", []
        if notification is not None:
            event = _of_notification(notification, opened.meta.from_, now)
            return notification.original_id or original, [event] if _vouches(opened.meta.from_, event) else []
        code = mdn.integration_error(opened.meta.subject)
        if code is not None:
            label = mdn.APPLICATION_ERRORS.get(code, "")
            return original or opened.meta.in_reply_to, [Event(FAILED, now, opened.meta.from_, str(code), label)]
        return (opened.meta.in_reply_to.split() or [""])[0], [Event(ANSWERED, now, opened.meta.from_)]

    def _write(self, session: Session, mailbox_id: int, original: str, events: list[Event]) -> None:
        message_id = find_sent(session, self._keyring, mailbox_id, original)
        if message_id is None:
            return
        sealed = session.execute(
            select(sent_messages.c.sealed).where(sent_messages.c.message_id == message_id)
        ).scalar_one()
        key = holder_key(session, self._keyring, get_mailbox(session, mailbox_id).holder_id)
        named = {each.address.lower() for each in opened_recipients(key, message_id, sealed)}
        for event in events:
            if event.recipient.lower() in named and event.kind != "expanded":
                note(session, self._keyring, message_id, event)


def _of_notification(notification: mdn.Notification, author: str, now: datetime) -> Event:
    recipient = notification.final_recipient or author
    if notification.failed or notification.errors:
        code, label = notification.errors[0] if notification.errors else (0, "")
        text = label or mdn.APPLICATION_ERRORS.get(code, "")
        return Event(FAILED, now, recipient, str(code or ""), text)
    return Event(READ, now, recipient, "", notification.disposition.value)


def _vouches(author: str, event: Event) -> bool:
    """A notification speaks of its author, or of a mailbox beside it (a robot's, say): its operator answers for the
    domain. Of other people's mailboxes nobody knows what became of a message there."""
    return author.rpartition("@")[2].lower() == event.recipient.rpartition("@")[2].lower()


def _recipients(session: Session, message_id: int) -> list[tuple[int, int]]:
    """Mailboxes that hold a copy, with their holders."""
    query = select(folders.c.mailbox_id).join(folder_messages, folder_messages.c.folder_id == folders.c.id)
    found = session.execute(query.where(folder_messages.c.message_id == message_id).distinct()).scalars()
    return [(mailbox_id, get_mailbox(session, mailbox_id).holder_id) for mailbox_id in found]
