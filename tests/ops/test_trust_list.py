"""The list of an instance: renewed, kept, withdrawn; and the command that looks domains up."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.clock import FakeClock
from core.db import Db
from core.settings import BadSettings, Settings
from directory.trusted import is_listed, is_withdrawn, parse_dn, trusts
from ops.cli import main as cli
from ops.trust_list import KEPT, ListRefused, TrustCircle
from tests.support.list_maker import DN, OTHER_DN, authority, document, seal, xmldsig

START = FakeClock().now()
ROOT = authority(now=START - timedelta(days=30))
SEAL = seal(ROOT, now=START - timedelta(days=30))
OTHER = seal(ROOT, "Un opérateur", now=START - timedelta(days=30))


def dated(moment: datetime, *domains: str, who=SEAL) -> bytes:
    return xmldsig(document([(domain, DN) for domain in domains], f"{moment:%Y-%m-%dT%H:%M:%SZ}"), who)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(ROOT.certificate_pem)
    (tmp_path / "source.xml").write_bytes(dated(START, "a.test", "b.test"))
    return tmp_path / "source.xml"


def circle(db: Db, source: Path, clock: FakeClock) -> TrustCircle:
    signer = SEAL.certificate.subject.rfc4514_string()
    trust = {"source": str(source), "signer": signer, "anchors": str(source.parent / "ca.pem")}
    return TrustCircle(Settings.load(source.parent, trust=trust), db, clock)


def test_a_good_list_is_put_in_force_and_kept(db: Db, source: Path) -> None:
    clock = FakeClock()
    state = circle(db, source, clock).refresh()
    assert (state.entries, state.verified_at) == (2, clock.now())
    assert db.read(trusts, "A.test", parse_dn(DN)) and not db.read(trusts, "a.test", parse_dn(OTHER_DN))
    assert (source.parent / KEPT).read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    "bad",
    [
        dated(START, "a.test").replace(b"a.test", b"c.test"),
        dated(START, "c.test", who=OTHER),
        dated(START - timedelta(hours=1), "c.test"),
        dated(START + timedelta(days=3), "c.test"),
        b"",
    ],
)
def test_whatever_is_not_good_leaves_the_list_as_it_is(db: Db, source: Path, bad: bytes) -> None:
    ours = circle(db, source, FakeClock())
    before = ours.refresh()
    kept = (source.parent / KEPT).read_bytes()
    source.write_bytes(bad)
    with pytest.raises(ListRefused):
        ours.refresh()
    assert ours.chore() == "kept" and ours.state() == before
    assert (source.parent / KEPT).read_bytes() == kept and db.read(is_listed, "a.test")


def test_an_old_list_alarms_then_nobody_is_listed_until_a_good_one_comes(db: Db, source: Path) -> None:
    clock = FakeClock()
    ours, data = circle(db, source, clock), source.read_bytes()
    assert ours.chore() == "2 entries"
    source.unlink()
    answers = []
    for hours in (23, 2, 22, 2):
        clock.advance(hours * 3600)
        answers.append((ours.chore(), db.read(is_listed, "a.test")))
    assert answers == [("kept", True), ("old", True), ("old", True), ("withdrawn", False)]
    assert db.read(is_withdrawn)
    source.write_bytes(data)
    assert ours.chore() == "2 entries" and db.read(is_listed, "a.test") and not db.read(is_withdrawn)


def test_the_same_list_again_only_renews_its_date(db: Db, source: Path) -> None:
    clock = FakeClock()
    ours = circle(db, source, clock)
    first = ours.refresh()
    clock.advance(30 * 3600)
    again = ours.refresh()
    assert again.digest == first.digest and again.verified_at - first.verified_at == timedelta(hours=30)
    assert ours.state() == again


def test_a_source_needs_a_signer(tmp_path: Path) -> None:
    with pytest.raises(BadSettings):
        Settings.load(tmp_path, trust={"source": "https://example.test/list.xml"})


def check(*words: str):
    return CliRunner().invoke(cli.app, ["trust", "check", *words])


def test_the_command_answers_for_each_domain(source: Path) -> None:
    source.write_bytes(xmldsig(document(), SEAL))
    words = ["--list", str(source), "--anchors", str(source.parent / "ca.pem"), "--at", f"{START:%Y-%m-%dT%H:%M:%S}"]
    done = check("--json", *words, "hopital.mssante.test", "CABINET.test", "evil.test")
    assert done.exit_code == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    about = {"valid": True, "reason": "ok", "generated": "2026-06-01T11:30:00Z", "entries": 3}
    assert found == [
        {"domain": "hopital.mssante.test", "listed": True, "names": sorted([DN, OTHER_DN]), "list": about},
        {"domain": "CABINET.test", "listed": True, "names": [DN], "list": about},
        {"domain": "evil.test", "listed": False, "names": [], "list": about},
    ]


def test_the_command_believes_nothing_of_a_bad_list(source: Path) -> None:
    source.write_bytes(xmldsig(document(), SEAL).replace(b"cabinet.test", b"cabinex.test"))
    words = ["--list", str(source), "--anchors", str(source.parent / "ca.pem"), "--at", f"{START:%Y-%m-%dT%H:%M:%S}"]
    done = check("--json", *words, "cabinex.test")
    about = {"valid": False, "reason": "content-changed", "generated": None, "entries": 0}
    assert json.loads(done.stdout) == {"domain": "cabinex.test", "listed": False, "names": [], "list": about}
    assert done.exit_code == 0


def test_the_command_that_cannot_run_says_why(source: Path) -> None:
    for words in (
        ["--list", "/nowhere", "--anchors", str(source.parent / "ca.pem")],
        ["--list", str(source), "--anchors", "/nowhere"],
        ["--list", str(source), "--anchors", str(source)],
        ["--list", str(source), "--anchors", str(source.parent / "ca.pem"), "--at", "soon"],
        ["--home", str(source.parent / "none")],
    ):
        done = check(*words, "a.test")
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
