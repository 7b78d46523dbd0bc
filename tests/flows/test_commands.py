"""Every command explains itself, answers errors in one line, and `verify-data` sees a flipped octet."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ops.cli import main as cli
from ops.demo.cast import PATIENTS
from ops.demo_files import PHOTO_DATE, photo_pdf, prescription_pdf
from tests.support.commands import leaves, root
from tests.support.flow import Flow, cast
from tests.support.letters import PDF
from tests.support.logscan import assert_clean
from tests.support.pli_server import PLI, ROOT, PliServer

pytestmark = pytest.mark.slow

COMMANDS = [words for words, _ in leaves(root())]
PHARMACY = "pharmacie.1@demo.mssante.test"
PATIENT = f"{PATIENTS[0].ins.matricule}@patient.mssante.fr"

# What is said to whoever is wrong; `HOME` is an instance that is stopped, `NONE` a folder without one.
WRONG = {
    "account add nobody --role physician --password x": "",
    f"account add {PHARMACY} --role pharmacist --kind ORG --password demo-demo": "existe",
    f"account add {PATIENT} --role patient --kind PAT --password demo-demo": "patient",
    "account add x@demo.mssante.test --role king --password demo-demo": "compte",
    "account add x@demo.mssante.test --role physician --kind XYZ --password demo-demo": "type",
    "account add x@demo.mssante.test --role software --kind APP --password demo-demo": "certificate",
    "account add x@demo.mssante.test --role software --kind APP --certificate NOWHERE.pem": "NOWHERE.pem",
    "account bulk --count 3 --address box@bench.example --password p": "{n}",
    "account bulk --count 0 --address box{n}@bench.example --password p": "count",
    "account bulk --count many --address box{n}@bench.example --password p": "count",
    "account suspend nobody@demo.mssante.test": "mailbox",
    "account reopen nobody@demo.mssante.test": "mailbox",
    "order list --by nobody@demo.mssante.test": "login",
    "order list": "--by",
    f"order show AAA-AAAA --by {PHARMACY}": "order",
    f"order move AAA-AAAA ready --by {PHARMACY}": "order",
    "order list --by helene.kerouanton@demo.mssante.test": "pharmacist",
    f"record consent peut-être --by {PATIENT}": "oui",
    f"record consent oui --by {PHARMACY}": "patient",
    f"record reconcile 1 file --by {PATIENT}": "professional",
    f"record reconcile 1 burn --by {PHARMACY}": "file or refuse",
    f"record trace --by {PHARMACY}": "patient",
    "seal renew nobody@demo.mssante.test": "mailbox",
    "seal put nobody@demo.mssante.test --certificate NOWHERE.pem --key NOWHERE.pem": "NOWHERE.pem",
    "seal list --within soon": "within",
    "order": "",
    "brew": "brew",
    "account list --tea": "--tea",
}
NOWHERE = [
    "account list",
    f"order list --by {PHARMACY}",
    f"record list --by {PATIENT}",
    "verify-data",
    "serve",
    "worker",
]


@pytest.fixture(scope="module")
def stopped(copy: Callable[[str], Path]) -> Path:
    """The home of an instance with two letters in it, one small and one that is a file; its server is stopped."""
    with PliServer(copy("home"), env={"PLI_MAIL__ROW_OCTETS": "65536"}) as server:
        flow = Flow(server)
        for name, pdf in (("texte.pdf", prescription_pdf(PATIENTS[0], PHOTO_DATE)), ("photo.pdf", photo_pdf())):
            letter = flow.write(flow.patient(0), PHARMACY, "Ordonnance inventée", files=[(name, PDF, pdf)])
            assert flow.submit(flow.patient(0), letter.raw, PHARMACY).code == 250
            flow.fetch(flow.pharmacy, letter.message_id)
        flow.wait_work_done()
    flow.assert_clean()
    return server.home


def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str, home: Path) -> tuple:
    """The command line in this very process; code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["pli", *line.split(), *(["--home", str(home)] if home.name else [])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return (ended.value.code, *capfd.readouterr())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], monkeypatch, capfd) -> None:
    code, shown, errors = here(monkeypatch, capfd, " ".join((*words, "--help")), Path())
    assert (code, errors) == (0, "")
    assert "--home" in shown
    assert "Usage" in shown


def test_the_program_itself_explains_itself() -> None:
    done = subprocess.run([*PLI, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(words[0] in done.stdout for words in COMMANDS)


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_answered_in_one_line(line: str, stopped: Path, monkeypatch, capfd) -> None:
    whole = line if line in ("order", "brew") else f"{line} --home {stopped}"
    code, shown, errors = here(monkeypatch, capfd, whole, Path())
    one_line(code, shown, errors, WRONG[line])


@pytest.mark.parametrize("line", NOWHERE)
def test_without_an_instance_it_is_said_so(line: str, tmp_path: Path, monkeypatch, capfd) -> None:
    code, shown, errors = here(monkeypatch, capfd, line, tmp_path / "none")
    one_line(code, shown, errors, "pli migrate")
    assert not (tmp_path / "none").exists()


def one_line(code: int, shown: str, errors: str, why: str) -> None:
    assert code not in (0, None)
    assert errors.startswith("pli: ")
    assert errors.count("\n") == 1
    assert shown == ""
    assert why in errors
    assert_clean(errors, [word for word in cast() if word not in ("Exploitation",)])


def test_wrong_settings_are_one_line(stopped: Path) -> None:
    for variable in ("PLI_LISTEN__PORT_OFFSET", "PLI_NONSENSE"):
        server = PliServer(stopped, env={variable: "high"})
        done = subprocess.run(
            [*PLI, "account", "list", "--home", stopped], cwd=ROOT, env=server.env, capture_output=True, text=True
        )
        one_line(done.returncode, done.stdout, done.stderr, "")


def test_whole_data_is_whole(stopped: Path, monkeypatch, capfd) -> None:
    code, shown, errors = here(monkeypatch, capfd, "verify-data --json", stopped)
    assert (code, errors) == (0, "")
    told = json.loads(shown)
    assert told["problems"] == []
    assert told["checked"]["bodies in a file"] >= 1
    assert told["checked"]["bodies in a row"] >= 1


def flipped(whole: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


def flip_file(home: Path) -> Callable[[], None]:
    """One octet in the middle of the largest body file; gives back how to mend it."""
    path = max((path for path in (home / "blobs").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    whole = path.read_bytes()
    path.write_bytes(flipped(whole))
    return lambda: path.write_bytes(whole) and None


def changing(statement: str) -> Callable[[Path], Callable[[], None]]:
    """A change of the database made behind the server's back; the file is put back afterwards."""

    def damage(home: Path) -> Callable[[], None]:
        path = home / "pli.db"
        whole = path.read_bytes()
        with closing(sqlite3.connect(path)) as database:
            database.create_function("flipped", 1, flipped)
            assert database.execute(statement).rowcount >= 1
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return lambda: path.write_bytes(whole) and None

    return damage


DAMAGE = {
    "a body in a file": flip_file,
    "a body in a row": changing("UPDATE bodies SET sealed = flipped(sealed) WHERE sealed IS NOT NULL"),
    "a message that is gone": changing("DELETE FROM messages WHERE id = (SELECT min(id) FROM messages)"),
    "a row count": changing("UPDATE tallies SET value = value + 1 WHERE name = 'documents'"),
    "an entry of the trail": changing("UPDATE audit SET outcome = 'denied' WHERE seq = 2"),
    "an entry of the trail that is gone": changing("DELETE FROM audit WHERE seq = 2"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(what: str, stopped: Path, monkeypatch, capfd) -> None:
    mend = DAMAGE[what](stopped)
    try:
        code, shown, errors = here(monkeypatch, capfd, "verify-data --json", stopped)
    finally:
        mend()
    assert (code, errors) == (1, "")
    problems = json.loads(shown)["problems"]
    assert problems
    assert_clean("\n".join(problems), cast())
    assert here(monkeypatch, capfd, "verify-data", stopped)[0] == 0
