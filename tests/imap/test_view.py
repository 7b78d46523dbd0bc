"""Sequence numbers of one session: they move only when the client is told. RFC 3501 §2.3.1.2, §7.4.1."""

import pytest

from mail.folder_rows import Changes, Flagged
from mail.folders import Folder
from mail.imap import sequence
from mail.imap.view import NoSuchMessage, View
from mail.index import Index

FOLDER = Folder(1, 1, "INBOX", None, 1, True)

AFTER = Index()


def view(*uids: int) -> View:
    return View(FOLDER, Index(uids, uidnext=max(uids, default=0) + 1, modseq=10), read_only=False)


def row(uid: int, modseq: int = 11, flags: str = "") -> Flagged:
    return Flagged(uid, flags, modseq)


@pytest.mark.parametrize(
    ("text", "places"),
    [("1", [0]), ("1:3", [0, 1, 2]), ("*", [3]), ("3:*", [2, 3]), ("4:2,1,2:3", [0, 1, 2, 3]), ("*:1", [0, 1, 2, 3])],
)
def test_numbers(text: str, places: list[int]) -> None:
    assert view(2, 5, 7, 11).by_number(sequence.parse(text.encode())) == places


@pytest.mark.parametrize("text", ["5", "1:5", "2:9", "4294967295"])
def test_numbers_beyond_the_end(text: str) -> None:
    with pytest.raises(NoSuchMessage):
        view(2, 5, 7, 11).by_number(sequence.parse(text.encode()))


@pytest.mark.parametrize(
    ("text", "places"),
    [("5", [1]), ("1:6", [0, 1]), ("3", []), ("99:*", [3]), ("12:99", []), ("*", [3]), ("11:1,5", [0, 1, 2, 3])],
)
def test_uids(text: str, places: list[int]) -> None:
    assert view(2, 5, 7, 11).by_uid(sequence.parse(text.encode())) == places


def test_an_empty_folder_has_no_star() -> None:
    assert view().by_uid(sequence.parse(b"1:*")) == []
    for text in (b"1", b"*", b"1:*"):
        with pytest.raises(NoSuchMessage):
            view().by_number(sequence.parse(text))


def test_what_is_gone_keeps_its_number_until_it_may_be_told() -> None:
    seen = view(2, 5, 7)
    news = seen.take(Changes((row(9),), (5,), 12), AFTER, expunges=False)
    assert (news.gone, news.exists, list(seen.uids)) == ((), 4, [2, 5, 7, 9])
    assert seen.waiting
    news = seen.take(Changes((), (), 12), AFTER, expunges=True)
    assert (news.gone, news.exists, list(seen.uids)) == ((2,), None, [2, 7, 9])


def test_the_highest_number_goes_first() -> None:
    seen = view(1, 2, 3, 4, 5)
    assert seen.take(Changes((), (1, 3, 5, 77), 12), AFTER, expunges=True).gone == (5, 3, 1)
    assert list(seen.uids) == [2, 4]


def test_what_came_and_went_unseen_is_never_told() -> None:
    seen = view(1)
    news = seen.take(Changes((), (2,), 12), AFTER, expunges=True)
    assert (news.gone, news.exists) == ((), None)
    news = seen.take(Changes((row(3),), (3,), 13), AFTER, expunges=True)  # seen by one query, gone in the next
    assert (news.gone, news.exists, list(seen.uids)) == ((), None, [1])


def test_a_message_reflagged_and_gone_is_not_new() -> None:
    seen = view(1, 2)
    news = seen.take(Changes((row(2),), (2,), 12), AFTER, expunges=True)
    assert (news.gone, news.exists, news.flags) == ((2,), None, ())


def test_nothing_is_told_twice() -> None:
    seen = view(1, 2)
    first = seen.take(Changes((row(3, 13),), (), 12), AFTER, expunges=True)
    assert first.exists == 3
    second = seen.take(Changes((row(3, 13),), (), 13), AFTER, expunges=True)
    assert second.exists is None


def test_own_changes_are_not_told() -> None:
    seen = view(1, 2)
    seen.remember([row(1, 11, "\\Seen")])
    news = seen.take(Changes((row(1, 11, "\\Seen"), row(2, 12, "\\Seen")), (), 12), AFTER, expunges=True)
    assert [(number, told.uid) for number, told in news.flags] == [(2, 2)]
    news = seen.take(Changes((row(1, 13),), (), 13), AFTER, expunges=True)  # somebody else's later change is
    assert [number for number, _ in news.flags] == [1]
