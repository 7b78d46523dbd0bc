"""The two sealed halves of a pack as octets: the answers of FETCH with the keys, and the texts that SEARCH looks at.

A half is one zlib stream of columns: numbers as they stand in memory (little-endian), then the lengths of all fields,
then the fields. Pure; see `mail.imap.packs` for the rows. It is read only after its seal has held.
"""

import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from mail.imap.memory import Known
from mail.meta import Answers

FAST = 1  # zlib's level: twice the speed of its default for a tenth more octets
_ANSWERS = (2, 6)  # UID, message; key, envelope, body, bodystructure, tree, header
_TEXTS = (1, 2)  # UID; header, body
_UTF8 = ("utf-8", "surrogatepass")  # what a broken charset may leave


@dataclass(frozen=True, slots=True, repr=False)
class Packed:
    """One message of a pack."""

    uid: int
    message_id: int
    known: Known


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """What SEARCH compares with of one message: `normal` texts of its headers, those of its parts too, and of its text
    parts."""

    uid: int
    header: str
    body: str


def write_answers(messages: Sequence[Packed]) -> bytes:
    """One half of a pack. A message without a header is given an empty one: it has to be read again."""
    fields: list[bytes] = []
    for one in messages:
        known, answers = one.known, one.known.answers
        fields += (known.key, answers.envelope, answers.body, answers.bodystructure)
        fields += (answers.tree_json.encode(), known.header or b"")
    return _write([[one.uid for one in messages], [one.message_id for one in messages]], fields)


def read_answers(octets: bytes) -> list[Packed]:
    """What `write_answers` was given."""
    (uids, message_ids), fields = _read(octets, *_ANSWERS)
    rows = zip(*[iter(fields)] * _ANSWERS[1], strict=True)
    return [
        Packed(uid, message_id, Known(key, Answers(envelope, body, structure, tree.decode()), header or None))
        for uid, message_id, (key, envelope, body, structure, tree, header) in zip(uids, message_ids, rows, strict=True)
    ]


def write_texts(texts: Sequence[Text]) -> bytes:
    """The other half. A message that is not in it has to be opened."""
    fields = [text.encode(*_UTF8) for one in texts for text in (one.header, one.body)]
    return _write([[one.uid for one in texts]], fields)


class Texts:
    """The texts of a pack, searched all at once."""

    def __init__(self, octets: bytes) -> None:
        """In: what `write_texts` made."""
        (uids,), self._blob, self._starts = _open(octets, *_TEXTS)
        self.uids: Sequence[int] = uids

    def holding(self, wanted: str, *, header: bool) -> set[int]:
        """UIDs of the messages with `wanted` (a `normal` text) in a text part, or in a header too."""
        if not wanted:
            return set(self.uids)
        sought, blob, starts = wanted.encode(*_UTF8), self._blob, self._starts
        found: set[int] = set()
        at = blob.find(sought, starts[0])
        while at >= 0:
            field = bisect_right(starts, at) - 1
            if (header or field & 1) and at + len(sought) <= starts[field + 1]:
                found.add(self.uids[field >> 1])
                at = blob.find(sought, starts[(field | 1) + 1])  # on with the next message
            else:
                at = blob.find(sought, at + 1)
        return found


def _write(numbers: Iterable[Sequence[int]], fields: Sequence[bytes]) -> bytes:
    columns = [array("q", column) for column in numbers]
    columns.append(array("q", map(len, fields)))
    if sys.byteorder == "big":
        for column in columns:
            column.byteswap()
    count = len(columns[0]).to_bytes(4, "little")
    return zlib.compress(b"".join((count, *(column.tobytes() for column in columns), *fields)), FAST)


def _open(octets: bytes, numbers: int, fields: int) -> tuple[list["array[int]"], bytes, list[int]]:
    """In: how many numbers and fields a message has. Out: the number columns, the piece with all fields, and where each
    of these starts (and the last ends)."""
    whole = zlib.decompress(octets)
    count = int.from_bytes(whole[:4], "little")
    at, columns = 4, []
    for _ in range(numbers):
        columns.append(_numbers(whole[at : at + 8 * count]))
        at += 8 * count
    end = at + 8 * count * fields
    return columns, whole, list(accumulate(_numbers(whole[at:end]), initial=end))


def _numbers(octets: bytes) -> "array[int]":
    column = array("q")
    column.frombytes(octets)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _read(octets: bytes, numbers: int, fields: int) -> tuple[list["array[int]"], list[bytes]]:
    columns, whole, starts = _open(octets, numbers, fields)
    return columns, [whole[start:end] for start, end in pairwise(starts)]
