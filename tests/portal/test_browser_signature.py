"""What a real browser signs, read by another library than ours; and the letter that goes when PKI.js does not come."""

import hashlib
from email import message_from_bytes
from pathlib import Path

import pytest
from asn1crypto import algos, cms
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from crypto.verify import signed_content
from mail.tables import messages
from ops.demo_files import photo_jpeg
from tests.support.browser import page_of
from tests.support.portal_world import PASSWORD, World, served

pytestmark = pytest.mark.slow
KEPT = """() => new Promise((resolve) => {
  indexedDB.open("pli", 1).onsuccess = ({ target }) => {
    const asked = target.result.transaction("keys").objectStore("keys").getAll();
    asked.onsuccess = () => resolve(asked.result.map(({ key }) => [key.type, key.extractable, key.algorithm]));
  };
})"""


def reviewing(chromium: Browser, base: str, world: World, folder: Path) -> Page:
    """The patient before the last button."""
    photo = folder / "rx.jpg"
    photo.write_bytes(photo_jpeg())
    page = page_of(chromium, "phone")
    page.goto(f"{base}/entrer")
    page.fill("#login", world.patient_login)
    page.fill("#password", PASSWORD)
    page.click("button.main:not([data-passkey])")
    page.wait_for_load_state()
    page.goto(f"{base}/p/envoyer")
    page.click("form button.main")
    page.set_input_files("#photo", str(photo))
    page.click("form button.main")
    page.wait_for_url("**/relire/**")
    return page


def delivered(world: World) -> bytes:
    """The one message that the pharmacy received."""
    number = world.kept.db.read(lambda session: session.execute(select(messages.c.id)).scalar_one())
    opened = world.services.store.open_message(number, world.kept.pharmacy.mailbox.holder_id)
    assert opened.meta.verdict == "pass"
    return opened.raw


def test_without_a_network_the_letter_waits_on_its_page(world: World, chromium: Browser, tmp_path: Path):
    with served(world.app) as base:
        page = reviewing(chromium, base, world, tmp_path)
        page.context.set_offline(True)
        page.click("#envoi button.main")
        page.get_by_text("Pas de connexion").wait_for()
        assert "/relire/" in page.url
        page.context.set_offline(False)
        with page.expect_response("**/signer/**") as accepted:
            page.click("#envoi button.main")
        page.wait_for_url("**/p?fait=envoyee")
        page.context.close()
    assert accepted.value.ok and delivered(world)


def test_a_browser_signs_by_the_standard_with_a_key_that_cannot_leave(world: World, chromium: Browser, tmp_path: Path):
    said: list[str] = []
    with served(world.app) as base:
        page = reviewing(chromium, base, world, tmp_path)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        with page.expect_response("**/signer/**") as accepted:
            page.click("#envoi button.main")
        page.wait_for_url("**/p?fait=envoyee")
        kept = page.evaluate(KEPT)
        page.context.close()
    assert accepted.value.ok and not said, said
    assert kept == [["private", False, {"name": "ECDSA", "namedCurve": "P-256"}]]
    raw = delivered(world)
    content, signature = signed_content(raw), message_from_bytes(raw).get_payload()[1].get_payload(decode=True)
    holds(signature, content)


def holds(der: bytes, content: bytes) -> None:
    """RFC 5652 §5.3, §5.4, §11; RFC 5754 §3; X.690 §11.6."""
    whole = cms.ContentInfo.load(der, strict=True)
    assert whole.dump(force=True) == der and whole["content_type"].native == "signed_data"
    signed, signer = whole["content"], whole["content"]["signer_infos"][0]
    inside = signed["encap_content_info"]
    assert inside["content_type"].native == "data" and inside["content"].native is None
    assert len(signed["signer_infos"]) == 1 and (signed["version"].native, signer["version"].native) == ("v1", "v1")
    assert signer["digest_algorithm"]["algorithm"].native == "sha256"
    assert signer["signature_algorithm"]["algorithm"].native == "sha256_ecdsa"
    attributes = {each["type"].native: each["values"].native for each in signer["signed_attrs"]}
    assert set(attributes) == {"content_type", "signing_time", "message_digest"}
    assert attributes["content_type"] == ["data"]
    assert attributes["message_digest"] == [hashlib.sha256(content).digest()]
    each = [attribute.dump() for attribute in signer["signed_attrs"]]
    assert each == sorted(each)
    certificate = x509.load_der_x509_certificate(signed["certificates"][0].dump())
    assert signer["sid"].chosen["serial_number"].native == certificate.serial_number
    assert signer["sid"].chosen["issuer"].dump() == certificate.issuer.public_bytes()
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    value = signer["signature"].native
    assert algos.DSASignature.load(value, strict=True).dump(force=True) == value
    key.verify(value, signer["signed_attrs"].untag().dump(force=True), ec.ECDSA(SHA256()))


def test_without_the_library_the_mailbox_s_seal_signs(world: World, chromium: Browser, tmp_path: Path):
    asked: list[str] = []
    with served(world.app) as base:
        page = reviewing(chromium, base, world, tmp_path)
        page.route("**/pkijs.min.js*", lambda route: route.abort())
        page.reload()
        page.on("request", lambda request: asked.append(request.url))
        page.click("#envoi button.main")
        page.wait_for_url("**/p?fait=envoyee")
        page.context.close()
    assert not any("/signer/" in url for url in asked) and any("/relire/" in url for url in asked)
