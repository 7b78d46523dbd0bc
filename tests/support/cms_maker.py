"""Hand-made CMS signatures, right and wrong, for what no honest tool writes. The parts are asn1crypto's."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from crypto.identity import Identity
from tests.support.pki import HEADERS, PART, der, person

HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


@dataclass
class Recipe:
    """What to sign and how; change one thing and see it refused."""

    who: Identity = field(default_factory=person)
    content: bytes = PART
    digest: str = "sha256"
    attributes: bool = True
    change_attributes: Callable[[list[cms.CMSAttribute]], list[cms.CMSAttribute]] = lambda given: given
    certificates: Sequence[bytes] | None = None
    by_key_identifier: bool = False
    embed: bool = False
    content_type: str = "data"
    algorithm: dict[str, object] | None = None


def attribute(kind: str, *values: object) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": kind, "values": list(values)})


def _attributes(recipe: Recipe) -> cms.CMSAttributes:
    digest = hashlib.new(recipe.digest, recipe.content).digest()
    given = [
        attribute("content_type", recipe.content_type),
        attribute("message_digest", digest),
        attribute("signing_time", cms.Time({"utc_time": dt.datetime(2026, 3, 2, tzinfo=dt.UTC)})),
    ]
    return cms.CMSAttributes(recipe.change_attributes(given))


def _sign(key: object, data: bytes, digest: str) -> tuple[dict[str, object], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {"algorithm": "rsassa_pkcs1v15"}, key.sign(data, padding.PKCS1v15(), HASHES[digest]())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"algorithm": f"{digest}_ecdsa"}, key.sign(data, ec.ECDSA(HASHES[digest]()))
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return {"algorithm": "ed25519"}, key.sign(data)


def signer_info(recipe: Recipe) -> cms.SignerInfo:
    certificate = asn1.Certificate.load(der(recipe.who.certificate))
    attributes = _attributes(recipe)
    data = attributes.dump() if recipe.attributes else recipe.content
    algorithm, signature = _sign(recipe.who.key, data, recipe.digest)
    if recipe.by_key_identifier:
        sid = cms.SignerIdentifier("subject_key_identifier", certificate.key_identifier)
    else:
        pair = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        sid = cms.SignerIdentifier("issuer_and_serial_number", cms.IssuerAndSerialNumber(pair))
    fields = {
        "version": "v3" if recipe.by_key_identifier else "v1",
        "sid": sid,
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": recipe.digest}),
        "signature_algorithm": algos.SignedDigestAlgorithm(recipe.algorithm or algorithm),
        "signature": signature,
    }
    if recipe.attributes:
        fields["signed_attrs"] = attributes
    return cms.SignerInfo(fields)


def signed_data(recipe: Recipe, *more: cms.SignerInfo) -> bytes:
    """DER of a ContentInfo with SignedData."""
    own = [der(c) for c in (recipe.who.certificate, *recipe.who.chain) if c.issuer != c.subject]
    certificates = own if recipe.certificates is None else recipe.certificates
    inside: dict[str, object] = {"content_type": recipe.content_type}
    if recipe.embed:
        inside["content"] = core.OctetString(recipe.content)
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": recipe.digest})],
            "encap_content_info": inside,
            "certificates": [cms.CertificateChoices("certificate", asn1.Certificate.load(c)) for c in certificates],
            "signer_infos": [signer_info(recipe), *more],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()


def lines(data: bytes) -> bytes:
    text = base64.b64encode(data)
    return b"\r\n".join(text[i : i + 76] for i in range(0, len(text), 76))


def mail(p7s: bytes, part: bytes = PART, headers: bytes = HEADERS, boundary: bytes = b"outer-0") -> bytes:
    """A multipart/signed message around a part and a signature."""
    return (
        headers
        + b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
        + b' micalg="sha-256"; boundary="' + boundary + b'"\r\n\r\n'
        + b"--" + boundary + b"\r\n" + part + b"\r\n--" + boundary
        + b"\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + lines(p7s) + b"\r\n--" + boundary + b"--\r\n"
    )  # fmt: skip


def opaque_mail(p7m: bytes, headers: bytes = HEADERS) -> bytes:
    """An application/pkcs7-mime message: the content travels inside the signature."""
    return (
        headers
        + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n" + lines(p7m) + b"\r\n"
    )  # fmt: skip
