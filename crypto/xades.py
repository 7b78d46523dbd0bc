"""The signed properties of a XAdES baseline signature (ETSI EN 319 132-1): found, and compared with the signer."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,200}")
_DIGEST = f".//{{{XADES}}}CertDigest"


class BadProperties(ValueError):
    """The second reference is not to the properties of this signature, or they name another signer."""


def signed_properties(signature: etree._Element, reference: etree._Element) -> etree._Element:
    """The one element that the reference can mean, where it has to be. Raises BadProperties."""
    name = reference.get("URI", "")
    if reference.get("Type") != SIGNED_PROPERTIES or not name.startswith("#"):
        raise BadProperties
    found = signature.findall(f"{{{DS}}}Object/{{{XADES}}}QualifyingProperties/{{{XADES}}}SignedProperties")
    qualifying = found[0].getparent() if len(found) == 1 else None
    if qualifying is None or found[0].get("Id") != name[1:] or _bearers(signature, name[1:]) != 1:
        raise BadProperties
    if not signature.get("Id") or qualifying.get("Target") != f"#{signature.get('Id')}":
        raise BadProperties
    return found[0]


def key_info(signature: etree._Element, reference: etree._Element) -> etree._Element:
    """Some signers protect KeyInfo too: the reference means the one of this signature. Raises BadProperties."""
    name, found = reference.get("URI", ""), signature.findall(f"{{{DS}}}KeyInfo")
    if len(found) != 1 or not name.startswith("#") or found[0].get("Id") != name[1:]:
        raise BadProperties
    if _bearers(signature, name[1:]) != 1:
        raise BadProperties
    return found[0]


def _bearers(signature: etree._Element, name: str) -> int:
    """How many elements of the signature bear this name: two would let each reader choose."""
    if not NAME.fullmatch(name):
        raise BadProperties
    return sum(name in (node.get("Id"), node.get("ID"), node.get("id")) for node in signature.iter("*"))


def borne_outside(content: bytes, name: str) -> bool:
    """Whether an attribute of the document (its canonical octets, without the signature) has this value."""
    return f'="{name}"'.encode() in content


def read_properties(properties: etree._Element, signer: x509.Certificate) -> dt.datetime | None:
    """The time that the signer tells. Raises BadProperties unless the properties name this certificate first."""
    der = signer.public_bytes(Encoding.DER)
    own = properties.find(_DIGEST)  # the first one is the signer's own; others are of its authorities
    if own is None:
        raise BadProperties
    method, value = own.find(f"{{{DS}}}DigestMethod"), own.find(f"{{{DS}}}DigestValue")
    if method is None or value is None or method.get("Algorithm") not in DIGESTS or len(value):
        raise BadProperties
    digest = hashlib.new(DIGESTS[method.get("Algorithm", "")], der).digest()
    if not hmac.compare_digest(digest, _octets(value.text or "")):
        raise BadProperties
    return _time(properties.findtext(f".//{{{XADES}}}SigningTime"))


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadProperties from None


def _time(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadProperties from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
