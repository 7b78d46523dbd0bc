"""Signatures with a fault that the maker of CMS cannot write: fields changed after signing, other encodings."""

from __future__ import annotations

from collections.abc import Callable

from asn1crypto import algos, cms, core, keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

from crypto.identity import Identity
from tests.support.cms_maker import Recipe, attribute, mail, opaque_mail, signed_data
from tests.support.pki import PART, custom, der, key_of, person, pki

Change = Callable[[cms.SignerInfo, cms.SignedData], None]
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def patched(change: Change, **recipe: object) -> bytes:
    """A message whose signer's fields were changed after the signature was made."""
    box = cms.ContentInfo.load(signed_data(Recipe(**recipe)))  # type: ignore[arg-type]
    change(box["content"]["signer_infos"][0], box["content"])
    return mail(bytes(box.dump(force=True)))


def algorithm(name: str, parameters: core.Asn1Value | None = None) -> Change:
    given = {"algorithm": name} if parameters is None else {"algorithm": name, "parameters": parameters}

    def change(signer: cms.SignerInfo, _: cms.SignedData) -> None:
        signer["signature_algorithm"] = algos.SignedDigestAlgorithm(given)

    return change


def pss(
    said: str = "sha256", mask: str = "sha256", salt: int = 32, trailer: int | None = None, really: int = 32,
    digest: HashAlgorithm = SHA256(), without: str = "", who: Identity | None = None,  # noqa: B008
) -> bytes:  # fmt: skip
    """What the parameters say, and how long the salt really was."""
    signer_of = who or person(kind="rsa2048")
    mask_gen = {"algorithm": "mgf1", "parameters": {"algorithm": mask}}
    given = {"hash_algorithm": {"algorithm": said}, "mask_gen_algorithm": mask_gen, "salt_length": salt}
    given |= {} if trailer is None else {"trailer_field": trailer}
    given.pop(without, None)

    def change(signer: cms.SignerInfo, _: cms.SignedData) -> None:
        algorithm("rsassa_pss", algos.RSASSAPSSParams(given))(signer, _)
        assert isinstance(signer_of.key, rsa.RSAPrivateKey)
        signed = b"\x31" + signer["signed_attrs"].dump()[1:]
        signer["signature"] = signer_of.key.sign(signed, padding.PSS(padding.MGF1(digest), really), digest)

    return patched(change, who=signer_of)


def key_for_pss() -> Identity:
    """A signer whose certificate says that the key is for RSASSA-PSS (RFC 4055 §3.1)."""
    key, above = key_of("rsa2048"), pki().mail_ca.identity.key
    assert isinstance(above, ec.EllipticCurvePrivateKey)
    made = asn1.Certificate.load(der(custom(key).certificate)).copy()
    tbs = made["tbs_certificate"]
    tbs["subject_public_key_info"]["algorithm"] = keys.PublicKeyAlgorithm({"algorithm": "rsassa_pss"})
    made["signature_value"] = above.sign(tbs.dump(force=True), ec.ECDSA(SHA256()))
    return Identity(x509.load_der_x509_certificate(made.dump(force=True)), key, person().chain)


def elliptic(change: Callable[[int, int], bytes]) -> bytes:
    """Another form of the two numbers of an ECDSA signature."""

    def put(signer: cms.SignerInfo, _: cms.SignedData) -> None:
        signer["signature"] = change(*decode_dss_signature(signer["signature"].native))

    return patched(put)


def mirrored(r: int, s: int) -> bytes:
    return encode_dss_signature(r, ORDER - s)


def padded(r: int, s: int) -> bytes:
    """Not the shortest form of the first number."""
    first, second = (core.Integer(each).contents for each in (r, s))
    body = bytes([2, len(first) + 1, 0]) + first + bytes([2, len(second)]) + second
    return bytes([0x30, len(body)]) + body


def side_by_side(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def unsigned(signer: cms.SignerInfo, _: cms.SignedData) -> None:
    signer["unsigned_attrs"] = cms.CMSAttributes([attribute("1.2.3.4.5", core.OctetString(b"x"))])


def indefinite(levels: int = 0, *, embed: bool = False, content: bytes = PART) -> bytes:
    """Indefinite lengths around the signer, as streaming signers write; content in segments of segments."""
    box = cms.ContentInfo.load(signed_data(Recipe(embed=embed)))
    data = box["content"]
    inside = _open(0xA0, _segments(content, levels)) if embed else b""
    content_info = _open(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.1").dump() + inside)
    certificates = _open(0xA0, b"".join(one.dump() for one in data["certificates"]))
    fields = data["version"].dump(), data["digest_algorithms"].dump(), content_info, certificates
    signed = _open(0x30, b"".join(fields) + data["signer_infos"].dump())
    whole = _open(0x30, box["content_type"].dump() + _open(0xA0, signed))
    return (opaque_mail if embed else mail)(whole)


def _segments(data: bytes, levels: int) -> bytes:
    if levels == 0:
        return bytes(core.OctetString(data).dump())
    middle = len(data) // 2
    return _open(0x24, _segments(data[:middle], levels - 1) + _segments(data[middle:], levels - 1))


def _open(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80]) + content + b"\0\0"


def headed(*lines: bytes) -> Callable[[], bytes]:
    """A genuine signature under these header lines."""
    block = b"\r\n".join((*lines, b"To: x@y.example", b""))
    return lambda: mail(signed_data(Recipe()), headers=block)


def sent_by(value: str | bytes) -> Callable[[], bytes]:
    return headed(b"From: " + (value.encode() if isinstance(value, str) else value))


def around(part: bytes) -> Callable[[], bytes]:
    """A genuine signature over another part."""
    return lambda: mail(signed_data(Recipe(content=part)), part=part)


def changed(*pairs: tuple[bytes, bytes]) -> Callable[[], bytes]:
    """A genuine message, with octets replaced, once each."""

    def make() -> bytes:
        message = mail(signed_data(Recipe()))
        for old, new in pairs:
            assert old in message
            message = message.replace(old, new, 1)
        return message

    return make


def typed(field: bytes) -> Callable[[], bytes]:
    """A genuine message with another Content-Type field."""
    usual = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg="sha-256"; '
    return changed((usual + b'boundary="outer-0"', field))


def genuine() -> bytes:
    return mail(signed_data(Recipe()))


def unix_base64() -> bytes:
    """As `openssl cms -sign -crlfeol` writes: CRLF everywhere but between the lines of the signature."""
    before, mark, after = genuine().rpartition(b"base64\r\n\r\n")
    text, end, rest = after.partition(b"\r\n--")
    return before + mark + text.replace(b"\r\n", b"\n") + end + rest


def opaque() -> bytes:
    return opaque_mail(signed_data(Recipe(embed=True)))
