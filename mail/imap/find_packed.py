"""SEARCH in packs: some hundred messages are looked through at once, as one text. What no pack speaks of is left over.

The texts are those that `mail.imap.search.Texts` makes of a message, so that both ways find the same.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from functools import partial

from mail import packs
from mail.imap.looking import HeaderOnly, headers, row_of
from mail.imap.packed import Texts as PackTexts
from mail.imap.search import Matcher, Texts, normal
from mail.imap.search_keys import All, InBody, InHeader, InText, Key, Not, Or, Sent
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.imap.unpack import over, texts_of


async def in_packs(
    session: Session, rows: Rows, matcher: Matcher, key: Key, among: list[int]
) -> tuple[list[int], list[int]]:
    """Of ascending places: those that match, and those that are still to be opened."""
    uids = [rows.index.uids[place] for place in among]
    known = await session.services.db.aread(packs.stretches, session.selected.folder.id)
    hits: list[int] = []
    left: list[int] = []
    done = 0
    for pack in over(uids, known):
        session.check_alive()
        start, end = bisect_left(uids, pack.first), bisect_right(uids, pack.last)
        left += among[done:start]
        found, rest = await session.in_pool(partial(_in_pack, session, rows, matcher, key, pack, among[start:end]))
        hits, left, done = hits + found, left + rest, end
    return hits, left + among[done:]


def _in_pack(
    session: Session, rows: Rows, matcher: Matcher, key: Key, pack: packs.Stretch, among: list[int]
) -> tuple[list[int], list[int]]:
    texts = session.services.db.read(texts_of, session.source, pack)
    if texts is None:
        return [], among
    uids, there = rows.index.uids, set(texts.uids)
    left = [place for place in among if uids[place] not in there]
    inside = [place for place in among if uids[place] in there]
    if isinstance(key, InText | InBody):
        found = texts.holding(normal(key.text), header=isinstance(key, InText))
        return [place for place in inside if uids[place] in found], left
    blocks = headers(session, rows, inside) if _asks_fields(key) else {}
    seen: dict[tuple[str, bool], Collection[int]] = {}
    shown = ((place, _InPack(blocks.get(place, b""), uids[place], texts, seen)) for place in inside)
    return [place for place, one in shown if matcher.matches_texts(row_of(rows, place), one)], left


def _asks_fields(key: Key) -> bool:
    if isinstance(key, All):
        return any(map(_asks_fields, key.keys))
    if isinstance(key, Or):
        return _asks_fields(key.one) or _asks_fields(key.other)
    return _asks_fields(key.key) if isinstance(key, Not) else isinstance(key, InHeader | Sent)


class _InPack(Texts):
    """One message of a pack; each text is sought once for all of them."""

    def __init__(
        self, header: bytes, uid: int, texts: PackTexts, seen: dict[tuple[str, bool], Collection[int]]
    ) -> None:
        super().__init__(HeaderOnly(header))
        self._uid = uid
        self._pack = texts
        self._seen = seen

    def hold(self, wanted: str, *, header: bool) -> bool:
        """As the message itself would say."""
        if (found := self._seen.get((wanted, header))) is None:
            found = self._seen[wanted, header] = self._pack.holding(wanted, header=header)
        return self._uid in found
