"""What RFC 5280 §4 asks of the certificates of a path, beyond what the path algorithm (§6) looks at.

Whoever breaks one of these rules is no authority that keeps the profile; other readers may understand such a
certificate otherwise than we do, so nobody signs with it here. Marks that many old authorities leave out (key
identifiers, basic constraints marked critical) are not asked for.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from crypto.der import walk
from crypto.reading import UNREADABLE, extension
from crypto.verdict import Reason, Refusal

SERIAL_BITS = 159  # §4.1.2.2: 20 octets, positive
LEAST_EXPONENT = 65537  # ANSSI, RGS annex B1: larger than 2^16; with 1 everybody signs
RSA_BITS = 2048

NEVER_CRITICAL = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,  # §4.2.1.1
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,  # §4.2.1.2
        ExtensionOID.SUBJECT_DIRECTORY_ATTRIBUTES,  # §4.2.1.8
        ExtensionOID.FRESHEST_CRL,  # §4.2.1.15
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,  # §4.2.2.1
        ExtensionOID.SUBJECT_INFORMATION_ACCESS,  # §4.2.2.2
    }
)
ALWAYS_CRITICAL = frozenset(
    {
        ExtensionOID.NAME_CONSTRAINTS,  # §4.2.1.10
        ExtensionOID.POLICY_CONSTRAINTS,  # §4.2.1.11
        ExtensionOID.INHIBIT_ANY_POLICY,  # §4.2.1.14
    }
)
POLICY_MAPPINGS = ObjectIdentifier("2.5.29.33")
# What an anchor may say critically: all that is read here, in `crypto.anchors` or by the path validator.
UNDERSTOOD = ALWAYS_CRITICAL | {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.ISSUER_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    POLICY_MAPPINGS,
}


def check_profile(path: tuple[x509.Certificate, ...]) -> None:
    """`path`: signer first, anchor last. Raises Refusal."""
    try:
        if not all(_keeps_to_rules(one) for one in path) or not _is_end(path[0]):
            raise Refusal(Reason.BAD_PATH)
        if not all(map(_is_authority, path[1:-1])) or not _is_anchor(path[-1]):
            raise Refusal(Reason.BAD_PATH)
    except UNREADABLE:
        raise Refusal(Reason.BAD_PATH) from None
    if any(map(_has_weak_key, path)):
        raise Refusal(Reason.WEAK_ALGORITHM)


def _keeps_to_rules(one: x509.Certificate) -> bool:
    """The rules for every certificate."""
    if not 0 < one.serial_number < 1 << SERIAL_BITS or not one.issuer.rdns or not _same_algorithm(one):
        return False
    if one.version is not x509.Version.v3 and len(one.extensions):  # §4.1.2.1
        return False
    for each in one.extensions:
        if each.oid in (NEVER_CRITICAL if each.critical else ALWAYS_CRITICAL):
            return False
    policies = extension(one, x509.CertificatePolicies) or ()
    return len({each.policy_identifier for each in policies}) == len(list(policies))  # §4.2.1.4


def _same_algorithm(one: x509.Certificate) -> bool:
    """§4.1.1.2: what stands beside the signature is what was signed."""
    certificate = walk(one.public_bytes(Encoding.DER))
    fields = certificate.children[0].children
    signed = fields[2 if fields[0].tag == 0xA0 else 1]
    return signed.raw == certificate.children[1].raw


def _is_end(leaf: x509.Certificate) -> bool:
    """§4.2.1.3, §4.2.1.6, §4.2.1.10: no authority's rights, and names that can be read in one way."""
    usage, basic = extension(leaf, x509.KeyUsage), extension(leaf, x509.BasicConstraints)
    if extension(leaf, x509.NameConstraints) is not None:
        return False
    if usage is not None and usage.key_cert_sign and not (basic is not None and basic.ca):
        return False
    names = extension(leaf, x509.SubjectAlternativeName)
    if not leaf.subject.rdns and not (names is not None and _is_critical(leaf, names)):
        return False
    return names is None or (len(list(names)) > 0 and all(map(_is_mailbox, names.get_values_for_type(x509.RFC822Name))))


def _is_critical(one: x509.Certificate, value: x509.ExtensionType) -> bool:
    return one.extensions.get_extension_for_oid(value.oid).critical


def _is_mailbox(email: str) -> bool:
    local, at, host = email.partition("@")
    return bool(local and at and host) and "@" not in host and email.isascii() and email.isprintable()


def _is_authority(one: x509.Certificate) -> bool:
    """§4.1.2.6, §4.2.1.9, §4.2.1.3."""
    basic, usage = extension(one, x509.BasicConstraints), extension(one, x509.KeyUsage)
    if not one.subject.rdns or basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        return False
    constraints = extension(one, x509.NameConstraints)
    return constraints is None or _are_well_written(constraints)


def _are_well_written(constraints: x509.NameConstraints) -> bool:
    """§4.2.1.10: host names without a dot in front or a wildcard, one sign "at" in mailboxes."""
    names = [*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())]
    hosts = [name.value for name in names if isinstance(name, x509.DNSName)]
    emails = [name.value for name in names if isinstance(name, x509.RFC822Name)]
    return bool(names) and not any(host[:1] == "." or "*" in host for host in hosts) and all(map(_is_range, emails))


def _is_range(email: str) -> bool:
    """A mailbox, a host, or a domain with a dot in front."""
    return _is_mailbox(email) if "@" in email else email.isascii() and bool(email.strip("."))


def _is_anchor(one: x509.Certificate) -> bool:
    """Of version 1 there is nothing to read: whoever pinned it says that it is an authority. The algorithm leaves the
    anchor out; what it says critically was still meant (RFC 5937 §3.2)."""
    if one.version is x509.Version.v1:
        return bool(one.subject.rdns)
    return _is_authority(one) and all(each.oid in UNDERSTOOD for each in one.extensions if each.critical)


def _has_weak_key(one: x509.Certificate) -> bool:
    key = one.public_key()
    return isinstance(key, rsa.RSAPublicKey) and (key.key_size < RSA_BITS or key.public_numbers().e < LEAST_EXPONENT)
