"""CMS SignedData by an Ed25519 key (RFC 8419), which the library's own builder does not write."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

HASH = "sha512"  # RFC 8419 §3.1: the digest that goes with Ed25519


def sign_edwards(
    content: bytes,
    key: ed25519.Ed25519PrivateKey,
    certificate: x509.Certificate,
    above: Iterable[x509.Certificate],
) -> bytes:
    """DER of a detached signature over exactly these bytes, with signed attributes (RFC 5652 §11)."""
    own, *others = (asn1.Certificate.load(each.public_bytes(Encoding.DER)) for each in (certificate, *above))
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": HASH})],
            "encap_content_info": {"content_type": "data"},
            "certificates": [cms.CertificateChoices("certificate", each) for each in (own, *others)],
            "signer_infos": [_signer(own, key, content)],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def _signer(own: asn1.Certificate, key: ed25519.Ed25519PrivateKey, content: bytes) -> cms.SignerInfo:
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
            cms.CMSAttribute({"type": "signing_time", "values": [_now()]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.new(HASH, content).digest()]}),
        ]
    )
    names = {"issuer": own.issuer, "serial_number": own.serial_number}
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier("issuer_and_serial_number", cms.IssuerAndSerialNumber(names)),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": HASH}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "ed25519"}),
            "signature": core.OctetString(key.sign(attributes.dump())),
        }
    )


def _now() -> cms.Time:
    """RFC 5652 §11.3: a claim, by which nothing is decided; the library's builder reads the clock for it too."""
    return cms.Time({"utc_time": dt.datetime.now(dt.UTC).replace(microsecond=0)})
