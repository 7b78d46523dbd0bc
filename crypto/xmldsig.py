"""One enveloped XML signature over one whole document (XMLDSig, XAdES): two shapes are read, nothing else.

What the signature covers is given back as the very octets that were digested: who reads those sees what was signed.
No reference is fetched, no style sheet run, no DTD read, and an attribute called Id is believed in one place only.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
import hashlib
import hmac
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from crypto.reading import UNREADABLE
from crypto.xades import SIGNED_PROPERTIES, BadProperties, borne_outside, key_info, read_properties, signed_properties

XML_OCTETS = 32 * 1024 * 1024
MAX_CERTIFICATES = 4
CERTIFICATE_CHARACTERS = 16_384
DS = "http://www.w3.org/2000/09/xmldsig#"
FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = frozenset({"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11"})
XML_ATTRIBUTES = "{http://www.w3.org/XML/1998/namespace}"
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
WEAK = frozenset({DS + "sha1", DS + "rsa-sha1", DS + "dsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"})
_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_RSA = {f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}": kind for bits, kind in _HASHES.items()}
_PSS = {f"http://www.w3.org/2007/05/xmldsig-more#sha{bits}-rsa-MGF1": kind for bits, kind in _HASHES.items()}
_ECDSA = {f"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha{bits}": kind for bits, kind in _HASHES.items()}


class XmlReason(enum.Enum):
    """Why a signed document is not taken; the list is closed."""

    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    DTD = "dtd-or-entities"
    NOT_ONE_SIGNATURE = "not-one-signature"
    STRUCTURE = "signature-structure"
    ALGORITHM = "algorithm-not-allowed"
    CHANGED = "content-changed"
    BAD_SIGNATURE = "bad-signature"
    NO_CERTIFICATE = "no-certificate"
    WEAK_KEY = "weak-key"
    PROPERTIES = "signed-properties"


class BadSignedXml(ValueError):
    """The document is not taken, for this reason. The text quotes nothing of it."""

    def __init__(self, reason: XmlReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, repr=False)
class SignedXml:
    """`content`: canonical octets of the document without its signature, exactly those that were digested.

    `signer`: whose key signed; nobody has looked yet whether it is trusted. `others`: certificates that came along.
    `signed_at`: what a XAdES signer says of the time.
    """

    content: bytes
    signer: x509.Certificate
    others: tuple[x509.Certificate, ...]
    signed_at: dt.datetime | None

    @property
    def subject(self) -> str:
        """The signer's name, RFC 4514."""
        return self.signer.subject.rfc4514_string()


def read_xml(data: bytes) -> etree._Element:
    """The root element: UTF-8, no DTD, no entities, no processing instructions. Raises BadSignedXml."""
    if len(data) > XML_OCTETS:
        raise BadSignedXml(XmlReason.TOO_LARGE)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadSignedXml(XmlReason.DTD)
    try:
        data.decode("utf-8")  # in another encoding the look above sees nothing
        root = etree.fromstring(data, _parser())
    except (UnicodeDecodeError, etree.XMLSyntaxError, ValueError):
        raise BadSignedXml(XmlReason.MALFORMED) from None
    about = root.getroottree().docinfo
    if about.doctype or about.internalDTD is not None or about.externalDTD is not None:
        raise BadSignedXml(XmlReason.DTD)
    if about.encoding and about.encoding.upper() not in ("UTF-8", "ASCII", "US-ASCII"):
        raise BadSignedXml(XmlReason.MALFORMED)
    if any(True for _ in root.iter(etree.Entity, etree.ProcessingInstruction)):
        raise BadSignedXml(XmlReason.DTD)
    return root


def open_signed(data: bytes) -> SignedXml:
    """Raises BadSignedXml."""
    root = read_xml(data)
    signature = _only_signature(root)
    info = _one(signature, "SignedInfo")
    signer, others = _verified(signature, info)
    references = _children(info, "Reference")
    _check_order(info, references)
    signed_at = _check_others(signature, info, references[1:], signer)
    content = _canonical_document(root, signature, references[0])  # cuts the signature out: last
    if not _has_digest(references[0], content):
        raise BadSignedXml(XmlReason.CHANGED)
    if any(borne_outside(content, reference.get("URI", "")[1:]) for reference in references[1:]):
        raise BadSignedXml(XmlReason.PROPERTIES)
    return SignedXml(content, signer, others, signed_at)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=False)


def _only_signature(root: etree._Element) -> etree._Element:
    """One in the whole document, and a child of its root: nothing to choose between."""
    found = list(root.iter(_ds("Signature")))
    if len(found) != 1 or found[0].getparent() is not root:
        raise BadSignedXml(XmlReason.NOT_ONE_SIGNATURE)
    return found[0]


def _verified(signature: etree._Element, info: etree._Element) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """The certificate whose key made the signature value, and the others."""
    method = _one(info, "SignatureMethod")
    octets = _octets(_one(signature, "SignatureValue"))
    signed = _canonical(info, *_method(_one(info, "CanonicalizationMethod")))
    certificates = _certificates(signature)
    for certificate in certificates:
        if _holds(certificate, method.get("Algorithm", ""), signed, octets):
            return certificate, tuple(other for other in certificates if other is not certificate)
    raise BadSignedXml(XmlReason.BAD_SIGNATURE)


def _certificates(signature: etree._Element) -> list[x509.Certificate]:
    texts = [node.text or "" for node in _one(signature, "KeyInfo").iter(_ds("X509Certificate"))]
    if not texts:
        raise BadSignedXml(XmlReason.NO_CERTIFICATE)
    if len(texts) > MAX_CERTIFICATES or any(len(text) > CERTIFICATE_CHARACTERS for text in texts):
        raise BadSignedXml(XmlReason.STRUCTURE)
    try:
        return [x509.load_der_x509_certificate(_base64(text)) for text in texts]
    except UNREADABLE:
        raise BadSignedXml(XmlReason.NO_CERTIFICATE) from None


def _holds(certificate: x509.Certificate, method: str, signed: bytes, octets: bytes) -> bool:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False
    try:
        if method in _RSA or method in _PSS:
            return _rsa_holds(key, method, signed, octets)
        if method in _ECDSA:
            return _ecdsa_holds(key, _ECDSA[method](), signed, octets)
    except InvalidSignature:
        return False
    raise BadSignedXml(XmlReason.ALGORITHM)


def _rsa_holds(key: object, method: str, signed: bytes, octets: bytes) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    if not 2048 <= key.key_size <= 8192:
        raise BadSignedXml(XmlReason.WEAK_KEY)
    digest = (_RSA.get(method) or _PSS[method])()
    scheme = padding.PKCS1v15() if method in _RSA else padding.PSS(padding.MGF1(digest), digest.digest_size)
    key.verify(octets, signed, scheme, digest)
    return True


def _ecdsa_holds(key: object, digest: hashes.HashAlgorithm, signed: bytes, octets: bytes) -> bool:
    """RFC 4050 §3.3: r and s side by side."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return False
    half = (key.curve.key_size + 7) // 8
    if len(octets) != 2 * half:
        return False
    pair = encode_dss_signature(int.from_bytes(octets[:half], "big"), int.from_bytes(octets[half:], "big"))
    key.verify(pair, signed, ec.ECDSA(digest))
    return True


def _check_order(info: etree._Element, references: list[etree._Element]) -> None:
    """One reference to the whole document, URI="", which goes first here; nothing beside references."""
    names = [node.tag for node in _elements(info)]
    if names != [_ds("CanonicalizationMethod"), _ds("SignatureMethod"), *[_ds("Reference")] * len(references)]:
        raise BadSignedXml(XmlReason.STRUCTURE)
    references.sort(key=lambda reference: reference.get("URI") != "")
    if [reference.get("URI") for reference in references].count("") != 1:
        raise BadSignedXml(XmlReason.STRUCTURE)


def _canonical_document(root: etree._Element, signature: etree._Element, reference: etree._Element) -> bytes:
    """The document without its signature, by one of the two chains of transforms."""
    chain = _elements(_one(reference, "Transforms"))
    if not 1 <= len(chain) <= 2 or not _removes_signature(chain[0]):
        raise BadSignedXml(XmlReason.STRUCTURE)
    exclusive, prefixes = _method(chain[1]) if len(chain) == 2 else (False, None)
    _cut_out(signature)
    return etree.tostring(
        root.getroottree(), method="c14n", exclusive=exclusive, with_comments=False, inclusive_ns_prefixes=prefixes
    )


def _removes_signature(transform: etree._Element) -> bool:
    """enveloped-signature, or a filter that subtracts every signature: there is one, so both say the same."""
    if transform.get("Algorithm") == ENVELOPED:
        return not _elements(transform)
    if transform.get("Algorithm") != FILTER2:
        return False
    paths = _elements(transform)
    if len(paths) != 1 or paths[0].tag != f"{{{FILTER2}}}XPath" or paths[0].get("Filter") != "subtract":
        return False
    wanted = {f"{axis}{prefix}:Signature" for axis in _AXES for prefix, uri in paths[0].nsmap.items() if uri == DS}
    return (paths[0].text or "").strip() in wanted


_AXES = ("/descendant::", "/descendant-or-self::", "//")


def _cut_out(signature: etree._Element) -> None:
    """Take the signature out of its document; the text behind it stays."""
    parent, before, tail = signature.getparent(), signature.getprevious(), signature.tail or ""
    if parent is None:
        raise BadSignedXml(XmlReason.STRUCTURE)
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(signature)


def _check_others(
    signature: etree._Element, info: etree._Element, references: list[etree._Element], signer: x509.Certificate
) -> dt.datetime | None:
    """XAdES: the signed properties of this very signature, which name this very signer, and perhaps its KeyInfo."""
    properties = [reference for reference in references if reference.get("Type") == SIGNED_PROPERTIES]
    if len(references) > 2 or len(properties) != min(len(references), 1):
        raise BadSignedXml(XmlReason.STRUCTURE)
    signed_at = None
    try:
        for reference in references:
            if reference in properties:
                node = signed_properties(signature, reference)
                signed_at = read_properties(node, signer)
            else:
                node = key_info(signature, reference)
            _check_inner(node, info, reference)
    except BadProperties:
        raise BadSignedXml(XmlReason.PROPERTIES) from None
    return signed_at


def _check_inner(node: etree._Element, info: etree._Element, reference: etree._Element) -> None:
    """The digest of a part of the signature. Without a transform the standard means inclusive; a widespread library
    takes the method of SignedInfo instead: the same octets are protected either way."""
    chain = reference.find(_ds("Transforms"))
    steps = _elements(chain) if chain is not None else []
    if len(steps) > 1:
        raise BadSignedXml(XmlReason.STRUCTURE)
    methods = [_method(steps[0])] if steps else [(False, None), _method(_one(info, "CanonicalizationMethod"))]
    if not any(_has_digest(reference, _canonical(node, *method)) for method in methods):
        raise BadSignedXml(XmlReason.CHANGED)


def _has_digest(reference: etree._Element, content: bytes) -> bool:
    name = _one(reference, "DigestMethod").get("Algorithm", "")
    if name not in DIGESTS:
        raise BadSignedXml(XmlReason.ALGORITHM)
    digest = hashlib.new(DIGESTS[name], content).digest()
    return hmac.compare_digest(digest, _octets(_one(reference, "DigestValue")))


def _method(node: etree._Element) -> tuple[bool, list[str] | None]:
    """A canonicalisation: (exclusive?, prefixes treated as inclusive). Raises BadSignedXml for any other transform."""
    name, inside = node.get("Algorithm", ""), _elements(node)
    if name in INCLUSIVE and not inside:
        return False, None
    if name != EXCLUSIVE or len(inside) > 1:
        raise BadSignedXml(XmlReason.ALGORITHM)
    if not inside:
        return True, None
    if inside[0].tag != f"{{{EXCLUSIVE}}}InclusiveNamespaces":
        raise BadSignedXml(XmlReason.STRUCTURE)
    return True, inside[0].get("PrefixList", "").split()


def _canonical(node: etree._Element, exclusive: bool, prefixes: list[str] | None) -> bytes:
    """Canonical XML 1.0 §2.4 or Exclusive 1.0 of one element, in the namespaces that it stands in."""
    if not exclusive and any(name.startswith(XML_ATTRIBUTES) for up in node.iterancestors() for name in up.keys()):  # noqa: SIM118  # lxml: not a mapping
        raise BadSignedXml(XmlReason.STRUCTURE)  # xml:… is inherited by one version and not by the other
    alone = etree.fromstring(etree.tostring(node, with_tail=False), _parser())
    return etree.tostring(
        alone, method="c14n", exclusive=exclusive, with_comments=False, inclusive_ns_prefixes=prefixes or None
    )


def _ds(name: str) -> str:
    return f"{{{DS}}}{name}"


def _elements(node: etree._Element) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str)]


def _children(node: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in _elements(node) if child.tag == _ds(name)]


def _one(node: etree._Element, name: str) -> etree._Element:
    found = _children(node, name)
    if len(found) != 1:
        raise BadSignedXml(XmlReason.STRUCTURE)
    return found[0]


def _octets(node: etree._Element) -> bytes:
    if len(node):
        raise BadSignedXml(XmlReason.STRUCTURE)  # a comment inside cuts the text in two
    try:
        return _base64(node.text or "")
    except (binascii.Error, ValueError):
        raise BadSignedXml(XmlReason.STRUCTURE) from None


def _base64(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
