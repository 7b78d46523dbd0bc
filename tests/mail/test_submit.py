"""Mail in a mailbox's name: signed, once, by the same rules as every other."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput, NotFound
from crypto.authority import Authority
from crypto.trust import Trust
from crypto.verify import Reason, verify_message
from mail.compose import Attachment, Draft, encode_words, header_block, mime_entity
from mail.replies import MailError
from mail.seals import keep_seal, open_seal
from mail.submit import Submitter
from mail.words import decode_words
from tests.support.post_office import AUBIN, LEA, PAUL, PHARMACY, PostOffice

NOW = FakeClock().now()
SENT = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Essai", now=NOW)


@pytest.fixture
async def office(db: Db, tmp_path: Path, authority: Authority) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    for who in (PHARMACY, LEA):
        seal = authority.issue_smime(who, "Essai", now=NOW)
        made.db.run(keep_seal, made.keyring, made.mailboxes[who].id, seal)
    yield made
    await made.stop()


@pytest.fixture
def submitter(office: PostOffice) -> Submitter:
    return Submitter(office.db, office.keyring, office.clock, office.reception, product="NIL-0001")


def to(*texts: str) -> list[Address]:
    return [Address.parse(text) for text in texts]


def test_signed_and_verified(office: PostOffice, submitter: Submitter, authority: Authority) -> None:
    files = [Attachment("application/pdf", "été d'Ève.pdf", b"%PDF-\n\0\r")]
    message_id = submitter.submit(
        office.mailboxes[PHARMACY].id, to(LEA), "Votre commande est prête", "Bonjour,\nà bientôt.", "", "key", files
    )
    kept = office.inbox(LEA)[0]
    trust = Trust.load(authority.certificate_pem, crls=[authority.crl(now=NOW)])
    verdict = verify_message(kept.raw, trust=trust, at=NOW, envelope_sender=PHARMACY)
    assert verdict.reason is Reason.OK and verdict.signer_email == PHARMACY
    assert kept.meta.subject == "Votre commande est prête" and message_id
    parsed = message_from_bytes(kept.raw, policy=policy.default)
    parts = {part.get_content_type(): part for part in parsed.walk()}
    text, file = parts["text/plain"], parts["application/pdf"]
    assert text.get_content().replace("\r\n", "\n") == "Bonjour,\nà bientôt."
    assert parsed.get_all("X-MSS-NIL") == ["NIL-0001"]  # R2: on every mail
    assert file.get_filename() == "été d'Ève.pdf" and file.get_content() == b"%PDF-\n\0\r"


def test_the_same_key_sends_once(office: PostOffice, submitter: Submitter) -> None:
    box = office.mailboxes[PHARMACY].id
    first = submitter.submit(box, to(LEA), "s", "t", "", "key")
    office.clock.advance(3600)
    assert submitter.submit(box, to(LEA, PAUL), "other", "other", "", "key") == first
    assert submitter.submit(box, to(LEA), "s", "t", "", "key 2") != first
    assert len(office.inbox(LEA)) == 2 and office.inbox(PAUL) == []


def test_two_at_once_with_one_key_make_one(office: PostOffice, submitter: Submitter) -> None:
    box = office.mailboxes[PHARMACY].id
    with ThreadPoolExecutor(4) as pool:
        sent = {
            answer.result()
            for answer in [pool.submit(submitter.submit, box, to(LEA), "s", "t", "", "k") for _ in range(4)]
        }
    assert len(sent) == 1 and len(office.inbox(LEA)) == 1


def test_the_rules_hold_for_patients(office: PostOffice, submitter: Submitter) -> None:
    with pytest.raises(MailError):
        submitter.submit(office.mailboxes[LEA].id, to(PHARMACY), "s", "t", "", "a")
    submitter.submit(office.mailboxes[PHARMACY].id, to(LEA), "s", "t", "", "b", extra=(("X-MSS-MES", "FIN"),))
    closed = office.inbox(LEA)[0].meta.message_id
    with pytest.raises(MailError):
        submitter.submit(office.mailboxes[LEA].id, to(PHARMACY), "s", "t", closed, "c")
    assert submitter.submit(office.mailboxes[LEA].id, to(PHARMACY), "s", "t", "", "d")
    assert office.inbox(PHARMACY)[0].meta.sender == LEA


def test_without_seal_nothing_leaves(office: PostOffice, submitter: Submitter) -> None:
    with pytest.raises(NotFound):
        submitter.submit(office.mailboxes[AUBIN].id, to(LEA), "s", "t", "", "a")


@pytest.mark.parametrize("who", ["nobody@cabinet.example", "x@elsewhere.test"])
def test_unknown_recipient(office: PostOffice, submitter: Submitter, who: str) -> None:
    with pytest.raises(MailError):
        submitter.submit(office.mailboxes[PHARMACY].id, to(LEA, who), "s", "t", "", "a")
    assert office.inbox(LEA) == []


def test_seal_is_replaced_and_sealed(office: PostOffice, authority: Authority) -> None:
    box = office.mailboxes[PHARMACY].id
    fresh = authority.issue_smime(PHARMACY, "Essai 2", now=NOW)
    office.db.run(keep_seal, office.keyring, box, fresh)
    assert office.db.read(open_seal, office.keyring, box).sha256 == fresh.sha256


def draft(**changes: object) -> Draft:
    values: dict = {
        "sender": Address.parse(PHARMACY),
        "sender_name": "Pharmacie",
        "recipients": to(LEA),
        "subject": "s",
        "text": "t",
        "message_id": "1@x.example",
        "date": SENT,
    }
    return Draft(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: x@y.example"},
        {"subject": "a\nb"},
        {"subject": "a\0b"},
        {"subject": "é\u2028x"},
        {"sender_name": 'x"\r\nBcc: a@b.example'},
        {"sender_name": "é\n"},
        {"message_id": "1@x>\r\nBcc: a"},
        {"message_id": ""},
        {"in_reply_to": "<a> <b>"},
        {"in_reply_to": "é@x"},
        {"extra": (("X-MSS-NIL", "a\nb"),)},
    ],
)
def test_no_text_becomes_header_syntax(changes: dict) -> None:
    with pytest.raises(BadInput):
        header_block(draft(**changes))


@pytest.mark.parametrize(
    "file", [Attachment("a/b\r\nX: y", "n", b""), Attachment("a/b", "n\r\n", b""), Attachment('a/"b', "n", b"")]
)
def test_no_attachment_becomes_header_syntax(file: Attachment) -> None:
    with pytest.raises(BadInput):
        mime_entity(draft(attachments=[file]))


@given(st.text(max_size=300))
def test_any_subject_reads_back_or_is_refused(text: str) -> None:
    try:
        block = header_block(draft(subject=text, sender_name=text))
    except BadInput:
        assert not text.isprintable()
        return
    assert block.count(b"\r\n") == block.count(b"\n") == block.count(b"\r")
    assert all(line[:1] == b" " or b":" in line for line in block.split(b"\r\n")[:-1])
    assert max(map(len, block.split(b"\r\n"))) <= 998
    parsed = message_from_bytes(block + b"\r\n", policy=policy.default)
    assert parsed.keys() == ["From", "To", "Subject", "Date", "Message-ID"]


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200))
def test_encoded_words_read_back(text: str) -> None:
    assert decode_words(encode_words(text).replace("\r\n", "").encode()) == text
