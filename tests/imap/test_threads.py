"""Threads and base subjects. RFC 5256 §2.1, §3, §4."""

import pytest

from mail.folders import Folder
from mail.imap.commands import Sort
from mail.imap.order import Fields, base_subject
from mail.imap.search_keys import All, Query
from mail.imap.search_rows import Rows
from mail.imap.sort import _sorted
from mail.imap.thread_tree import Mail, by_references, by_subject, written
from mail.imap.view import View
from mail.index import Index


@pytest.mark.parametrize(
    ("subject", "base", "answers"),
    [
        ("Re: Ordonnance", "ordonnance", True),
        ("RE : [liste] re: Ordonnance (fwd)", "ordonnance", True),
        ("Fwd: Tr", "tr", True),
        ("[Fwd: Re: Bilan ]", "bilan", True),
        ("[Urgent] Bilan", "bilan", False),
        ("[Urgent]", "[urgent]", False),
        ("re: re: re:", "", True),
        ("", "", False),
        ("Regarder", "regarder", False),
    ],
)
def test_base_subjects(subject: str, base: str, answers: bool) -> None:
    found = base_subject(subject)
    assert (found.base, found.answers) == (base, answers)


def mail(number: int, *references: bytes, subject: str = "", message_id: bytes | None = None, sent: int = 0) -> Mail:
    name = b"%d@x" % number if message_id is None else message_id
    return Mail(number, sent or number, base_subject(subject or f"s{number}"), name, references)


def refs(*mails: Mail) -> bytes:
    return written(by_references(mails))


def test_the_example_of_the_standard() -> None:
    """RFC 5256 §4: 3 has two answers with answers of their own."""
    found = refs(
        mail(2),
        mail(3),
        mail(6, b"3@x"),
        mail(4, b"3@x", b"6@x"),
        mail(23, b"3@x", b"6@x", b"4@x"),
        mail(44, b"3@x", b"6@x"),
        mail(7, b"44@x"),
        mail(96, b"44@x", b"7@x"),
    )
    assert found == b"(2)(3 6 (4 23)(44 7 96))"


def test_a_lost_parent_joins_its_answers() -> None:
    assert refs(mail(1, b"lost@x"), mail(2, b"lost@x")) == b"((1)(2))"
    assert refs(mail(1, b"lost@x")) == b"(1)"


def test_answers_without_references_join_by_subject() -> None:
    assert refs(mail(1, subject="Bilan"), mail(2, subject="Re: Bilan")) == b"(1 2)"
    assert refs(mail(1, subject="Bilan"), mail(2, subject="Bilan")) == b"((1)(2))"


def test_links_are_made_message_by_message() -> None:
    """RFC 5256 §3 step 1: what stands in the way of a ring stays; what a message answers itself replaces hearsay."""
    assert refs(mail(1), mail(2, b"3@x", b"1@x"), mail(3, b"2@x")) == b"(3 1 2)"
    assert refs(mail(1), mail(3, b"9@x", b"2@x"), mail(2, b"1@x")) == b"(1 2 3)"


def test_a_long_search_for_rings_is_given_up() -> None:
    chain = [mail(number, b"%d@x" % (number - 1)) for number in range(1, 3001)]
    hostile = [mail(number, b"3000@x", b"0@x") for number in range(3001, 6001)]
    numbers = sorted(map(int, refs(*chain, *hostile).replace(b"(", b" ").replace(b")", b" ").split()))
    assert numbers == list(range(1, 6001))


def test_rings_and_doubles_end() -> None:
    assert refs(mail(1, b"2@x"), mail(2, b"1@x")) == b"(2 1)"
    assert refs(mail(1, b"1@x")) == b"(1)"
    assert refs(mail(1, message_id=b"a"), mail(2, message_id=b"a"), mail(3, message_id=b"")) == b"(1)(2)(3)"


def test_by_subject() -> None:
    mails = [mail(1, subject="a"), mail(2, subject="b"), mail(3, subject="Re: a"), mail(4, subject="a")]
    assert written(by_subject(mails)) == b"(1 (3)(4))(2)"


def test_a_chain_of_twenty_thousand_needs_no_recursion() -> None:
    mails = [mail(number, b"%d@x" % (number - 1)) for number in range(1, 20_001)]
    found = refs(*mails)
    assert found.startswith(b"(1 2 3 ") and found.endswith(b" 20000)")


def test_every_reference_is_followed_once() -> None:
    """Hostile: each message names the same sixty others in another order."""
    names = [b"%d@lost" % number for number in range(60)]
    mails = [mail(number, *names[number % 60 :], *names[: number % 60]) for number in range(1, 2001)]
    assert refs(*mails).count(b"2000") == 1


def test_a_group_sorts_by_its_name() -> None:
    """RFC 5256 §3: the addr-mailbox that ENVELOPE has first."""
    assert Fields(b"From: Amis: zoe@x.test, ana@x.test;\r\n").mailbox(b"from") == "amis"
    assert Fields(b"From: undisclosed:;\r\n").mailbox(b"from") == "undisclosed"
    assert Fields(b"From: Zoe <ana@x.test>\r\n").mailbox(b"from") == "ana"
    assert Fields(b"To: a@x.test\r\n").mailbox(b"from") == ""


def test_arrivals_within_a_second_keep_their_order() -> None:
    """RFC 5256 §3: INTERNALDATE has no smaller unit, and what compares equal stays in order when that is reversed."""
    index = Index.of([(uid, "", 1, uid, at, 10) for uid, at in ((1, 5_100), (2, 5_900), (3, 6_000))], 4, 1)
    folder = Folder(1, 1, "INBOX", None, 1, True)
    rows = Rows(View(folder, index, read_only=True), index, now_ms=9_000)
    for word in ("ARRIVAL", "DATE"):
        command = Sort("a", False, ((word, True),), Query(All(())))
        assert _sorted(rows, command, [0, 1, 2], {place: Fields(b"") for place in range(3)}) == [2, 0, 1]


def test_fields() -> None:
    fields = Fields(
        b"From: =?utf-8?q?Ana?= <Ana.L@x.example>\r\nSubject: Re:\r\n Bilan\r\nDate: garbage\r\n"
        b"References: <a@x> junk\r\n <b@x>\r\nIn-Reply-To: <c@x>\r\nMessage-ID: <d@x>\r\n\r\n"
    )
    assert fields.mailbox(b"from") == "ana.l" and fields.mailbox(b"cc") == ""
    assert fields.subject().base == "bilan"
    assert fields.sent(7) == 7
    assert (fields.message_id(), fields.references()) == (b"d@x", [b"a@x", b"b@x"])
