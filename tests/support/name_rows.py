"""The rows about name constraints (RFC 5280 §4.2.1.10): case, how it is made, our answer, openssl's."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from crypto.verdict import Reason
from tests.support.path_faults import (
    CABINET,
    DIRECTORY,
    DNS,
    IP,
    MAIL,
    URI,
    below,
    both,
    ica,
    range_of,
    root,
    san,
)  # fmt: skip
from tests.support.path_maker import (
    chain,
    dn,
    excluded,
    leaf,
    permitted,
)  # fmt: skip
from tests.support.pki import SIGNER

R = Reason
P, Q, ANY = "1.2.3.4.1", "1.2.3.4.2", "2.5.29.32.0"

ROWS = (
    ("Path", "root: permits another host", below(top=(permitted(MAIL("hopital.example")),)), R.BAD_PATH, False),
    ("Path", "root: permits this host", below(top=(permitted(CABINET),)), R.OK, True),
    ("Path", "root: forbids this host", below(top=(excluded(CABINET),)), R.BAD_PATH, False),
    ("Path", "names: this mailbox permitted", below(mid=(permitted(MAIL(SIGNER)),)), R.OK, True),
    ("Path", "names: another mailbox permitted", below(mid=(permitted(MAIL("x@cabinet.example")),)), R.BAD_PATH, False),
    (
        "Path",
        "names: another case before the sign at",
        below(mid=(permitted(MAIL("DR.aubin@cabinet.example")),)),
        R.BAD_PATH,
        False,
    ),
    ("Path", "names: host in capitals", below(mid=(permitted(MAIL("CABINET.example")),)), R.OK, True),
    (
        "Path",
        "names: hosts below this one permitted",
        below(mid=(permitted(range_of(".cabinet.example")),)),
        R.BAD_PATH,
        False,
    ),
    ("Path", "names: domain permitted", below(mid=(permitted(range_of(".example")),)), R.OK, True),
    ("Path", "names: host above permitted", below(mid=(permitted(MAIL("example")),)), R.BAD_PATH, False),
    ("Path", "names: domain forbidden", below(mid=(excluded(range_of(".example")),)), R.BAD_PATH, False),
    ("Path", "names: this mailbox forbidden", below(mid=(excluded(MAIL(SIGNER)),)), R.BAD_PATH, False),
    ("Path", "names: another mailbox forbidden", below(mid=(excluded(MAIL("x@cabinet.example")),)), R.OK, True),
    (
        "Path",
        "names: second address outside",
        below(mid=(permitted(CABINET),), emails=(SIGNER, "x@y.example")),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: range with two signs at",
        below(mid=(both(range_of("invalid@invalid@cabinet.example"), None),)),
        R.BAD_PATH,
        False,
    ),
    ("Path", "names: permitted, and forbidden too", below(mid=(both(CABINET, MAIL(SIGNER)),)), R.BAD_PATH, False),
    (
        "Path",
        "names: narrower below",
        lambda: chain(leaf(ica(ica(root(), permitted(CABINET)), permitted(MAIL("x@cabinet.example")), name="J"))),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: wider below",
        lambda: chain(leaf(ica(ica(root(), permitted(MAIL("x.example"))), permitted(CABINET), name="J"))),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: forbidden above, permitted below",
        lambda: chain(leaf(ica(ica(root(), excluded(CABINET)), permitted(CABINET), name="J"))),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: directory name permitted",
        below(mid=(permitted(DIRECTORY(dn("O=Cab"))),), subject=dn("O=Cab", "CN=A")),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: directory name in capitals",
        below(mid=(permitted(DIRECTORY(dn("O=CAB"))),), subject=dn("O=Cab", "CN=A")),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: another directory name permitted",
        below(mid=(permitted(DIRECTORY(dn("O=Hop"))),), subject=dn("O=Cab", "CN=A")),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: directory name forbidden",
        below(mid=(excluded(DIRECTORY(dn("O=Cab"))),), subject=dn("O=Cab", "CN=A")),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: forbidden directory name, other blanks and letters",
        below(mid=(excluded(DIRECTORY(dn("O=cab  one"))),), subject=dn("O=Cab One", "CN=A")),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: directory name permitted, another among the names",
        below(
            mid=(permitted(DIRECTORY(dn("O=Cab"))),),
            subject=dn("O=Cab", "CN=A"),
            end=(san(MAIL(SIGNER), DIRECTORY(dn("O=X"))),),
        ),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: forbidden directory name among the names",
        below(
            mid=(excluded(DIRECTORY(dn("O=X"))),),
            subject=dn("O=Cab", "CN=A"),
            end=(san(MAIL(SIGNER), DIRECTORY(dn("O=X"))),),
        ),
        R.BAD_PATH,
        False,
    ),
    ("Path", "names: range of another kind", below(mid=(permitted(IP(ip_network("10.0.0.0/8"))),)), R.OK, True),
    (
        "Path",
        "names: address in the range",
        below(mid=(permitted(IP(ip_network("10.0.0.0/8"))),), end=(san(MAIL(SIGNER), IP(ip_address("10.1.1.1"))),)),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: address outside of the range",
        below(mid=(permitted(IP(ip_network("10.0.0.0/8"))),), end=(san(MAIL(SIGNER), IP(ip_address("11.1.1.1"))),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: address in the forbidden range",
        below(mid=(excluded(IP(ip_network("10.0.0.0/8"))),), end=(san(MAIL(SIGNER), IP(ip_address("10.1.1.1"))),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: address outside of the forbidden range",
        below(mid=(excluded(IP(ip_network("10.0.0.0/8"))),), end=(san(MAIL(SIGNER), IP(ip_address("11.1.1.1"))),)),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: host name below",
        below(mid=(permitted(DNS("cabinet.example")),), end=(san(MAIL(SIGNER), DNS("a.cabinet.example")),)),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: host name that only ends alike",
        below(mid=(permitted(DNS("cabinet.example")),), end=(san(MAIL(SIGNER), DNS("xcabinet.example")),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: forbidden host range with a dot",
        below(mid=(both(None, DNS(".cabinet.example")),), end=(san(MAIL(SIGNER), DNS("a.cabinet.example")),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: host range with a dot",
        below(mid=(both(DNS(".cabinet.example"), None),), end=(san(MAIL(SIGNER), DNS("a.cabinet.example")),)),
        R.BAD_PATH,
        True,
    ),
    (
        "Path",
        "names: host range with a star",
        below(mid=(both(DNS("*.cabinet.example"), None),), end=(san(MAIL(SIGNER), DNS("a.cabinet.example")),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: place at the host",
        below(mid=(permitted(URI("cabinet.example")),), end=(san(MAIL(SIGNER), URI("http://cabinet.example/x")),)),
        R.OK,
        True,
    ),
    (
        "Path",
        "names: place at a host below",
        below(mid=(permitted(URI("cabinet.example")),), end=(san(MAIL(SIGNER), URI("http://a.cabinet.example/x")),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: place in a forbidden domain",
        below(mid=(excluded(URI(".cabinet.example")),), end=(san(MAIL(SIGNER), URI("http://a.cabinet.example/x")),)),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: kind that is not understood",
        below(
            mid=(permitted(x509.RegisteredID(ObjectIdentifier("1.2.3"))),),
            end=(san(MAIL(SIGNER), x509.RegisteredID(ObjectIdentifier("1.2.3.4"))),),
        ),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: other name forbidden",
        below(
            mid=(excluded(x509.OtherName(ObjectIdentifier("1.2.3"), b"\x0c\1a")),),
            end=(san(MAIL(SIGNER), x509.OtherName(ObjectIdentifier("1.2.3"), b"\x0c\1a")),),
        ),
        R.BAD_PATH,
        False,
    ),
    (
        "Path",
        "names: authority's own name outside",
        lambda: chain(leaf(ica(ica(root(), permitted(CABINET)), san(MAIL("x@hopital.example")), name="J"))),
        R.BAD_PATH,
        False,
    ),
)
