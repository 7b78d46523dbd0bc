"""Folders: a typed name opens and is the one its blind index says; a pack opens and speaks only of what is there."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.orm import Session

from crypto.committing import SealBroken
from crypto.sealed import unseal
from directory.tables import holders, mailboxes
from mail.folder_names import OURS, column_of, name_aad
from mail.folder_rows import FolderGone
from mail.imap.packed import Texts, read_answers
from mail.kept_index import is_right
from mail.packs import Stretch, answers_aad, stretches, texts_aad
from mail.tables import folder_messages, folder_packs, folders, lost_names
from ops.audit.snapshot import steady
from ops.verify.context import Context

_DAMAGED = (SealBroken, zlib.error, ValueError)


@dataclass(frozen=True, slots=True)
class _Half:
    """One sealed half of a pack: its column, what it is bound to, how the UIDs in it are read."""

    column: str
    told: str
    bound: Callable[[int, int], bytes]
    uids: Callable[[bytes], set[int]]


_HALVES = (
    _Half("sealed_answers", "answers", answers_aad, lambda octets: {one.uid for one in read_answers(octets)}),
    _Half("sealed_texts", "texts", texts_aad, lambda octets: set(Texts(octets).uids)),
)


def check_folders(context: Context) -> None:
    """All folders that belong to a mailbox; those of nobody are told by the rows' own check."""
    context.count("folders", folders.c.id)
    for rows in context.batches(_query(), folders.c.id):
        context.each(lambda row: _Check(context, row).run(), rows)
        context.findings.checked("folders", len(rows))
    for rows in context.batches(_query(lost_names), lost_names.c.id):
        context.each(lambda row: _check_lost(context, row), rows)
        context.findings.checked("lost names", len(rows))


def _query(table: Table = folders) -> Any:
    return (
        select(
            *(table.c.id, table.c.mailbox_id, table.c.name, table.c.sealed_name),
            *(mailboxes.c.holder_id, holders.c.wrapped_key),
        )
        .join(mailboxes, mailboxes.c.id == table.c.mailbox_id)
        .outerjoin(holders, holders.c.id == mailboxes.c.holder_id)
    )


def _check_lost(context: Context, row: Row[Any]) -> None:
    """A name that stayed subscribed."""
    if (holder := context.holder(row.holder_id, row.wrapped_key)) is not None:
        for fault in _faults_of_name(context, row, holder):
            context.findings.problem(f"lost name {row.id}: {fault}")


def _faults_of_name(context: Context, row: Row[Any], holder: bytes) -> Iterator[str]:
    """Of a sealed one."""
    if row.sealed_name is None:
        return
    try:
        name = unseal(holder, row.sealed_name, name_aad(row.id)).decode()
    except _DAMAGED:
        yield "its sealed name does not open"
        return
    if column_of(context.keyring, row.mailbox_id, name) != row.name:
        yield "its blind index does not fit its name"


class _Check:
    """One folder."""

    def __init__(self, context: Context, row: Row[Any]) -> None:
        self._context = context
        self._row = row

    def run(self) -> None:
        holder = self._context.holder(self._row.holder_id, self._row.wrapped_key)
        if holder is None:  # destroyed, or told by the holders' own check
            self._context.findings.checked("folders shredded")
            return
        self._name(holder)
        if not self._context.db.read(_index_is_right, self._row.id):
            self._wrong("its kept index is not what its rows say")
        packed = self._context.db.read(stretches, self._row.id)
        for earlier, later in pairwise(packed):
            if later.first <= earlier.last:
                self._wrong(f"its packs from {earlier.first} and from {later.first} overlap")
        for stretch in packed:
            self._pack(holder, stretch)

    def _name(self, holder: bytes) -> None:
        row = self._row
        if row.sealed_name is None:
            if row.name not in OURS:
                self._context.findings.note(
                    f"folder {row.id}: its name is not sealed yet; the server does when it starts"
                )
            return
        for fault in _faults_of_name(self._context, row, holder):
            self._wrong(fault)
        self._context.findings.checked("folder names")

    def _pack(self, holder: bytes, stretch: Stretch) -> None:
        found = self._context.db.read(_pack, self._row.id, stretch)
        if found is None:  # one of its messages went while we looked
            return
        row, there = found
        self._context.findings.checked("packs")
        for half in _HALVES:
            try:
                octets = unseal(holder, getattr(row, half.column), half.bound(self._row.id, stretch.first))
                uids = half.uids(octets)
            except _DAMAGED:
                self._wrong(f"the {half.told} of its pack from {stretch.first} do not open")
                continue
            if not uids <= there:
                self._wrong(f"the {half.told} of its pack from {stretch.first} speak of a message that is not there")

    def _wrong(self, what: str) -> None:
        self._context.findings.problem(f"folder {self._row.id}: {what}")


def _index_is_right(session: Session, folder_id: int) -> bool:
    steady(session)
    try:
        return is_right(session, folder_id)
    except FolderGone:  # while we looked
        return True


def _pack(session: Session, folder_id: int, stretch: Stretch) -> tuple[Row[Any], set[int]] | None:
    """Its row, and the UIDs of its stretch that are in the folder, both seen at the same moment."""
    steady(session)
    here = (folder_packs.c.folder_id == folder_id) & (folder_packs.c.first_uid == stretch.first)
    row = session.execute(select(folder_packs).where(here)).one_or_none()
    if row is None:
        return None
    inside = folder_messages.c.uid.between(row.first_uid, row.last_uid)
    query = select(folder_messages.c.uid).where(folder_messages.c.folder_id == folder_id, inside)
    return row, set(session.execute(query).scalars())
