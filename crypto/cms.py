"""CMS SignedData (RFC 5652 §5) by a strict profile: one signer, id-data, signed attributes mandatory.

Whoever needs a wider reading is attacked by it: signatures without signed attributes can be forged from others, and a
second signer makes "who signed?" ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from crypto.der import INTEGER, NULL, OCTETS, OID, SEQUENCE, SET, BadDer, Node, encode_oid, walk
from crypto.der_write import sequence
from crypto.verdict import Reason, Refusal

MAX_CMS_OCTETS = 65536  # without the content, where it is inside
MAX_CERTIFICATES = 8
CERTIFICATES = (4, 0xA0)  # where they stand: ContentInfo, [0], SignedData, [0]

ID_DATA = encode_oid("1.2.840.113549.1.7.1")
ID_SIGNED_DATA = encode_oid("1.2.840.113549.1.7.2")
ID_ENVELOPED = frozenset(
    map(encode_oid, ("1.2.840.113549.1.7.3", "1.2.840.113549.1.9.16.1.23"))  # RFC 5652 §6, RFC 5083
)
ID_CONTENT_TYPE = encode_oid("1.2.840.113549.1.9.3")
ID_MESSAGE_DIGEST = encode_oid("1.2.840.113549.1.9.4")
ID_SIGNING_CERTIFICATE_V2 = encode_oid("1.2.840.113549.1.9.16.2.47")  # RFC 5035 §3
ID_KEY_IDENTIFIER = encode_oid("2.5.29.14")


@dataclass(frozen=True, repr=False)
class Algorithm:
    """An AlgorithmIdentifier: content octets of its OID, and its parameters (None when absent or NULL)."""

    oid: bytes
    parameters: Node | None


@dataclass(frozen=True, repr=False)
class Signer:
    """The one SignerInfo. `attributes`: the bytes that are signed, already tagged as SET OF (RFC 5652 §5.4)."""

    issuer: bytes | None
    serial: bytes | None
    key_identifier: bytes | None
    digest: Algorithm
    algorithm: Algorithm
    attributes: bytes
    message_digest: bytes
    certificate_hash: tuple[bytes | None, bytes] | None
    signature: bytes


@dataclass(frozen=True, repr=False)
class SignedData:
    """`content`: what is signed, when it travels inside. `certificate`: the signer's own, DER."""

    content: bytes | None
    signer: Signer
    certificate: bytes


def parse(data: bytes, *, detached: bool) -> SignedData:
    """In: CMS bytes, DER or BER. Raises Refusal for whatever leaves the profile."""
    if detached and len(data) > MAX_CMS_OCTETS:
        raise Refusal(Reason.TOO_LARGE)
    try:
        return _content_info(walk(data, CERTIFICATES), detached)
    except (BadDer, IndexError):
        raise Refusal(Reason.BAD_CMS) from None


def _content_info(node: Node, detached: bool) -> SignedData:
    """RFC 5652 §3."""
    kind, inner = _fields(node, SEQUENCE, 2)
    if kind.content in ID_ENVELOPED and not detached:
        raise Refusal(Reason.ENCRYPTED)
    if kind.tag != OID or kind.content != ID_SIGNED_DATA or inner.tag != 0xA0:
        raise Refusal(Reason.UNSUPPORTED)
    (signed,) = _exactly(inner, 1)
    return _signed_data(signed, detached)


def _signed_data(node: Node, detached: bool) -> SignedData:
    """RFC 5652 §5.1."""
    parts = _fields(node, SEQUENCE, 4, 6)
    _want(parts[0].tag == INTEGER and parts[1].tag == SET and parts[-1].tag == SET)
    certificates: list[Node] = []
    expected = [0xA0, 0xA1]
    for extra in parts[3:-1]:  # certificates, then lists (which we do not use), each at most once
        _want(extra.tag in expected)
        expected = expected[expected.index(extra.tag) + 1 :]
        certificates = extra.children if extra.tag == 0xA0 else certificates
    content = _encapsulated(parts[2], detached)
    if node.end - node.start - len(content or b"") > 2 * MAX_CMS_OCTETS:
        raise Refusal(Reason.TOO_LARGE)
    if len(parts[-1].children) != 1:
        raise Refusal(Reason.NOT_ONE_SIGNER)
    signer = _signer(parts[-1].children[0])
    return SignedData(content, signer, _own_certificate(certificates, signer))


def _encapsulated(node: Node, detached: bool) -> bytes | None:
    """RFC 5652 §5.2. Detached: no content. Else: an OCTET STRING, in one piece or in BER's segments."""
    kind, *inside = _fields(node, SEQUENCE, 1, 2)
    if kind.content != ID_DATA or detached != (not inside):
        raise Refusal(Reason.UNSUPPORTED)
    if detached:
        return None
    _want(inside[0].tag == 0xA0)
    (octets,) = _exactly(inside[0], 1)
    return b"".join(_segments(octets))


def _segments(octets: Node) -> Iterator[bytes]:
    """X.690 §8.7.3: segments, which may be in pieces themselves."""
    if octets.tag == OCTETS:
        yield octets.content
        return
    _want(octets.tag == OCTETS | 0x20)
    for piece in octets.children:
        yield from _segments(piece)


def _signer(node: Node) -> Signer:
    """RFC 5652 §5.3. The signed attributes are optional there and mandatory here."""
    _want(node.strict)
    parts = _fields(node, SEQUENCE, 5, 7)
    if parts[3].tag != 0xA0:
        raise Refusal(Reason.NO_SIGNED_ATTRIBUTES)
    _want(parts[0].tag == INTEGER and len(parts) >= 6 and parts[5].tag == OCTETS)
    _want(len(parts) == 6 or parts[6].tag == 0xA1)
    issuer, serial, key_identifier = _signer_identifier(parts[1])
    attributes = _attributes(parts[3])
    return Signer(
        issuer,
        serial,
        key_identifier,
        _algorithm(parts[2]),
        _algorithm(parts[4]),
        b"\x31" + parts[3].raw[1:],  # RFC 5652 §5.4: attributes as SET OF, tag 0x31 not 0xA0
        _message_digest(attributes),
        _certificate_hash(attributes),
        parts[5].content,
    )


def _signer_identifier(node: Node) -> tuple[bytes | None, bytes | None, bytes | None]:
    if node.tag == 0x80:
        return None, None, node.content
    issuer, serial = _fields(node, SEQUENCE, 2)
    _want(serial.tag == INTEGER)
    return issuer.raw, serial.content, None


def _attributes(node: Node) -> dict[bytes, Node]:
    """Each type once, each with exactly one value (RFC 5652 §11.1, §11.2)."""
    found: dict[bytes, Node] = {}
    for attribute in node.children:
        kind, values = _fields(attribute, SEQUENCE, 2)
        if kind.tag != OID or values.tag != SET or kind.content in found or len(values.children) != 1:
            raise Refusal(Reason.BAD_ATTRIBUTES)
        found[kind.content] = values.children[0]
    content_type = found.get(ID_CONTENT_TYPE)
    if content_type is None or content_type.tag != OID or content_type.content != ID_DATA:
        raise Refusal(Reason.BAD_ATTRIBUTES)
    return found


def _message_digest(attributes: dict[bytes, Node]) -> bytes:
    value = attributes.get(ID_MESSAGE_DIGEST)
    if value is None or value.tag != OCTETS:
        raise Refusal(Reason.BAD_ATTRIBUTES)
    return value.content


def _certificate_hash(attributes: dict[bytes, Node]) -> tuple[bytes | None, bytes] | None:
    """RFC 5035 §3: (OID of the hash or None for SHA-256, hash of the signer's certificate), where it is given."""
    value = attributes.get(ID_SIGNING_CERTIFICATE_V2)
    if value is None:
        return None
    first = _fields(_fields(value, SEQUENCE, 1, 2)[0], SEQUENCE, 1, 8)[0]
    inner = _fields(first, SEQUENCE, 1, 3)
    if inner[0].tag == SEQUENCE:
        return _algorithm(inner[0]).oid, inner[1].content
    return None, inner[0].content


def _algorithm(node: Node) -> Algorithm:
    kind, *parameters = _fields(node, SEQUENCE, 1, 2)
    _want(kind.tag == OID)
    given = parameters[0] if parameters and parameters[0].tag != NULL else None
    return Algorithm(kind.content, given)


def _own_certificate(certificates: list[Node], signer: Signer) -> bytes:
    """The one certificate that the signer identifier names. The others are ignored: paths use pinned ones only."""
    if len(certificates) > MAX_CERTIFICATES:
        raise Refusal(Reason.TOO_MANY_CERTIFICATES)
    _want(all(node.tag == SEQUENCE and node.strict for node in certificates))
    matches: Callable[[Node], bool] = _by_key(signer) if signer.key_identifier is not None else _by_serial(signer)
    found = {node.raw for node in certificates if matches(node)}
    if len(found) != 1:
        raise Refusal(Reason.NO_CERTIFICATE)
    certificate = found.pop()
    _check_bounds(certificate)
    return certificate


def _by_serial(signer: Signer) -> Callable[[Node], bool]:
    def matches(certificate: Node) -> bool:
        fields = _certificate_fields(certificate)
        return fields[0].content == signer.serial and fields[2].raw == signer.issuer

    return matches


def _by_key(signer: Signer) -> Callable[[Node], bool]:
    def matches(certificate: Node) -> bool:
        return any(
            extension.children[0].content == ID_KEY_IDENTIFIER
            and walk(extension.children[-1].content).content == signer.key_identifier
            for extension in _extensions(certificate)
        )

    return matches


def issuer_and_serial(der: bytes) -> bytes:
    """IssuerAndSerialNumber (RFC 5652 §10.2.4) of a certificate, with the issuer's name octet for octet as it writes
    it. Raises BadDer."""
    fields = _certificate_fields(walk(der))
    return sequence(fields[2].raw, fields[0].raw)


@lru_cache(maxsize=1024)
def key_kind(der: bytes) -> Algorithm:
    """What a certificate says of its key (RFC 5280 §4.1.2.7). Raises Refusal."""
    return _algorithm(_certificate_fields(walk(der))[5].children[0])


def _certificate_fields(certificate: Node) -> list[Node]:
    """RFC 5280 §4.1: serialNumber, signature, issuer, validity, subject… without the optional version."""
    fields = certificate.children[0].children
    return fields[1:] if fields and fields[0].tag == 0xA0 else fields


def _extensions(certificate: Node) -> list[Node]:
    last = certificate.children[0].children[-1]
    return last.children[0].children if last.tag == 0xA3 else []


@lru_cache(maxsize=1024)  # the same people write again; what is refused is looked at anew each time
def _check_bounds(der: bytes) -> None:
    """A positive serial number (RFC 5280 §4.1.2.2); and the values of extensions, which are ASN.1 inside octets, keep
    the same bounds before any parser sees them."""
    certificate = walk(der)
    serial = _certificate_fields(certificate)[0].content
    _want(int.from_bytes(serial, "big", signed=True) > 0)
    for extension in _extensions(certificate):
        walk(extension.children[-1].content)


def _fields(node: Node, tag: int, least: int, most: int | None = None) -> list[Node]:
    _want(node.tag == tag and least <= len(node.children) <= (most or least))
    return node.children


def _exactly(node: Node, count: int) -> list[Node]:
    _want(len(node.children) == count)
    return node.children


def _want(condition: bool) -> None:
    if not condition:
        raise Refusal(Reason.BAD_CMS)
