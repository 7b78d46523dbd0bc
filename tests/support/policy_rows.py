"""The rows about policies (RFC 5280 §6.1): case, how it is made, our answer, openssl's."""

from __future__ import annotations

from cryptography import x509

from crypto.verdict import Reason
from tests.support.path_faults import (
    below,
    ica,
    policy_twice,
    root,
)  # fmt: skip
from tests.support.path_maker import (
    chain,
    constraints,
    leaf,
    mappings,
    policies,
)  # fmt: skip

R = Reason
P, Q, ANY = "1.2.3.4.1", "1.2.3.4.2", "2.5.29.32.0"

ROWS = (
    (
        "Path",
        "policies: required and there",
        below(
            mid=(
                constraints(0),
                policies(P),
            ),
            end=(policies(P),),
        ),
        R.OK,
        True,
    ),
    (
        "Path",
        "policies: required, another is there",
        below(
            mid=(
                constraints(0),
                policies(P),
            ),
            end=(policies(Q),),
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: required, none is there",
        below(
            mid=(
                constraints(0),
                policies(P),
            )
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: required one below",
        below(
            mid=(
                constraints(1),
                policies(P),
            )
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: required five below",
        below(
            mid=(
                constraints(5),
                policies(P),
            )
        ),
        R.OK,
        True,
    ),
    ("Path", "policies: required by the signer's certificate", below(end=(constraints(0),)), R.BAD_PATH, True),
    (
        "Path",
        "policies: any policy above",
        below(
            mid=(
                constraints(0),
                policies(ANY),
            ),
            end=(policies(Q),),
        ),
        R.OK,
        True,
    ),
    (
        "Path",
        "policies: any policy, inhibited",
        below(
            mid=(
                constraints(0),
                policies(ANY),
                (x509.InhibitAnyPolicy(0), True),
            ),
            end=(policies(ANY),),
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: any policy below",
        below(
            mid=(
                constraints(0),
                policies(P),
            ),
            end=(policies(ANY),),
        ),
        R.OK,
        True,
    ),
    (
        "Path",
        "policies: any policy inhibited below",
        lambda: chain(
            leaf(
                ica(
                    ica(root(), policies(ANY), (x509.InhibitAnyPolicy(0), True), constraints(0)),
                    policies(ANY),
                    name="J",
                ),
                policies(P),
            )
        ),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "policies: mapped",
        below(
            mid=(
                constraints(0),
                policies(P),
                mappings((P, Q)),
            ),
            end=(policies(Q),),
        ),
        R.OK,
        True,
    ),
    (
        "Path",
        "policies: mapped, the first name stays",
        below(
            mid=(
                constraints(0),
                policies(P),
                mappings((P, Q)),
            ),
            end=(policies(P),),
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: mapping inhibited",
        lambda: chain(
            leaf(ica(ica(root(), policies(P), constraints(0, 0)), policies(P), mappings((P, Q)), name="J"), policies(Q))
        ),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "policies: mapped from any",
        below(
            mid=(
                policies(P, ANY),
                mappings((ANY, Q)),
            ),
            end=(policies(Q),),
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: mapped to any",
        below(
            mid=(
                policies(P),
                mappings((P, ANY)),
            ),
            end=(policies(Q),),
        ),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "policies: mapping not critical",
        below(
            mid=(
                constraints(0),
                policies(P),
                (mappings((P, Q))[0], False),
            ),
            end=(policies(Q),),
        ),
        R.OK,
        True,
    ),
    ("Path", "policies: policies critical", below(mid=(policies(P),), end=((policies(P)[0], True),)), R.OK, True),
    (
        "Path",
        "policies: the same policy twice",
        below(
            mid=(
                constraints(0),
                policies(P),
            ),
            end=(policy_twice(P),),
        ),
        R.BAD_PATH,
        True,
    ),
    ("Path", "root: has policies, the signer none", below(top=(policies(P),)), R.OK, True),
    ("Path", "root: requires policies", below(top=(constraints(0),)), R.BAD_PATH, True),
)
