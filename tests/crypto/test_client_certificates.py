"""Eight client certificates before one strict door: who comes in, and under which name."""

import ssl

import pytest

from crypto.tls import peer_identity
from tests.support.tls_memory import client, server, shake

SCENARIOS = (
    # who shows what                            certificate, list,          named as, or refused
    ("a listed authority's client", "client", "fresh.pem", "Passerelle"),
    ("no certificate at all", None, "fresh.pem", None),
    ("another authority's client", "stranger", "fresh.pem", None),
    ("a revoked client", "gone", "fresh.pem", None),
    ("an expired client", "expired", "fresh.pem", None),
    ("a server's certificate", "server", "fresh.pem", None),
    ("a certificate for mail", "smime", "fresh.pem", None),
    ("a good client under a stale list", "client", "stale.pem", None),
)


@pytest.mark.parametrize(("who", "crl", "named"), [pytest.param(*row[1:], id=row[0]) for row in SCENARIOS])
def test_who_comes_in(files, who, crl, named):
    door = server(files, crl=files / crl)
    if named is None:
        with pytest.raises(ssl.SSLError):
            shake(door, client(files, who))
        return
    one, _ = shake(door, client(files, who))
    found = peer_identity(one)
    assert found is not None and named in {value for _, value in found.dn}
