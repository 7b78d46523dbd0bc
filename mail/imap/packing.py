"""Gathers what FETCH and SEARCH ask of delivered messages into packs, while nothing else is to be done.

Delivery never waits for it: a folder is looked at when no folder was touched for a moment, or when it has waited long.
One thread, one pack at a time.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import Db, Signal
from core.errors import DatabaseDown, NotFound, PliError
from crypto.keyring import Keyring
from crypto.sealed import SealBroken, seal
from directory.tables import mailboxes
from mail import kept_index, packs
from mail.blobs import Blobs
from mail.bounds import MimeBounds
from mail.folder_rows import FolderGone
from mail.imap.contents import Content, Opened, Source, holder_of, read_contents
from mail.imap.memory import Memory
from mail.imap.packed import Packed, Text, write_answers, write_texts
from mail.imap.search import Texts
from mail.limits import IMAP_PACK_OCTETS, IMAP_PACK_TEXT
from mail.notify import TOPIC
from mail.tables import folders

LOOK_S = 0.5
QUIET_S = 3.0  # since the last commit that touched a folder
PATIENCE_S = 600.0  # then a folder has its turn in spite of the others
AT_ONCE = 16  # messages opened before other threads are let in
PAUSE_S = 0.001

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class _Gathered:
    """A pack still to be kept."""

    folder_id: int
    loose: packs.Loose
    answers: bytes
    texts: bytes


class Packing:
    """Runs in one process; what several do at once is kept once."""

    def __init__(self, db: Db, keyring: Keyring, blobs: Blobs) -> None:
        self._db = db
        self._keyring = keyring
        self._blobs = blobs
        self._waiting: dict[int, float] = {}  # folder → since when
        self._touched = time.monotonic()
        db.on_own_commit(self.heard)

    def heard(self, signals: Iterable[Signal]) -> None:
        """From any thread: these folders were touched."""
        now = time.monotonic()
        for topic, folder_id in signals:
            if topic == TOPIC:
                self._touched = now
                self._waiting.setdefault(folder_id, now)

    async def run(self) -> None:
        """Until it is cancelled. At the start every folder is looked at: the process before may have been ended."""
        looked = False
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if not looked:
                    self._waiting = dict.fromkeys(await self._db.aread(_folders), self._touched) | self._waiting
                    looked = True
                await self._look()
            except DatabaseDown:
                continue
            except Exception as error:  # mail is read without packs too
                log.error("imap.packing_failed", cause=type(error).__name__)
                await asyncio.sleep(PATIENCE_S)

    async def _look(self) -> None:
        while self._waiting:
            folder_id, since = next(iter(self._waiting.items()))
            now = time.monotonic()
            if now - self._touched >= QUIET_S:
                if not await asyncio.to_thread(self.gather, folder_id):
                    await asyncio.to_thread(self.keep_index, folder_id)
            else:
                if now - since >= PATIENCE_S:
                    await asyncio.to_thread(self.gather, folder_id)
                return

    def gather(self, folder_id: int) -> bool:
        """One pack of this folder; False when nothing is left to gather. In a thread. Raises DatabaseDown."""
        since = self._waiting.pop(folder_id, 0.0)
        loose = self._db.read(packs.next_loose, folder_id)
        holder_id = self._db.read(_holder_of, folder_id) if loose else None
        if loose is None or holder_id is None:
            return False
        try:
            made = self._gathered(loose, Source(self._db, self._keyring, self._blobs, Memory(), folder_id, holder_id))
            kept = self._db.run(packs.keep, folder_id, made.loose, made.answers, made.texts)
        except NotFound:  # the holder's key is destroyed
            return False
        if kept:
            log.info("imap.packed", folder_id=folder_id, messages=len(made.loose.uids))
        self._waiting.setdefault(folder_id, since)
        return kept

    def keep_index(self, folder_id: int) -> None:
        """Of a large folder, where the one that is kept is too old. In a thread. Raises DatabaseDown."""
        with suppress(FolderGone):
            if self._db.read(kept_index.due, folder_id):
                self._db.run(kept_index.keep, folder_id, self._db.read(kept_index.read_index, folder_id))

    def _gathered(self, loose: packs.Loose, source: Source) -> _Gathered:
        messages: list[Packed] = []
        texts: list[Text] = []
        octets, done = 0, 0
        while done < len(loose.uids) and octets < IMAP_PACK_OCTETS:
            uids = loose.uids[done : done + AT_ONCE]
            for content in self._db.read(read_contents, source, uids, with_body=True):
                with suppress(SealBroken, MimeBounds, PliError):
                    messages.append(Packed(content.uid, content.message_id, content.remember_header()))
                    text = _text(content)
                    octets += len(text.header) + len(text.body)
                    texts += [text] if len(text.header) + len(text.body) <= IMAP_PACK_TEXT else []
            done += len(uids)
            time.sleep(PAUSE_S)
        last = loose.last if done == len(loose.uids) else loose.uids[done - 1]
        holder = self._db.read(holder_of, source)
        first = loose.first
        return _Gathered(
            source.folder_id,
            packs.Loose(first, last, loose.uids[:done]),
            seal(holder, write_answers(messages), packs.answers_aad(source.folder_id, first)),
            seal(holder, write_texts(texts), packs.texts_aad(source.folder_id, first)),
        )


def _text(content: Content) -> Text:
    texts = Texts(Opened(content))
    return Text(content.uid, texts.header, texts.body)


def _folders(session: Session) -> list[int]:
    return list(session.execute(select(folders.c.id)).scalars())


def _holder_of(session: Session, folder_id: int) -> int | None:
    query = select(mailboxes.c.holder_id).join(folders, folders.c.mailbox_id == mailboxes.c.id)
    found: int | None = session.execute(query.where(folders.c.id == folder_id)).scalar_one_or_none()
    return found
