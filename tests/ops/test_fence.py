"""Judged in a process of its own: the same verdicts, and whoever keeps it busy gets one too."""

import asyncio
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from multiprocessing import get_context
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import Temporary
from core.settings import Settings
from crypto.trust import BadTrust
from crypto.verdict import Reason, Verdict
from crypto.verify import verify_message
from ops import cell, lane
from ops.cli import main as cli
from ops.fence import Fence, TrustFiles
from ops.trust_files import Judging, Watch
from tests.support.pki import NOW, SIGNER, pki, signed
from tests.support.process import family, wait_until

FILES = TrustFiles(pki().root.certificate_pem, pki().mail_ca.certificate_pem, pki().crls())


@pytest.fixture
def fenced():
    made = Fence(FILES, processes=1, start="fork")
    yield made
    made.close()


def test_the_verdicts_are_those_of_the_profile(fenced):
    for raw in (signed(), signed().replace(b"Essai", b"Essaj"), b"From: a@b.test\r\n\r\nplain", b"\xff" * 200):
        assert fenced.judge(raw, SIGNER, NOW) == verify_message(raw, trust=FILES.load(), at=NOW, envelope_sender=SIGNER)


def test_who_keeps_the_process_busy_is_permerror_and_the_next_is_judged(fenced, monkeypatch):
    def endless(*_args, **_more):
        while True:
            pass

    monkeypatch.setattr(cell, "CPU_S", 0)  # the forked process begins with what stands here now
    monkeypatch.setattr(cell, "verify_message", endless)
    assert fenced.judge(signed(), SIGNER, NOW) == Verdict(Reason.SURPRISE)
    monkeypatch.undo()
    assert fenced.judge(signed(), SIGNER, NOW).reason is Reason.OK


def test_a_process_that_dies_is_permerror(fenced, monkeypatch):
    monkeypatch.setattr(cell, "verify_message", lambda *_args, **_more: os._exit(1))
    assert fenced.judge(signed(), SIGNER, NOW) == Verdict(Reason.SURPRISE)


def test_bad_trust_is_told_at_once_and_a_naive_time_is_our_mistake(fenced):
    with pytest.raises(BadTrust):
        Fence(TrustFiles(b"noise"))
    with pytest.raises(ValueError):
        fenced.judge(signed(), SIGNER, NOW.replace(tzinfo=None))
    assert NOW.tzinfo is UTC


def test_authorities_are_needed_where_something_is_judged_only(tmp_path: Path):
    judge = Judging(Settings.load(tmp_path))
    with pytest.raises(Temporary):
        judge(signed(), SIGNER, NOW)
    with pytest.raises(FileNotFoundError):
        judge.warm()
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_bytes(pki().root.certificate_pem)
    assert judge(signed(), SIGNER, NOW).reason is asyncio.run(judge.on_loop(signed(), SIGNER, NOW)).reason
    judge.close()


def test_threads_that_ask_first_together_share_one_fence(tmp_path: Path, monkeypatch):
    made: list[Fence] = []

    class Counted(Fence):
        def __init__(self, *arguments, **more):
            time.sleep(0.05)
            super().__init__(*arguments, **more)
            made.append(self)

    monkeypatch.setattr("ops.trust_files.Fence", Counted)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_bytes(pki().root.certificate_pem)
    judge = Judging(Settings.load(tmp_path))
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: judge(signed(), SIGNER, NOW), range(4)))) == 1
    judge.close()
    assert len(made) == 1


def test_a_changed_file_is_seen_once(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("ops.trust_files.LOOK_S", 0.0)
    path = tmp_path / "crl.pem"
    watch = Watch([path])
    assert not watch.changed()
    path.write_bytes(b"one")
    assert watch.changed() and not watch.changed()
    path.write_bytes(b"another")
    assert watch.changed()
    path.unlink()
    assert watch.changed()


def test_the_command_judges_each_file_whatever_lies_in_its_folders(tmp_path: Path):
    for folder in ("above", "lists"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README").write_bytes(b"noise")
    (tmp_path / "ca.pem").write_bytes(pki().root.certificate_pem)
    (tmp_path / "above" / "mid.pem").write_bytes(pki().mail_ca.certificate_pem)
    for n, crl in enumerate(pki().crls()):
        (tmp_path / "lists" / f"{n}.crl").write_bytes(crl)
    (tmp_path / "a.eml").write_bytes(signed())
    (tmp_path / "b.eml").write_bytes(signed().replace(b"Essai", b"Essaj").replace(b"Bonjour", b"Bonsoir"))
    (tmp_path / "c.eml").write_bytes(b"")
    words = ["verify", "--json", "--anchors", tmp_path / "ca.pem", "--intermediates", tmp_path / "above"]
    words += ["--at", NOW.isoformat(), *(tmp_path / f"{n}.eml" for n in "abc")]
    answers = {}
    for crls in (["--crls", tmp_path / "lists"], ["--crls", tmp_path / "above"], []):
        done = CliRunner().invoke(cli.app, list(map(str, [*words, *crls])))
        assert done.exit_code == 0, done.output
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert all(set(one) == {"file", "signature", "reason", "signer", "seconds"} for one in found)
        answers[len(answers)] = [one["signature"] for one in found]
    assert [answers[n][0] for n in range(3)] == ["pass", "temperror", "pass"]
    assert [answers[n][2] for n in range(3)] == ["none"] * 3


HONEST, HOSTILE = signed(), signed().replace(b"Essai", b"Essaj")
MIXED = [HOSTILE, HONEST, HOSTILE, HONEST]
APART = [Reason.SURPRISE, Reason.OK, Reason.SURPRISE, Reason.OK]


def when_hostile(act):
    """`verify_message`, but for a hostile message `act()` instead."""
    judged = cell.verify_message
    return lambda raw, **more: act() if raw == HOSTILE else judged(raw, **more)


def test_a_neighbour_that_kills_the_process_costs_nobody_else_the_verdict(fenced, monkeypatch):
    monkeypatch.setattr(cell, "verify_message", when_hostile(lambda: os._exit(1)))
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(lambda raw: fenced.judge(raw, SIGNER, NOW), MIXED))
    assert [verdict.reason for verdict in verdicts] == APART


def test_none_of_those_that_are_forked_together_holds_another_one_s_line():
    """Whose end would not be noticed while the other lives."""
    with ThreadPoolExecutor(8) as threads:
        cells = list(threads.map(lambda _n: cell.Cell(get_context("fork"), FILES), range(8)))
    for each in cells:
        each.process.kill()
        each.line.settimeout(60)
        assert each.line.recv(1) == b""
        each.kill()


def on_loop(fenced, raws):
    """What the event loop is told when it asks all of these at once."""

    async def ask():
        return await asyncio.gather(*(fenced.judged(raw, SIGNER, NOW) for raw in raws))

    return asyncio.run(ask())


def test_the_loop_hears_the_verdicts_of_the_profile_in_the_order_of_its_questions(fenced):
    raws = [signed(), HOSTILE, b"From: a@b.test\r\n\r\nplain", b"\xff" * 200, signed() + b"\r\n" * 500_000] * 5
    trust = FILES.load()
    assert on_loop(fenced, raws) == [verify_message(raw, trust=trust, at=NOW, envelope_sender=SIGNER) for raw in raws]


def test_on_one_lane_too_a_neighbour_costs_nobody_the_verdict(fenced, monkeypatch):
    monkeypatch.setattr(cell, "verify_message", when_hostile(lambda: os._exit(1)))
    assert [verdict.reason for verdict in on_loop(fenced, MIXED)] == APART


def test_a_process_that_is_stuck_on_a_lane_is_ended(fenced, monkeypatch):
    """Its CPU is not used, so that no limit of the kernel ends it."""
    monkeypatch.setattr(cell, "verify_message", when_hostile(lambda: time.sleep(600)))
    monkeypatch.setattr(lane, "WALL_S", 1.0)
    assert [verdict.reason for verdict in on_loop(fenced, MIXED)] == APART


@pytest.mark.parametrize("said", [b"noise, and no length in front", b"\0\0\0\4null", b'\0\0\0\7["ok!"]'])
def test_a_process_that_says_something_else_is_permerror(fenced, monkeypatch, said):
    monkeypatch.setattr(cell, "_answered", lambda *_args: said)
    assert on_loop(fenced, [HONEST, HONEST]) == [Verdict(Reason.SURPRISE)] * 2
    assert fenced.judge(HONEST, SIGNER, NOW) == Verdict(Reason.SURPRISE)


def test_what_was_asked_before_the_fence_was_closed_is_answered():
    async def ask():
        fenced = Fence(FILES, processes=1, start="fork")
        asked = [asyncio.ensure_future(fenced.judged(HONEST, SIGNER, NOW)) for _ in range(20)]
        await asked[0]
        fenced.close()
        return [(await one).reason for one in asked]

    assert set(asyncio.run(ask())) == {Reason.OK}


SERVER = """
import time
from ops.fence import Fence
from tests.ops.test_fence import FILES
from tests.support.pki import NOW, SIGNER, signed

fence = Fence(FILES)
print(fence.judge(signed(), SIGNER, NOW).reason.value, flush=True)
time.sleep(600)
"""


def test_a_server_that_is_killed_leaves_nobody_behind():
    """Neither those who judge nor the helper that made them."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert server.stdout is not None and server.stdout.readline() == b"ok\n"
    others = [pid for pid in family(server.pid) if pid != server.pid]
    assert len(others) >= 2
    server.kill()
    server.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in others), what="the end of its processes")
