"""Contents, signatures and CMS structures that must not pass; beside it stands what openssl says where it differs."""

import base64
import hashlib
import re

import pytest
from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from crypto.identity import Identity
from crypto.verify import Reason, Signature
from tests.support.cms_maker import Recipe, attribute, lines, mail, opaque_mail, signed_data, signer_info
from tests.support.pki import OTHER, PART, custom, der, key_of, openssl_accepts, openssl_sign, person, pki, signed
from tests.support.pki import reason_of as reason
from tests.support.pki import verdict_of as verdict

# --- content ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 20, 60, len(PART) // 2, len(PART) - 3])
def test_one_changed_byte_is_seen(place):
    changed = PART[:place] + bytes([PART[place] ^ 1]) + PART[place + 1 :]
    raw = signed().replace(PART, changed)
    assert reason(raw) is Reason.CONTENT_CHANGED
    assert not openssl_accepts(raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Bonjour,=20\r\n", b"Bonjour,=20 \r\n"),
        (b"une ligne.\r\n", b"une ligne.\r\n\r\n"),
        (b"--inner--\r\n", b"--inner--"),
        (b"AAECAwQF", b"AAECAwQG"),
        (b"text/plain", b"text/html"),
    ],
)
def test_small_edits_on_the_way_are_seen(old, new):
    assert reason(signed().replace(old, new, 1)) is Reason.CONTENT_CHANGED


def test_another_part_under_the_same_signature_is_seen():
    assert (
        reason(mail(signed_data(Recipe()), part=b"Content-Type: text/plain\r\n\r\nautre\r\n")) is Reason.CONTENT_CHANGED
    )


def test_opaque_content_that_was_changed_is_seen():
    box = signed_data(Recipe(embed=True)).replace(b"Bonjour", b"Bonsoir")
    assert reason(opaque_mail(box)) is Reason.CONTENT_CHANGED


# --- signature and algorithms ----------------------------------------------------------------------------------------


def test_a_signature_of_another_key_is_seen():
    foreign = Identity(person().certificate, key_of("p384"), person().chain)
    assert reason(mail(signed_data(Recipe(who=foreign, digest="sha384")))) is Reason.BAD_SIGNATURE


def test_changed_attributes_are_seen():
    box = signed_data(Recipe())
    assert reason(mail(box.replace(b"260302", b"270302", 1))) in (Reason.BAD_SIGNATURE, Reason.BAD_CERTIFICATE)
    late = re.sub(rb"\x17\r260302000000Z", b"\x17\r260302000001Z", box)
    assert late != box
    assert reason(mail(late)) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_sha1_is_refused_though_openssl_takes_it(kind):
    raw = openssl_sign(person(kind=kind), "-md", "sha1")
    assert reason(raw) is Reason.WEAK_ALGORITHM
    assert openssl_accepts(raw)


def test_rsa_1024_is_refused_though_openssl_takes_it():
    raw = openssl_sign(custom(key_of("rsa1024")))
    assert reason(raw) is Reason.WEAK_ALGORITHM
    assert openssl_accepts(raw)


@pytest.mark.parametrize("options", [("-md", "md5"), ("-md", "sha224")])
def test_other_weak_digests_are_refused(options):
    assert reason(openssl_sign(person(kind="rsa2048"), *options)) is Reason.WEAK_ALGORITHM


def test_pss_with_another_mask_hash_is_refused():
    options = ("-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_mgf1_md:sha1")
    assert reason(openssl_sign(person(kind="rsa2048"), *options)) is Reason.WEAK_ALGORITHM


@pytest.mark.parametrize("algorithm", ["sha384_rsa", "sha512_rsa", "sha1_rsa", "md5_rsa", "sha256_ecdsa", "ed25519"])
def test_an_algorithm_that_does_not_match_is_refused(algorithm):
    recipe = Recipe(who=person(kind="rsa2048"), algorithm={"algorithm": algorithm})
    assert verdict(mail(signed_data(recipe))).signature in (Signature.FAIL, Signature.PERMERROR)


def test_a_curve_outside_the_profile_is_refused():
    for curve, expected in ((ec.SECP521R1(), Reason.UNSUPPORTED), (ec.SECP192R1(), Reason.WEAK_ALGORITHM)):
        who = custom(ec.generate_private_key(curve))
        assert reason(mail(signed_data(Recipe(who=who)))) is expected


# --- CMS structure ---------------------------------------------------------------------------------------------------


def test_no_signed_attributes_is_refused_though_openssl_takes_it():
    raw = openssl_sign(person(), "-noattr")
    assert reason(raw) is Reason.NO_SIGNED_ATTRIBUTES
    assert openssl_accepts(raw)
    assert reason(mail(signed_data(Recipe(attributes=False)))) is Reason.NO_SIGNED_ATTRIBUTES


def test_attribute_confusion_is_refused():
    """A genuine signature's attributes, presented as the content of a signature without attributes."""
    genuine = signer_info(Recipe())
    stolen = genuine["signed_attrs"].untag().dump()
    recipe = Recipe(content=stolen, attributes=False)
    box = signed_data(recipe)
    assert reason(mail(box, part=stolen)) is not Reason.OK
    assert reason(opaque_mail(signed_data(Recipe(content=stolen, attributes=False, embed=True)))) is (
        Reason.NO_SIGNED_ATTRIBUTES
    )


def test_two_signers_are_refused():
    box = signed_data(Recipe(), signer_info(Recipe(who=person(OTHER))))
    assert reason(mail(box)) is Reason.NOT_ONE_SIGNER


def test_no_signer_is_refused():
    box = cms.ContentInfo.load(signed_data(Recipe()))
    box["content"]["signer_infos"] = []
    assert reason(mail(box.dump(force=True))) is Reason.NOT_ONE_SIGNER


@pytest.mark.parametrize(
    "change",
    [
        lambda a: [a[0], a[2]],
        lambda a: [a[1], a[2]],
        lambda a: [a[0], a[1], a[1], a[2]],
        lambda a: [a[0], a[0], a[1], a[2]],
        lambda a: [a[0], a[1], a[2], a[2]],
        lambda a: [attribute("content_type", "signed_data"), a[1]],
        lambda a: [attribute("content_type", "data", "data"), a[1]],
        lambda a: [a[0], attribute("message_digest", a[1]["values"][0].native, b"\0" * 32)],
        lambda a: [a[0], attribute("message_digest")],
        lambda a: [],
    ],
)
def test_odd_signed_attributes_are_refused(change):
    assert reason(mail(signed_data(Recipe(change_attributes=change)))) is Reason.BAD_ATTRIBUTES


def test_content_inside_a_detached_signature_is_refused():
    assert verdict(mail(signed_data(Recipe(embed=True)))).signature is Signature.PERMERROR


def test_no_content_inside_an_opaque_signature_is_refused():
    assert verdict(opaque_mail(signed_data(Recipe()))).signature is Signature.PERMERROR


def test_another_kind_of_content_is_refused():
    assert verdict(mail(signed_data(Recipe(content_type="1.2.840.113549.1.9.16.1.4")))).signature is Signature.PERMERROR


def test_a_cades_hash_of_another_certificate_is_refused():
    value = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(b"another").digest()}]})
    recipe = Recipe(change_attributes=lambda given: [*given, attribute("1.2.840.113549.1.9.16.2.47", value)])
    assert reason(mail(signed_data(recipe))) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("certificates", [[], [der(pki().root.certificate)], [der(person(OTHER).certificate)]])
def test_without_the_signers_certificate_nothing_can_be_said(certificates):
    assert reason(mail(signed_data(Recipe(certificates=certificates)))) is Reason.NO_CERTIFICATE


def test_two_certificates_with_the_signers_name_and_number_are_refused():
    twin = asn1.Certificate.load(der(person().certificate)).copy()
    twin["signature_value"] = b"\0" + twin["signature_value"].native[1:]
    recipe = Recipe(certificates=[der(person().certificate), twin.dump(force=True)])
    assert reason(mail(signed_data(recipe))) is Reason.NO_CERTIFICATE


def test_forty_certificates_are_refused_at_once():
    web = [der(custom(key_of("p256"), name=f"n{i}").certificate) for i in range(40)]
    assert reason(mail(signed_data(Recipe(certificates=[der(person().certificate), *web])))) is (
        Reason.TOO_MANY_CERTIFICATES
    )


def test_eight_certificates_are_still_read():
    web = [der(custom(key_of("p256"), name=f"n{i}").certificate) for i in range(7)]
    assert reason(mail(signed_data(Recipe(certificates=[der(person().certificate), *web])))) is Reason.OK


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = tlv(0x30, data)
    return data


SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")


@pytest.mark.parametrize(
    "box",
    [
        nested(33),
        nested(5000),
        b"\x30\x80" * 5000,
        tlv(0x30, tlv(0x06, b"\x81" * 65)),
        tlv(0x30, tlv(0x06, b"\x81" * 60_000)),
        tlv(0x30, SIGNED_DATA + tlv(0xA0, tlv(0x02, b"\x7f" * 40_000))),
        tlv(0x30, b"\x05\x00" * 30_000),
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x3f\x81\x81\x81\x00",
        b"\x30\x02\x05",
        b"\x30\x80\x05\x00",
        b"\x04\x80\x00\x00",
        b"",
        b"\x00",
        b"\x30\x00",
        b"\x30\x00extra",
        signed_data(Recipe()) + b"\0",
        tlv(0x30, SIGNED_DATA + tlv(0xA0, tlv(0x30, b""))),
        tlv(0x30, SIGNED_DATA),
        tlv(0x30, bytes.fromhex("06092a864886f70d010703") + tlv(0xA0, b"")),
    ],
)
def test_bombs_and_rubble_in_place_of_a_signature_are_refused(box):
    assert verdict(mail(box)).signature is Signature.PERMERROR
    assert verdict(opaque_mail(box)).signature in (Signature.PERMERROR, Signature.NONE)


@pytest.mark.parametrize("value", [tlv(0x06, b"\x81" * 5000 + b"\x01"), nested(40), b"\x30\x84\xff\xff\xff\xff", b""])
def test_bombs_in_a_certificate_extension_are_refused_before_any_parser(value):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), value)
    who = custom(key_of("p256"), more=(extension,))
    assert reason(signed(who)) is Reason.BAD_CMS


def test_a_signature_above_64_kib_is_refused():
    assert reason(mail(signed_data(Recipe()) + b"\0" * 65_536)) is Reason.TOO_LARGE
    assert reason(mail(b"\0" * 200_000)) is Reason.TOO_LARGE


def test_non_minimal_lengths_inside_the_signer_are_refused():
    box = signed_data(Recipe())
    start = box.index(bytes.fromhex("300b06092a864886f70d010701"))
    assert reason(mail(box[:start] + b"\x30\x81\x0b" + box[start + 2 :])) is Reason.BAD_CMS


# --- encoding of the signature part ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + b"!",
        lambda text: text[:40] + b"-" + text[41:],
        lambda text: text.replace(b"\r\n", b"\r\n=\r\n", 1),
        lambda text: b"-----BEGIN PKCS7-----\r\n" + text + b"\r\n-----END PKCS7-----",
    ],
)
def test_base64_that_decoders_read_differently_is_refused(change):
    text = lines(signed_data(Recipe()))
    raw = mail(signed_data(Recipe()))
    text = re.search(rb"base64\r\n\r\n((?:[A-Za-z0-9+/=]+\r\n)+)--outer-0--", raw)[1].rstrip()
    assert base64.b64decode(text)
    assert reason(raw.replace(text, change(text))) in (Reason.BAD_ENCODING, Reason.BAD_CMS)


def test_a_signature_part_in_another_encoding_is_refused():
    raw = signed()
    head, _, tail = raw.rpartition(b"Content-Transfer-Encoding: base64")
    for other in (b"Content-Transfer-Encoding: 7bit", b"X-None: 1", b"Content-Transfer-Encoding: x-uuencode"):
        assert reason(head + other + tail) is Reason.BAD_ENCODING
