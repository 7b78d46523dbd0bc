"""Notifications: both error forms read, the newer one written, nobody asked twice, one timeline."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.address import Address
from core.clock import FakeClock, epoch_ms
from core.db import Db
from core.errors import NotFound, Refused
from core.tables import audit
from mail import correlate, dsn_reading, mdn
from mail.bounds import MimeBounds
from mail.folder_rows import Change, change_flags
from mail.incoming import Door, Incoming
from mail.letter import read_letter
from mail.mdn import Disposition, Notification
from mail.mime import walk
from mail.receipt_answers import ACTION, DECLINED, ELSEWHERE, KEYWORD, SENT, Answer
from mail.receipts import Answered, Receipts
from mail.tables import folder_messages, folders
from mail.timeline import timeline
from tests.support.operators import HERE, OTHER, World, identity_of, peer_of
from tests.support.post_office import AUBIN, LEA, PHARMACY, PostOffice

LEROUX = "dr.leroux@cabinet.example"
WHO = "7"  # an account
ASKING = (
    f"From: <{AUBIN}>\r\nTo: <{PHARMACY}>\r\nSubject: XDM/1.0/DDM+essai\r\nMessage-ID: <7@cabinet.example>\r\n"
    f"Disposition-Notification-To: <{AUBIN}>\r\n\r\nbonjour\r\n"
).encode()


def written(disposition: str, *more: str) -> bytes:
    fields = [f"Final-Recipient: rfc822; {PHARMACY}", "Original-Message-ID: <7@cabinet.example>", disposition, *more]
    return (
        f"From: <{PHARMACY}>\r\nSubject: s\r\nContent-Type: multipart/report; report-type=disposition-notification;\r\n"
        ' boundary="b"\r\n\r\n--b\r\n\r\ntexte\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n'
        + "\r\n".join(fields)
        + "\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <7@cabinet.example>\r\n\r\n--b--\r\n"
    ).encode()


def read(raw: bytes) -> Notification | None:
    return mdn.parse(raw, walk(raw))


@pytest.mark.parametrize(
    ("disposition", "more", "errors"),
    [
        # 1.1.2: the guide's own example, not of the RFC's form
        (
            "Disposition:automatic-action/MDN-sent-automatically; processed/Error: 902^Identifiant de patient inconnu"
            "^messageErrorCondition| E^Error^errorSeverity",
            (),
            ((902, "Identifiant de patient inconnu"),),
        ),
        # 1.1.3
        (
            "Disposition: automatic-action/MDN-sent-automatically; processed/error",
            ("Error: 903^INS non présent",),
            ((903, "INS non présent"),),
        ),
        ("Disposition: automatic-action/MDN-sent-automatically;processed/ERROR", (), ()),
    ],
)
def test_both_forms_of_an_error(disposition: str, more: tuple[str, ...], errors: tuple) -> None:
    found = read(written(disposition, *more))
    assert found and found.failed and found.errors == errors and not found.manual
    assert (found.original_id, found.final_recipient) == ("<7@cabinet.example>", PHARMACY)


@pytest.mark.parametrize("code", [None, *range(900, 907)])
def test_what_is_written_reads_back_in_the_newer_form(code: int | None) -> None:
    errors = ((code, mdn.APPLICATION_ERRORS[code]),) if code else ()
    sent = Notification(
        PHARMACY, "<7@cabinet.example>", Disposition.PROCESSED, False, "rfc822;x@y.fr", errors, bool(code)
    )
    part = mdn.entity(sent, "pli.example", ASKING)
    found = read(b"From: <a@b.fr>\r\n" + part)
    assert found and [each[0] for each in found.errors] == ([code] if code else [])
    assert replace(found, errors=()) == replace(sent, errors=())
    assert (b"; processed/error\r\n" in part) is bool(code) and part.isascii()
    assert (
        dsn_reading.original_id(b"From: <a@b.fr>\r\n" + part, walk(b"From: <a@b.fr>\r\n" + part))
        == "<7@cabinet.example>"
    )


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("[KO Intégration système !][902] XDM/1.0/DDM+X", 902),
        ("[Erreur d’intégration !][906] XDM/1.0", 906),
        ("[Erreur d'intégration !][900] XDM", 900),
        ("RE: [KO Intégration système !][902]", None),
        ("XDM/1.0/DDM+X", None),
    ],
)
def test_the_form_of_ordinary_mail(subject: str, code: int | None) -> None:
    assert mdn.integration_error(subject) == code


@settings(max_examples=50)
@given(st.binary(max_size=400))
def test_hostile_reports_are_no_failure(noise: bytes) -> None:
    for raw in (noise, written("Disposition: x").replace(b"Disposition: x", noise)):
        try:
            tree = walk(raw)
            mdn.parse(raw, tree)
            dsn_reading.parse(raw, tree)
            dsn_reading.original_id(raw, tree)
        except MimeBounds:
            continue


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path, announce=())
    yield made
    await made.stop()


def send(office: PostOffice, who: str, to: str, raw: bytes, role: str = "physician") -> int:
    identity = identity_of(office, who, role)
    mail = Incoming(Door.SUBMISSION, HERE, office.clock.now(), identity, sender=identity.address)
    return office.reception.accept_now(mail, [Address.parse(to)], raw).message_id


def receipts(office: PostOffice) -> Receipts:
    args = (office.db, office.keyring, office.trail, office.clock, office.store, office.reception)
    return Receipts(*args, "pli.example", "NIL-0001")


def correlated(office: PostOffice, message_id: int) -> None:
    for _ in range(2):  # harmless twice
        correlate.Correlator(office.db, office.keyring, office.clock, office.store)(message_id)


def events(office: PostOffice) -> list[tuple[str, str, str]]:
    box = office.mailboxes[AUBIN].id
    found = office.db.read(timeline, office.keyring, box, "<7@cabinet.example>")
    return [(event.kind, event.recipient, event.code) for event in found.events]


def test_a_receipt_is_sent_once_and_read_by_its_asker(office: PostOffice) -> None:
    box, message_id = office.mailboxes[PHARMACY].id, send(office, AUBIN, PHARMACY, ASKING)
    asked = receipts(office).asked(box, message_id)
    assert asked and asked.request.automatic and asked.answer is None
    sent = receipts(office).answer(box, message_id, WHO)
    (kept,) = office.inbox(AUBIN)
    assert kept.meta.sender == "" and b"\r\nX-MSS-NIL: NIL-0001\r\n" in kept.raw
    assert b"manual-action/MDN-sent-manually; displayed" in kept.raw
    with pytest.raises(Refused):
        receipts(office).answer(box, message_id, WHO)
    correlated(office, sent)
    assert events(office) == [("accepted", "", ""), ("delivered", PHARMACY, ""), ("read", PHARMACY, "")]
    assert receipts(office).asked(office.mailboxes[AUBIN].id, sent) is None  # no receipt about a receipt


def test_an_application_error_is_told(office: PostOffice) -> None:
    message_id = send(office, AUBIN, PHARMACY, ASKING)
    sent = receipts(office).answer(office.mailboxes[PHARMACY].id, message_id, WHO, Disposition.PROCESSED, 902)
    (kept,) = office.inbox(AUBIN)
    assert kept.meta.subject == "[KO Intégration système !][902] XDM/1.0/DDM+essai"
    correlated(office, sent)
    assert ("failed", PHARMACY, "902") in events(office)


def test_a_mail_program_may_have_answered(office: PostOffice) -> None:
    box, message_id = office.mailboxes[PHARMACY].id, send(office, AUBIN, PHARMACY, ASKING)
    folder = office.db.read(lambda s: s.execute(_folder(box)).scalar_one())
    office.db.run(change_flags, folder, [1], Change.ADD, [KEYWORD])
    asked = receipts(office).asked(box, message_id)
    assert asked and asked.answer == Answer(ELSEWHERE)
    with pytest.raises(Answered):
        receipts(office).decline(box, message_id, WHO)


def test_a_refusal_is_kept_and_is_nobody_elses(office: PostOffice) -> None:
    """The same mail to two mailboxes is one row: each reader answers for themselves. The trail says who, and when."""
    identity, to = identity_of(office, AUBIN, "physician"), [Address.parse(PHARMACY), Address.parse(LEROUX)]
    mail = Incoming(Door.SUBMISSION, HERE, office.clock.now(), identity, sender=identity.address)
    message_id = office.reception.accept_now(mail, to, ASKING).message_id
    box, other = office.mailboxes[PHARMACY].id, office.mailboxes[LEROUX].id
    receipts(office).decline(box, message_id, WHO)
    asked = receipts(office).asked(box, message_id)
    assert asked and asked.answer == Answer(DECLINED, epoch_ms(office.clock.now()))
    for act in (receipts(office).answer, receipts(office).decline):
        with pytest.raises(Answered):
            act(box, message_id, WHO)
    assert office.inbox(AUBIN) == [] and KEYWORD in flags(office, box)
    receipts(office).answer(other, message_id, "8")
    asked = receipts(office).asked(other, message_id)
    assert asked and asked.answer and asked.answer.outcome == SENT
    query = select(audit.c.actor, audit.c.outcome, audit.c.ref).where(audit.c.action == ACTION).order_by(audit.c.seq)
    found = office.db.read(lambda session: session.execute(query).all())
    assert [tuple(row) for row in found] == [(WHO, DECLINED, message_id), ("8", SENT, message_id)]


def test_two_presses_at_once_send_one(office: PostOffice) -> None:
    """Nor is another sent when a mail program takes the keyword away: the trail has the answer."""
    box, message_id = office.mailboxes[PHARMACY].id, send(office, AUBIN, PHARMACY, ASKING)
    house = receipts(office)

    def press(_number: int) -> None:
        with suppress(Answered):
            house.answer(box, message_id, WHO)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(press, range(4)))
    folder = office.db.read(lambda s: s.execute(_folder(box)).scalar_one())
    office.db.run(change_flags, folder, [1], Change.REMOVE, [KEYWORD])
    with pytest.raises(Answered):
        house.answer(box, message_id, WHO)
    assert len(office.inbox(AUBIN)) == 1
    query = select(func.count()).where(audit.c.action == ACTION)
    assert office.db.read(lambda session: session.execute(query).scalar_one()) == 1


@pytest.mark.parametrize(
    "line", [b"", b"Disposition-Notification-To: <a@b.fr>, <c@d.fr>\r\n", b"Disposition-Notification-To: x\r\n"]
)
def test_who_does_not_ask_clearly_gets_none(office: PostOffice, line: bytes) -> None:
    raw = ASKING.replace(f"Disposition-Notification-To: <{AUBIN}>\r\n".encode(), line)
    message_id, box = send(office, AUBIN, PHARMACY, raw), office.mailboxes[PHARMACY].id
    assert receipts(office).asked(box, message_id) is None
    with pytest.raises(Refused):
        receipts(office).answer(box, message_id, WHO)


def test_an_answer_is_in_the_timeline_a_strangers_is_not(office: PostOffice) -> None:
    send(office, AUBIN, PHARMACY, ASKING)
    for who, role in ((PHARMACY, "pharmacist"), (LEROUX, "physician")):
        raw = f"From: <{who}>\r\nMessage-ID: <8@{who}>\r\nIn-Reply-To: <7@cabinet.example>\r\n\r\noui\r\n".encode()
        correlated(office, send(office, who, AUBIN, raw, role))
    assert events(office) == [("accepted", "", ""), ("delivered", PHARMACY, ""), ("answered", PHARMACY, "")]


@pytest.mark.parametrize(("author", "counts"), [(PHARMACY, True), (LEROUX, False)])
def test_nobody_says_that_somebody_else_has_read(office: PostOffice, author: str, counts: bool) -> None:
    """Another recipient of the same mail knows its Message-ID."""
    send(office, AUBIN, PHARMACY, ASKING)
    told = Notification(PHARMACY, "<7@cabinet.example>", Disposition.DISPLAYED)
    head = f"From: <{author}>\r\nMessage-ID: <9@{author}>\r\nMIME-Version: 1.0\r\n".encode()
    raw = head + mdn.entity(told, "pli.example", ASKING)
    correlated(office, send(office, author, AUBIN, raw, "pharmacist" if counts else "physician"))
    assert (("read", PHARMACY, "") in events(office)) == counts


async def test_the_timeline_of_a_relayed_mail(office: PostOffice) -> None:
    world = World(office)
    peer = await peer_of(world, answers={"DATA.": "451 4.3.0 later"})
    raw = ASKING.replace(PHARMACY.encode(), OTHER.encode())
    send(office, AUBIN, OTHER, raw)
    await world.relay().flush()
    assert events(office) == [("accepted", "", "")]
    office.clock.advance(5 * 3600)
    await world.relay().flush()
    assert events(office)[1:] == [("delayed", OTHER, "451 4.3.0")]
    peer.answers.clear()
    office.clock.advance(5000)
    await world.relay().flush()
    assert events(office)[1:] == [("relayed", OTHER, "250 2.6.0")]


def test_nobody_sees_anothers_timeline(office: PostOffice) -> None:
    send(office, AUBIN, PHARMACY, ASKING)
    for who in (PHARMACY, LEA):
        with pytest.raises(NotFound):
            office.db.read(timeline, office.keyring, office.mailboxes[who].id, "<7@cabinet.example>")


def test_what_is_correlated_is_chosen_by_its_form() -> None:
    def concerned(raw: bytes) -> bool:
        return correlate.concerns(Incoming(Door.MX, HERE, FakeClock().now(), letter=read_letter(raw)))

    assert concerned(written("Disposition: x")) and concerned(b"In-Reply-To: <1@x>\r\n\r\n") and not concerned(ASKING)


def flags(office: PostOffice, mailbox_id: int) -> str:
    query = select(folder_messages.c.flags).join(folders, folders.c.id == folder_messages.c.folder_id)
    mine = query.where(folders.c.mailbox_id == mailbox_id)
    return office.db.read(lambda session: session.execute(mine).scalar_one())


def _folder(mailbox_id: int):  # type: ignore[no-untyped-def]
    return select(folders.c.id).where(folders.c.mailbox_id == mailbox_id, folders.c.name == "INBOX")
