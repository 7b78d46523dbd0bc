"""Who may write to whom, as a table: what happened before, who writes, whether it passes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.address import Address
from core.db import Db
from mail.auth import Identity
from mail.conversations import record_dispensation
from mail.incoming import Door, Incoming
from mail.replies import MailError
from mail.submit import HERE
from tests.support.post_office import AUBIN, FOREIGN, LEA, PAUL, PEOPLE, PHARMACY, PostOffice

LEROUX = "dr.leroux@cabinet.example"


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    yield made
    await made.stop()


class Post:
    """Sends through stages and delivery, as both doors do."""

    def __init__(self, office: PostOffice) -> None:
        self.office, self.number = office, 0

    def __call__(self, sender: str, to: str, subject: str = "s", **headers: str) -> str:
        """The Message-ID when it passed, else the enhanced code."""
        self.number += 1
        fields = {"From": f"<{sender}>" if sender else f"<{FOREIGN}>", "Subject": subject}
        fields |= {"Message-ID": f"<{self.number}@test.example>"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\nx\r\n"
        try:
            self.office.reception.accept_now(self._incoming(sender), [Address.parse(to)], raw)
        except MailError as error:
            return error.enhanced
        return fields["Message-ID"]

    def _incoming(self, sender: str) -> Incoming:
        now = self.office.clock.now()
        address = Address.parse(sender) if sender else None
        if sender not in self.office.mailboxes:
            return Incoming(Door.MX, HERE, now, sender=address)
        mailbox = self.office.mailboxes[sender]
        identity = Identity(1, mailbox.id, mailbox.holder_id, Address.parse(sender), PEOPLE[sender][1])
        return Incoming(Door.SUBMISSION, HERE, now, identity, sender=address)

    def dispensed(self, who: str, days_ago: float) -> None:
        at = self.office.clock.now() - timedelta(days=days_ago)
        boxes = self.office.mailboxes
        self.office.db.run(record_dispensation, boxes[who].id, boxes[PHARMACY].id, at)


@pytest.fixture
def post(office: PostOffice) -> Post:
    return Post(office)


REFUSED = "5.7.1"


def passed(answer: str) -> bool:
    return answer.startswith("<")


def test_patient_starts_with_nobody(post: Post) -> None:
    assert [post(LEA, to) for to in (AUBIN, PHARMACY, PAUL, "robot@labo.example")] == [REFUSED] * 4


def test_patient_answers_who_wrote_and_nobody_else(post: Post) -> None:
    assert passed(post(AUBIN, LEA))
    assert passed(post(LEA, AUBIN)) and passed(post(LEA, AUBIN))
    assert post(LEA, LEROUX) == REFUSED
    assert post(PAUL, AUBIN) == REFUSED


def test_professional_of_another_operator_opens_too(post: Post) -> None:
    assert passed(post(FOREIGN, LEA))
    assert passed(post(LEA, FOREIGN))


def test_null_sender_opens_nothing(post: Post) -> None:
    assert passed(post("", LEA))
    assert post(LEA, AUBIN) == REFUSED


def test_never_patient_to_patient(post: Post) -> None:
    assert passed(post(AUBIN, LEA, Reply_To=f"<{PAUL}>"))
    assert post(LEA, PAUL) == REFUSED
    assert post(LEA, LEA) == REFUSED


def test_reply_to_opens_for_the_address_it_names(post: Post) -> None:
    assert passed(post(AUBIN, LEA, Reply_To=f"Secretariat <{LEROUX}>"))
    assert passed(post(LEA, LEROUX)) and passed(post(LEA, AUBIN))


@pytest.mark.parametrize(("days_ago", "passes"), [(0, True), (364.9, True), (365, True), (365.1, False)])
def test_patient_starts_with_a_pharmacy_that_dispensed(post: Post, days_ago: float, passes: bool) -> None:
    post.dispensed(LEA, days_ago)
    assert passed(post(LEA, PHARMACY)) is passes
    assert post(PAUL, PHARMACY) == REFUSED


def test_the_latest_dispensation_counts(post: Post) -> None:
    post.dispensed(LEA, 10)
    post.dispensed(LEA, 400)
    assert passed(post(LEA, PHARMACY))


@pytest.mark.parametrize("subject", ["[FIN]", "=?utf-8?Q?=5BFIN=5D?="])
def test_fin_closes_all_with_that_patient(post: Post, subject: str) -> None:
    post.dispensed(LEA, 1)
    for patient in (LEA, PAUL):
        assert passed(post(PHARMACY, patient))
    assert passed(post(AUBIN, LEA))
    assert passed(post(PHARMACY, LEA, subject))
    assert post(LEA, PHARMACY) == REFUSED
    assert passed(post(PAUL, PHARMACY)) and passed(post(LEA, AUBIN))


@pytest.mark.parametrize("subject", ["[fin]", "[FIN].", "Re: [FIN]", "[ FIN ]", "FIN"])
def test_only_exactly_fin_closes(post: Post, subject: str) -> None:
    assert passed(post(AUBIN, LEA, subject))
    assert passed(post(LEA, AUBIN))


def test_patients_fin_closes_nothing(post: Post) -> None:
    assert passed(post(AUBIN, LEA)) and passed(post(LEA, AUBIN, "[FIN]"))
    assert passed(post(LEA, AUBIN))


def test_writing_again_reopens(post: Post) -> None:
    assert passed(post(AUBIN, LEA, "[FIN]"))
    assert post(LEA, AUBIN) == REFUSED
    assert passed(post(AUBIN, LEA))
    assert passed(post(LEA, AUBIN))


def test_mes_fin_closes_answers_to_that_message_alone(post: Post) -> None:
    closed = post(AUBIN, LEA, X_MSS_MES="FIN")
    other = post(AUBIN, LEA)
    assert passed(closed) and passed(other)
    assert post(LEA, AUBIN, In_Reply_To=closed) == REFUSED
    assert passed(post(LEA, AUBIN, In_Reply_To=other))
    assert passed(post(LEA, AUBIN))


def test_mes_fin_repeated_is_harmless(post: Post) -> None:
    for _ in range(2):
        assert passed(post(AUBIN, LEA, X_MSS_MES="fin", Message_ID="<same@test.example>", Subject=f"{post.number}"))
    assert post(LEA, AUBIN, In_Reply_To="<same@test.example>") == REFUSED


def test_professionals_write_freely(post: Post) -> None:
    assert passed(post(AUBIN, PHARMACY)) and passed(post(PHARMACY, AUBIN)) and passed(post(FOREIGN, AUBIN))
