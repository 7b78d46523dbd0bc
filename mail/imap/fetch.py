"""FETCH and UID FETCH: rows from the index, texts from memory or unsealed in threads, sent as fast as the client reads.

RFC 3501 §6.4.5.
"""

from mail.folder_rows import gone_since
from mail.imap.commands import Fetch
from mail.imap.contents import Depth
from mail.imap.errors import ImapBad
from mail.imap.fetch_answer import plan_of
from mail.imap.fetch_bodies import Bodies
from mail.imap.fetch_items import Item
from mail.imap.fetch_known import Answers
from mail.imap.fetch_sending import Sending
from mail.imap.respond import vanished
from mail.imap.sequence import holds
from mail.imap.session import Session
from mail.index import Index

AT_ONCE = 2000  # UIDs sent together


async def fetch(session: Session, command: Fetch) -> str:
    """Raises NoSuchMessage; NO [EXPUNGEISSUED] when numbered messages are gone, NO [CORRUPTION] when one is damaged."""
    view = session.selected
    places = view.by_uid(command.set) if command.uid else view.by_number(command.set)
    if command.items == (Item.UID,) and command.changed_since is None and not command.uid:
        return await _uids(session, places)
    index = await session.index()
    if Item.MODSEQ in command.items:
        session.enable("CONDSTORE")  # RFC 7162 §3.1
    if command.changed_since is not None:
        places = await _changed(session, command, command.changed_since, places, index)
    plan = plan_of(command.items)
    sending: Sending = (Bodies if plan.depth is Depth.BODY else Answers)(session, plan, index)
    await sending.send(places)
    if sending.damaged:
        raise ImapBad("some of the messages cannot be opened", condition="NO", code="CORRUPTION")
    if sending.missing and not command.uid:
        raise ImapBad("some of the messages are not there any more", condition="NO", code="EXPUNGEISSUED")
    return "those are they"


async def _uids(session: Session, places: list[int]) -> str:
    """Numbers keep their UIDs until the client is told otherwise, also when the message is gone (RFC 2180 §4.1)."""
    uids = session.selected.uids
    for start in range(0, len(places), AT_ONCE):
        batch = places[start : start + AT_ONCE]
        session.wire.write(b"".join([b"* %d FETCH (UID %d)\r\n" % (place + 1, uids[place]) for place in batch]))
        await session.wire.drain()
    return "those are they"


async def _changed(session: Session, command: Fetch, since: int, places: list[int], index: Index) -> list[int]:
    """Those of the places that changed after modseq `since`; what went is told before. RFC 7162 §3.1.4.1, §3.2.6."""
    view = session.selected
    if command.vanished:
        if not session.qresync:
            raise ImapBad("enable QRESYNC first")
        gone = await session.services.db.aread(gone_since, view.folder.id, since)
        ranges = command.set.resolve(max(index.uidnext - 1, 1))
        lost = [uid for uid in gone if holds(ranges, uid)]
        if lost:
            session.wire.write(vanished(lost, earlier=True))
    there = ((place, index.place(view.uids[place])) for place in places)
    return [place for place, at in there if at is not None and index.modseqs[at] > since]
