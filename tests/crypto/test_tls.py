"""TLS in memory, no socket: who gets in, who does not, and that no session comes back."""

import datetime as dt
import hashlib
import ssl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from crypto.authority import DEMO_MARK, Authority
from crypto.tls import Peer, fingerprint, peer_identity, server_context
from tests.support.tls_memory import HOST, client, server, shake


def test_a_known_client_comes_in_and_is_named(files):
    one, two = shake(server(files), client(files))
    peer = peer_identity(one)
    assert (NameOID.COMMON_NAME.dotted_string, "Passerelle") in peer.dn
    assert (NameOID.ORGANIZATION_NAME.dotted_string, "Hôpital") in peer.dn
    assert (NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string, DEMO_MARK) in peer.dn
    assert peer.dns_names == ("mx.hopital.example",)
    assert peer.emails == ("ops@hopital.example",)
    assert len(peer.sha256) == 64
    assert HOST in peer_identity(two).dns_names
    assert one.version() == "TLSv1.3"


def test_tls_1_2_works_with_a_listed_suite(files):
    old = client(files)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    one, _ = shake(server(files), old)
    assert one.version() == "TLSv1.2"
    assert one.cipher()[0].startswith("ECDHE-")
    assert "GCM" in one.cipher()[0] or "CHACHA20" in one.cipher()[0]
    assert one.compression() is None


@pytest.mark.parametrize("who", [None, "stranger", "expired", "server", "smime"])
def test_the_wrong_client_stays_out(files, who):
    with pytest.raises(ssl.SSLError):
        shake(server(files), client(files, who))


def test_a_server_only_certificate_is_no_client(files):
    with pytest.raises(ssl.SSLError):
        shake(server(files), client(files, "server"))


def test_a_revoked_client_stays_out_once_there_is_a_list(files):
    shake(server(files), client(files, "gone"))
    listed = server(files, crl=files / "fresh.pem")
    with pytest.raises(ssl.SSLError):
        shake(listed, client(files, "gone"))
    shake(listed, client(files))


def test_a_stale_list_lets_nobody_in(files):
    with pytest.raises(ssl.SSLError):
        shake(server(files, crl=files / "stale.pem"), client(files))


def test_an_authority_without_a_list_lets_nobody_in(files):
    both = files / "both.pem"
    both.write_bytes((files / "ca.pem").read_bytes() + (files / "stranger-ca.pem").read_bytes())
    listed = server(files, client_ca=both, crl=files / "fresh.pem")
    shake(listed, client(files))
    with pytest.raises(ssl.SSLError):
        shake(listed, client(files, "stranger"))


def test_an_optional_client_may_stay_unnamed_but_not_be_wrong(files):
    optional = server(files, require_client=False)
    one, _ = shake(optional, client(files, None))
    assert peer_identity(one) is None
    one, _ = shake(optional, client(files))
    assert peer_identity(one) is not None
    with pytest.raises(ssl.SSLError):
        shake(optional, client(files, "stranger"))


def test_without_an_authority_no_client_is_asked(files):
    one, _ = shake(server_context(files / "server.pem", files / "server.key"), client(files))
    assert peer_identity(one) is None
    assert peer_identity(None) is None


def test_requiring_clients_without_an_authority_is_a_mistake(files):
    with pytest.raises(ValueError, match="authority"):
        server_context(files / "server.pem", files / "server.key", require_client=True)


@pytest.mark.parametrize(("name", "ca"), [("other.example", "ca.pem"), (HOST, "stranger-ca.pem")])
def test_a_client_refuses_the_wrong_server(files, name, ca):
    with pytest.raises(ssl.SSLError):
        shake(server(files), client(files, ca=ca), name=name)


def test_a_client_refuses_a_client_certificate_as_server(files):
    wrong = server_context(files / "client.pem", files / "client.key")
    with pytest.raises(ssl.SSLError):
        shake(wrong, client(files), name="mx.hopital.example")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_names_nobody(files, version):
    """A resumed session skips the look at the revocation list. TLS 1.3: there is none; 1.2: its peer stays unnamed."""
    here, there = server(files), client(files)
    there.maximum_version = version
    _, two = shake(here, there)
    session = two.session
    if session is not None and session.has_ticket:
        pytest.fail("the server handed out a ticket")
    one, again = shake(here, there, session=session)
    assert again.session_reused is (version is ssl.TLSVersion.TLSv1_2)
    assert (peer_identity(one) is None) is one.session_reused is again.session_reused


def test_a_context_for_each_connection_leaves_nothing_to_resume(files):
    there = client(files)
    there.maximum_version = ssl.TLSVersion.TLSv1_2
    _, two = shake(server(files), there)
    one, again = shake(server(files), there, session=two.session)
    assert not again.session_reused
    assert peer_identity(one) is not None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(files, version):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(files / "ca.pem")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = version
        old.maximum_version = version
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        shake(server_context(files / "server.pem", files / "server.key"), old)


@pytest.mark.parametrize(
    "suite", ["AES256-SHA", "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES256-SHA", "DHE-RSA-AES256-GCM-SHA384"]
)
def test_other_suites_are_refused(files, suite):
    weak = client(files)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers(f"{suite}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        shake(server(files), weak)


def test_the_options_are_set(files):
    for context in (server(files), client(files)):
        for option in (ssl.OP_NO_TICKET, ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION):
            assert context.options & option
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert server(files).num_tickets == 0


def test_nothing_printed_names_the_peer():
    assert (
        repr(Peer(frozenset({("2.5.4.3", "Nom")}), ("a.example",), ("a@b.example",), "ab" * 32))
        == "Peer(abababababab…)"
    )


@pytest.mark.parametrize("length", range(3))
def test_a_certificate_is_known_by_the_first_of_its_chain(length):
    """Whatever the padding of its base64: a chain behind it changes nothing."""
    now = dt.datetime.now(dt.UTC)
    authority = Authority.create("Autorité inventée", now=now)
    first = authority.issue_client("Automate" + "x" * length, now=now).certificate
    chain = first.public_bytes(Encoding.PEM) + authority.certificate_pem
    assert fingerprint(chain) == hashlib.sha256(first.public_bytes(Encoding.DER)).hexdigest()


@pytest.mark.parametrize("pem", [b"", b"\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_fingerprint(pem):
    with pytest.raises(ValueError):
        fingerprint(pem)
