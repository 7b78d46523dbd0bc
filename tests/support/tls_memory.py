"""TLS in memory, no socket: an authority's files, contexts of both ends, a handshake."""

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.authority import Authority
from crypto.tls import client_context, server_context

DAY = dt.timedelta(days=1)
HOST = "mx.pli.example"


def make_files(folder: Path) -> Path:
    """An authority, a server, three clients, a stranger; OpenSSL looks at the real clock, so the dates are today's."""
    now = dt.datetime.now(dt.UTC)
    ca, stranger = Authority.create("Racine TLS", now=now), Authority.create("Inconnue", now=now)
    ca.save(folder, "ca")
    stranger.save(folder, "stranger-ca")
    ca.issue_server([HOST, "127.0.0.1"], now=now).save(folder, "server")
    client = ca.issue_client(
        "Passerelle", now=now, organization="Hôpital", dns=["MX.hopital.example"], emails=["ops@hopital.example"]
    )
    gone = ca.issue_client("Partie", now=now)
    for who, stem in ((client, "client"), (gone, "gone"), (stranger.issue_client("X", now=now), "stranger")):
        who.save(folder, stem)
    ca.issue_client("Vieille", now=now - 10 * DAY, days=9).save(folder, "expired")
    ca.issue_smime("a@b.example", "A", now=now).save(folder, "smime")
    ca.revoke(gone.certificate, now=now)
    _write_crl(folder / "fresh.pem", ca.crl(now=now))
    _write_crl(folder / "stale.pem", ca.crl(now=now - 30 * DAY))
    return folder


def _write_crl(path: Path, der: bytes) -> None:
    path.write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = HOST, session=None):
    """A handshake through memory. Out: (server's end, client's end). Raises ssl.SSLError of whichever side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = server.wrap_bio(to_server, to_client, server_side=True)
    two = client.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    waiting = {one, two}
    for _ in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.discard(end)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            break
    one.write(b"bonjour")
    assert two.read(7) == b"bonjour"
    return one, two


def server(files: Path, **changes) -> ssl.SSLContext:
    """A door that asks for a client certificate of our authority, unless told."""
    given = {"client_ca": files / "ca.pem", "require_client": True, **changes}
    return server_context(files / "server.pem", files / "server.key", **given)


def client(files: Path, who: str | None = "client", ca: str = "ca.pem", **changes) -> ssl.SSLContext:
    """Somebody who knocks, with this certificate or none."""
    return client_context(files / ca, *((files / f"{who}.pem", files / f"{who}.key") if who else ()), **changes)
