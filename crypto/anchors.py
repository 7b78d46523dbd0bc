"""What an anchor's own certificate says binds those below it (RFC 5937); RFC 5280 §6 takes only its name and key."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from asn1crypto import x509 as asn1
from pyhanko_certvalidator import name_trees
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers
from pyhanko_certvalidator.name_trees import GeneralNameType, NameConstraintError
from pyhanko_certvalidator.policy_decl import PKIXValidationParams


def as_anchor(certificate: asn1.Certificate) -> CertTrustAnchor:
    """Its path length, name constraints and policy constraints; its dates are looked at by `crypto.path`."""
    limits = certificate.policy_constraints_value
    any_policy = certificate.inhibit_any_policy_value
    names = certificate.name_constraints_value
    parameters = PKIXValidationParams(
        initial_explicit_policy=limits is not None and limits["require_explicit_policy"].native == 0,
        initial_policy_mapping_inhibit=limits is not None and limits["inhibit_policy_mapping"].native == 0,
        initial_any_policy_inhibit=any_policy is not None and any_policy.native == 0,
        initial_permitted_subtrees=_trees(names, "permitted_subtrees"),
        initial_excluded_subtrees=_trees(names, "excluded_subtrees"),
    )
    length = certificate.max_path_length
    return CertTrustAnchor(certificate, TrustQualifiers(parameters, length, max_aa_path_length=length))


def _trees(names: Any, side: str) -> Any:
    """None where the anchor does not say."""
    given = names[side] if names is not None else None
    return name_trees.process_general_subtrees(given) if isinstance(given, asn1.GeneralSubtrees) else None


def _same_network(base: str, other: str) -> bool:
    """RFC 5280 §4.2.1.10 for addresses of the Internet protocol, which the library leaves out."""
    if "/" not in base or "/" in other:
        raise NameConstraintError("a range and an address are compared, nothing else")
    network, address = ip_network(base, strict=False), ip_address(other)
    return network.version == address.version and address in network


name_trees._name_type_checkers.setdefault(GeneralNameType.IP_ADDRESS, _same_network)
