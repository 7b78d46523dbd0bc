"""Filing on both databases: once however often, never into the wrong record, never on a broken signature."""

import threading

import pytest

from core.errors import NotFound
from directory.holders import destroy_holder
from record import consent, filing
from record.documents import AWAITING, DUPLICATE, FILED, RECONCILE, REFUSED, ROW_BYTES
from record.filing import DRAFT_KIND, FilingRules
from tests.support.people import invented
from tests.support.record_files import PRESCRIPTION, cda, photo, photo_pdf, text_pdf
from tests.support.record_world import World, mail, patient_address, person

PDF = ("ordonnance.pdf", "application/pdf", text_pdf(*PRESCRIPTION))
PHOTO = ("photo.pdf", "application/pdf", photo_pdf())


def states(rows) -> list[tuple[str, str]]:
    return [(row.state, row.reason) for row in rows]


@pytest.mark.parametrize("file", [PDF, PHOTO, ("IMG_1.jpg", "image/jpeg", photo())])
def test_what_the_patient_sends_is_filed_and_an_order_promised(world: World, file) -> None:
    message_id = world.deliver(mail(file))
    world.filing(message_id)
    (row,) = world.rows(message_id)
    assert (row.state, row.patient_id, row.part) == (FILED, world.patient.id, "2")
    assert world.promises(DRAFT_KIND) == [message_id]
    assert world.promises(consent.ASK_KIND) == []


def test_running_again_changes_nothing(world: World) -> None:
    message_id = world.deliver(mail(PDF, PHOTO))
    for _ in range(3):
        world.filing(message_id)
    assert len(world.rows()) == 2 and len(world.promises(DRAFT_KIND)) == 1
    assert len(world.trace("document.file")) == 2


def test_ten_workers_at_once_file_once(world: World) -> None:
    message_id = world.deliver(mail(PDF, PHOTO, ("a.txt", "text/plain", b"x" * (ROW_BYTES + 1))))
    start = threading.Barrier(10)
    failed: list[BaseException] = []

    def work() -> None:
        start.wait()
        try:
            world.filing(message_id)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert states(world.rows()) == [(FILED, "")] * 3 and len(world.promises(DRAFT_KIND)) == 1
    kept = [file for folder in world.blobs.root.iterdir() for file in folder.iterdir()]
    assert [int(file.name) for file in kept] == [row.id for row in world.rows() if row.part == "4"]


def test_the_same_content_in_another_message_is_a_duplicate(world: World) -> None:
    (first,) = world.file(mail(PDF))
    (second,) = world.file(mail(("autre nom.pdf", "application/pdf", PDF[2]), text="encore"))
    assert (second.state, second.same_as) == (DUPLICATE, first.id)
    assert len(world.promises(DRAFT_KIND)) == 2  # a patient may order again


def test_the_same_content_twice_in_one_message(world: World) -> None:
    assert [row.state for row in world.file(mail(PDF, PDF))] == [FILED, DUPLICATE]


def test_the_same_content_of_two_patients_is_filed_for_each(world: World) -> None:
    other = person(2)
    world.another_patient(other)
    world.file(mail(PDF))
    (row,) = world.file(mail(PDF), sender=patient_address(other.ins))
    assert row.state == FILED and row.patient_id != world.patient.id


@pytest.mark.parametrize("verdict", ["fail", "permerror", "temperror"])
@pytest.mark.parametrize("file", [PDF, PHOTO, ("doc.xml", "text/xml", cda(person()))])
def test_nothing_is_filed_as_trusted_on_a_broken_signature(world: World, verdict: str, file) -> None:
    rows = world.file(mail(file), verdict=verdict)
    assert {row.state for row in rows} == {RECONCILE}
    assert all(row.reason.startswith("signature") for row in rows)
    assert world.promises(DRAFT_KIND) == []


@pytest.mark.parametrize(
    "data",
    [
        cda(person(2)),
        cda(person(), family='<family qualifier="BR">AUTRE</family>'),
        cda(person(), birth='<birthTime value="19790301"/>'),
        text_pdf("ORDONNANCE", f"NIR {invented(7).matricule}", "RAMIPRIL 5 mg comprimé"),
        f"assuré {invented(9).matricule}".encode(),
    ],
)
def test_somebody_elses_document_never_enters_the_record(world: World, data: bytes) -> None:
    rows = world.file(mail(("x", "application/octet-stream", data)))
    assert states(rows) == [(RECONCILE, "identity")]
    assert world.promises(DRAFT_KIND) == []


def test_a_good_document_beside_a_bad_one(world: World) -> None:
    rows = world.file(mail(PDF, ("autre.xml", "text/xml", cda(person(2)))))
    assert states(rows) == [(FILED, ""), (RECONCILE, "identity")]
    assert len(world.promises(DRAFT_KIND)) == 1


@pytest.mark.parametrize(
    "file, reason",
    [
        (("x.exe", "application/pdf", b"MZ\x90\0\0\0"), "unknown_type"),
        (("x.pdf", "application/pdf", b"%PDF-1.4 broken"), "broken"),
        (("big.txt", "text/plain", b"a" * (5 * 1024 * 1024 + 1)), "too_large"),
        (("empty.pdf", "application/pdf", b""), "empty"),
        (("x.xml", "text/xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "doctype"),
        (("x.jpg", "image/jpeg", photo() + text_pdf("x")), "polyglot"),
    ],
)
def test_refused_files_leave_a_row_and_no_content(world: World, file, reason: str) -> None:
    (row,) = world.file(mail(file))
    assert (row.state, row.reason) == (REFUSED, reason)
    assert world.promises(DRAFT_KIND) == []


def test_a_forwarded_message_is_not_opened(world: World) -> None:
    inner = mail(PDF)
    raw = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
    (row,) = world.file(raw + inner + b"\r\n--o--\r\n")
    assert (row.state, row.reason, row.part) == (REFUSED, "type_not_taken", "1")


def test_text_signature_and_logo_are_no_documents(world: World) -> None:
    raw = (
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: multipart/related; boundary=r\r\n\r\n"
        b"--r\r\nContent-Type: text/html\r\n\r\n<img src=cid:l>\r\n--r\r\nContent-Type: image/png\r\n"
        b"Content-ID: <l>\r\n\r\nPNG\r\n--r--\r\n"
        b"--s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nxx\r\n--s--\r\n"
    )
    assert world.file(raw) == []


def test_a_professionals_document_waits_for_the_patients_word(world: World) -> None:
    to = (world.patient_address,)
    sender = world.address("dr.aubin")
    (row,) = world.file(
        mail(("cr.xml", "text/xml", cda(world.identity))), sender=sender, to=to, holders=(world.patient_box,)
    )
    assert row.state == AWAITING and len(world.promises(consent.ASK_KIND)) == 1
    world.file(mail(PDF), sender=sender, to=to, holders=(world.patient_box,))
    assert len(world.promises(consent.ASK_KIND)) == 1  # one question, however many documents


def test_consent_given_before_files_at_once_and_refused_before_keeps_out(world: World) -> None:
    asked = world.db.run(consent.ask, world.patient.id, consent.FILING, world.clock.now())
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address,), "holders": (world.patient_box,)}
    world.db.run(consent.answer, world.trail, asked.id, True, "patient", world.clock.now())
    assert states(world.file(mail(PDF), **letter)) == [(FILED, "")]
    world.db.run(consent.answer, world.trail, asked.id, False, "patient", world.clock.now())
    assert states(world.file(mail(PHOTO), **letter)) == [(REFUSED, "consent")]


def test_a_patient_who_refuses_the_record_may_still_order(world: World) -> None:
    asked = world.db.run(consent.ask, world.patient.id, consent.FILING, world.clock.now())
    world.db.run(consent.answer, world.trail, asked.id, False, "patient", world.clock.now())
    assert states(world.file(mail(PDF))) == [(REFUSED, "consent")]
    assert len(world.promises(DRAFT_KIND)) == 1


def test_operator_may_ask_for_every_document(world: World) -> None:
    world.rules = FilingRules(consent_for_own=True)
    assert [row.state for row in world.file(mail(PDF))] == [AWAITING]


def test_between_professionals_the_document_names_the_patient(world: World) -> None:
    letter = {"sender": world.address("dr.aubin"), "to": (world.address("pharmacie.1"),)}
    (row,) = world.file(mail(("p.xml", "text/xml", cda(world.identity, section="RAMIPRIL 5 mg"))), **letter)
    assert (row.state, row.patient_id) == (AWAITING, world.patient.id)
    assert len(world.promises(DRAFT_KIND)) == 1
    assert world.file(mail(PDF), **letter) == []  # nobody is named
    assert world.file(mail(("p.xml", "text/xml", cda(person(8)))), **letter) == []  # nobody of ours


def test_two_patients_written_to_and_nobody_is_guessed(world: World) -> None:
    other = person(2)
    world.another_patient(other)
    letter = {"sender": world.address("dr.aubin"), "to": (world.patient_address, patient_address(other.ins))}
    rows = world.file(mail(PDF), **letter)
    assert states(rows) == [(RECONCILE, "several_patients")] and rows[0].patient_id is None
    (row,) = world.file(mail(("p.xml", "text/xml", cda(other))), **letter)
    assert row.state == AWAITING and row.patient_id not in (None, world.patient.id)


def test_our_own_sender_from_outside_is_nobody(world: World) -> None:
    raw = mail(("p.xml", "text/xml", cda(world.identity)))
    (row,) = world.file(raw, listener="mx")
    assert row.state == AWAITING  # found by its number, but not as the patient's own


@pytest.mark.parametrize("verdict", ["none", "fail", "temperror", "permerror"])
@pytest.mark.parametrize("listener", ["mx", "collect"])
def test_our_own_sender_from_outside_needs_a_signature(world: World, listener: str, verdict: str) -> None:
    assert FILED not in {row.state for row in world.file(mail(PDF), listener=listener, verdict=verdict)}


def test_our_own_patient_is_believed_where_the_pharmacy_s_mailbox_is_elsewhere(world: World) -> None:
    assert [row.state for row in world.file(mail(PDF), listener="collect")] == [FILED]


def test_a_patient_of_another_operator_is_known_by_the_address(world: World) -> None:
    world.patients_are_elsewhere()
    assert [row.state for row in world.file(mail(PDF), listener="mx")] == [FILED]


def test_a_forgotten_patient_gets_no_documents(world: World) -> None:
    world.db.run(destroy_holder, world.patient.holder_id)
    assert world.file(mail(PDF)) == []


def test_a_message_that_is_gone_is_no_failure(world: World) -> None:
    world.filing(12345)
    with pytest.raises(NotFound):
        world.letters.open(12345)


def test_what_lies_on_disk_tells_nothing(world: World, tmp_path) -> None:
    world.file(mail(PDF, ("long.txt", "text/plain", b"secret inventine " * 10_000)))
    ins = world.identity.ins.matricule.encode()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert ins not in data and b"inventine" not in data and b"DOLIPRANE" not in data
            assert b"ordonnance.pdf" not in data and b"DUPR" not in data


def test_several_letters_are_filed_together_in_rounds_of_a_bounded_size(world: World, monkeypatch) -> None:
    files = [("a.txt", "text/plain", f"lettre {number}".encode()) for number in range(5)]
    ids = [world.deliver(mail(file)) for file in files]
    size = len(mail(files[0]))
    assert world.letters.rounds([*ids, 77], 2 * size) == [ids[:2], ids[2:4], ids[4:]]
    assert world.letters.rounds(ids[:2], size - 1) == [ids[:1], ids[1:2]]
    monkeypatch.setattr(filing, "ROUND_OCTETS", 2 * size)
    world.filing.many([*ids, 77])
    assert [states(world.rows(message_id)) for message_id in ids] == [[(FILED, "")]] * 5
    world.filing.many(ids)
    assert len(world.rows()) == 5


def test_the_same_content_in_two_letters_filed_together_is_kept_once(world: World) -> None:
    ids = [world.deliver(mail(("a.txt", "text/plain", b"la meme")), to=(world.address("dr.aubin"),)) for _ in range(2)]
    world.filing.many(ids)
    assert sorted(row.state for row in world.rows()) == [DUPLICATE, FILED]


def test_large_letters_filed_together(world: World) -> None:
    ids = [world.deliver(mail(("a.txt", "text/plain", f"{n}".encode() * (ROW_BYTES + 9)))) for n in range(4)]
    world.filing.many(ids)
    assert [row.state for row in world.rows()] == [FILED] * 4
    assert len([path for path in world.blobs.root.rglob("*") if path.is_file()]) == 4
