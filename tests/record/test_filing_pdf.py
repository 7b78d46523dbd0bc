"""A signed PDF keeps its own verdict; one that was altered waits for a person; its lines say where they come from."""

from crypto.pdf_signature import verify_pdf
from record.documents import FILED, RECONCILE, document_key, open_meta
from record.filing import FileMessage
from tests.support.pdf_signer import signed_pdf
from tests.support.pki import NOW, pki
from tests.support.pki import person as signer
from tests.support.record_files import PRESCRIPTION, text_pdf
from tests.support.record_world import World, mail

SIGNED = signed_pdf(text_pdf(*PRESCRIPTION), signer())


def filed(world: World, data: bytes):
    handler = FileMessage(
        world.db,
        world.keyring,
        world.trail,
        world.clock,
        world.letters,
        world.blobs,
        world.rules,
        lambda pdf, _at: verify_pdf(pdf, trust=pki().trust, at=NOW),
    )
    handler(message_id := world.deliver(mail(("ordonnance.pdf", "application/pdf", data))))
    (row,) = world.rows(message_id)
    meta = world.db.read(lambda s: open_meta(s, document_key(s, world.keyring, row), row.id))
    return row, meta


def test_a_good_one(world: World) -> None:
    row, meta = filed(world, SIGNED)
    assert (row.state, meta.pdf_signature) == (FILED, "ok") and "Aubin" in meta.pdf_signer


def test_an_altered_one_waits_for_a_person(world: World) -> None:
    row, meta = filed(world, SIGNED.replace(b"DOLIPRANE", b"DOLIPRONE").replace(b"Amox", b"Emox") + b"\n%x\n")
    assert (row.state, row.reason, meta.pdf_signature) == (RECONCILE, "signature", "content-changed")


def test_one_without_signature_says_nothing(world: World) -> None:
    row, meta = filed(world, text_pdf(*PRESCRIPTION))
    assert (row.state, meta.pdf_signature, meta.pdf_signer) == (FILED, "", "")
