"""Threads and base subjects. RFC 5256 §2.1, §3, §4."""

import pytest

from mail.imap.order import Fields, base_subject
from mail.imap.thread_tree import Mail, by_references, by_subject, written


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


def test_fields() -> None:
    fields = Fields(
        b"From: =?utf-8?q?Ana?= <Ana.L@x.example>\r\nSubject: Re:\r\n Bilan\r\nDate: garbage\r\n"
        b"References: <a@x> junk\r\n <b@x>\r\nIn-Reply-To: <c@x>\r\nMessage-ID: <d@x>\r\n\r\n"
    )
    assert fields.mailbox(b"from") == "ana.l" and fields.mailbox(b"cc") == ""
    assert fields.subject().base == "bilan"
    assert fields.sent(7) == 7
    assert (fields.message_id(), fields.references()) == (b"d@x", [b"a@x", b"b@x"])
