"""Malformed sessions, messages, chat histories and commands by the thousand: none raises, takes long, or grows us."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EACH = 4000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_malformed_breaks_or_blocks_a_reader() -> None:
    command = [sys.executable, "-m", "tests.fuzz.bounded", "--each", str(EACH)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["tried"] == 4 * EACH
