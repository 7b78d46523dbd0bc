"""`pli verify` over files as `openssl cms -sign` writes them: nobody has to mend the line ends first."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import main as cli
from tests.support.pki import NOW, PART, person, pki, run_openssl

SENDER = ("-from", "dr.aubin@cabinet.example", "-to", "m.leroux@pharmacie.example", "-subject", "Essai")
UNIX_PART = PART.replace(b"\r\n", b"\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A signer, an authority and what is to be signed, as files."""
    person().save(tmp_path, "who")
    (tmp_path / "ca.pem").write_bytes(pki().root.certificate_pem)
    (tmp_path / "above").mkdir()
    (tmp_path / "above" / "mid.pem").write_bytes(pki().mail_ca.certificate_pem)
    return tmp_path


def written(folder: Path, part: bytes, *options: str) -> bytes:
    """The file that openssl wrote."""
    (folder / "part").write_bytes(part)
    who = ["-signer", f"{folder}/who.pem", "-inkey", f"{folder}/who.key"]
    files = ["-in", f"{folder}/part", "-out", f"{folder}/mail.eml"]
    done = run_openssl(["openssl", "cms", "-sign", *who, *files, *SENDER, *options])
    assert done.returncode == 0, done.stderr
    return (folder / "mail.eml").read_bytes()


def judged(folder: Path, raw: bytes) -> tuple[str, str]:
    """What the command says of these octets."""
    (folder / "mail.eml").write_bytes(raw)
    words = ["verify", "--json", "--anchors", f"{folder}/ca.pem", "--intermediates", f"{folder}/above"]
    done = CliRunner().invoke(cli.app, [*words, "--at", NOW.isoformat(), f"{folder}/mail.eml"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    return answer["signature"], answer["reason"]


@pytest.mark.parametrize("part", [PART, UNIX_PART], ids=["CRLF", "LF"])
@pytest.mark.parametrize(
    "options", [(), ("-crlfeol",), ("-nodetach",), ("-nodetach", "-stream"), ("-stream",)], ids=" ".join
)
def test_what_openssl_wrote_is_read_as_it_stands(folder: Path, part: bytes, options: tuple[str, ...]):
    raw = written(folder, part, *options)
    assert judged(folder, raw) == ("pass", "ok")
    assert judged(folder, raw.replace(b"\r\n", b"\n")) == ("pass", "ok")


def test_a_changed_word_is_seen_whatever_the_line_ends(folder: Path):
    raw = written(folder, PART)
    assert b"\n\n" in raw and b"\r\n" in raw
    assert judged(folder, raw.replace(b"Bonjour", b"Bonsoir")) == ("fail", "content-changed")


def test_line_ends_mixed_within_the_header_are_not_mended(folder: Path):
    raw = written(folder, PART, "-crlfeol").replace(b"\r\n", b"\n", 1)
    assert judged(folder, raw) == ("permerror", "bad-header")
