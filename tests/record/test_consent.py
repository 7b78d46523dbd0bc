"""Consent by mail: asked once, answered by the patient alone, in their own words."""

import pytest

from record import consent
from record.consent_mail import AskConsent, ReadConsent, code, code_of, own_words, question_subject, reading
from record.documents import AWAITING, FILED, REFUSED
from tests.support.record_files import PRESCRIPTION, text_pdf
from tests.support.record_world import World, mail, patient_address, person

PDF = ("cr.pdf", "application/pdf", text_pdf(*PRESCRIPTION))
LONG = ("long.txt", "text/plain", b"ligne\n" * 30_000)


def asking(world: World) -> AskConsent:
    return AskConsent(world.db, world.keyring, world.post, world.desk.id)


def reader(world: World) -> ReadConsent:
    return ReadConsent(
        world.db, world.keyring, world.trail, world.clock, world.letters, world.blobs, world.post, world.desk.id
    )


def waiting(world: World, *files) -> consent.Consent:
    """A physician's documents wait; the question is out."""
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address,), "holders": (world.patient_box,)}
    rows = world.file(mail(*(files or (PDF,))), **letter)
    assert {row.state for row in rows} == {AWAITING}
    (consent_id,) = world.promises(consent.ASK_KIND)
    asking(world)(consent_id)
    return world.db.read(consent.get, consent_id)


def answer(world: World, text: str, *, raw: bytes | None = None, **options) -> None:
    options = {"to": (world.address("dossier"),), "holders": (world.desk,)} | options
    reader(world)(world.deliver(raw or mail(text=text, subject="Re: Votre dossier"), **options))


def state(world: World) -> str:
    return world.rows()[0].state


def test_asked_once_however_often(world: World) -> None:
    asked = waiting(world)
    asking(world)(asked.id)
    (letter,) = world.post.letters
    assert letter.recipients == (world.patient_address,) and letter.sender_mailbox_id == world.desk.id
    assert "OUI ou NON" in letter.text and letter.subject == question_subject(asked)
    assert asked.asked_message_id is not None


@pytest.mark.parametrize(
    "text", ["OUI", "oui.", "  Oui, merci", "\n\nOUI\n\nLe 3 juin, Dossier a écrit :\n> OUI ou NON", "> NON\nOui"]
)
def test_yes_files(world: World, text: str) -> None:
    waiting(world, PDF, LONG)
    answer(world, text)
    assert {row.state for row in world.rows()} == {FILED}


@pytest.mark.parametrize("text", ["NON", "non merci", "Non !", "\nnon\n> OUI"])
def test_no_drops_content_and_files(world: World, text: str) -> None:
    waiting(world, PDF, LONG)
    answer(world, text)
    assert {(row.state, row.reason) for row in world.rows()} == {(REFUSED, "consent")}
    assert not [file for folder in world.blobs.root.iterdir() for file in folder.iterdir()]


@pytest.mark.parametrize(
    "text", ["peut-être", "", "> OUI", "Le 3 juin, Dossier a écrit :\nOUI", "ouistiti", "nonobstant", "> NON\n> OUI"]
)
def test_anything_else_is_asked_again_once(world: World, text: str) -> None:
    waiting(world)
    options = {"to": (world.address("dossier"),), "holders": (world.desk,)}
    message_id = world.deliver(mail(text=text, subject="Re: x"), **options)
    for _ in range(2):
        reader(world)(message_id)
    assert state(world) == AWAITING and len(world.post.letters) == 2


def test_nobody_else_answers(world: World) -> None:
    asked = waiting(world)
    other = person(2)
    world.another_patient(other)
    named = mail(text="OUI", subject=f"Re: {question_subject(asked)}")
    answer(world, "", raw=named, sender=patient_address(other.ins))
    answer(world, "", raw=named, sender=world.address("dr.aubin"))
    answer(world, "", raw=named, verdict="fail")
    answer(world, "", raw=named, verdict="permerror")
    answer(world, "", raw=named, verdict="temperror")
    answer(world, "", raw=named, to=(world.address("pharmacie.1"),))
    answer(world, "", raw=b"Auto-Submitted: auto-replied\r\n" + named)
    assert state(world) == AWAITING and len(world.post.letters) == 1


def test_the_patient_may_change_their_mind(world: World) -> None:
    asked = waiting(world)
    named = {"raw": mail(text="NON", subject=f"Re: {question_subject(asked)}")}
    answer(world, "OUI")
    assert state(world) == FILED
    answer(world, "", **named)
    assert world.db.read(consent.get, asked.id).state == consent.DENIED
    assert state(world) == FILED  # what was filed stays; what comes is kept out
    assert [outcome for _actor, outcome in world.trace("consent.answer")] == ["granted", "refused"]


def test_two_open_questions_need_a_name(world: World) -> None:
    waiting(world)
    other = world.db.run(consent.ask, world.patient.id, consent.ACCESS, world.clock.now(), world.physician.id)
    answer(world, "OUI")
    assert state(world) == AWAITING
    answer(world, "", raw=mail(text="OUI", subject=f"RE: {question_subject(other)}"))
    assert world.db.read(consent.is_granted, world.patient.id, consent.ACCESS, world.physician.id)
    assert state(world) == AWAITING


def test_answering_twice_is_once(world: World) -> None:
    asked = waiting(world)
    for _ in range(2):
        world.db.run(consent.answer, world.trail, asked.id, True, "patient", world.clock.now())
    assert len(world.trace("consent.answer")) == 1


def test_unknown_refs_do_no_harm(world: World) -> None:
    asking(world)(404)
    reader(world)(404)
    assert world.post.letters == []


@pytest.mark.parametrize("number", [0, 1, 35, 36, 2**63 - 1])
def test_codes_come_back(number: int) -> None:
    assert code_of(f"Re: accord (réf. d-{code(number).lower()})") == number


@pytest.mark.parametrize("subject", ["", "réf. D-", "AD-12", "D-12345678901234"])
def test_what_is_no_code(subject: str) -> None:
    assert code_of(subject) is None


def test_html_alone_is_not_understood(world: World) -> None:
    raw = b"Subject: Re\r\nContent-Type: text/html\r\n\r\n<p>OUI</p>\r\n"
    message_id = world.deliver(raw)
    assert own_words(world.letters.open(message_id)) == "" and reading("") is None
