"""The ledger judges rightly: proved on Postfix and Dovecot, whose mailboxes the tests then damage."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.ledger import Entry, Found, Ledger, State
from tests.support.postfix_dovecot import PostfixDovecot
from tests.support.process import wait_until
from tests.support.senders import ImapSource, Senders, check, found
from tests.support.smtp_client import Answer, SmtpClient, SmtpTarget

OK, TRY_LATER, NEVER = (Answer(code, "", after_data=True) for code in (250, 451, 554))
EARLY = Answer(451, "", after_data=False)


@pytest.mark.parametrize(
    ("answers", "broken", "state"),
    [
        ([], 0, State.FAIL),
        ([EARLY], 0, State.FAIL),
        ([NEVER], 0, State.FAIL),
        ([TRY_LATER], 0, State.UNKNOWN),
        ([], 1, State.UNKNOWN),
        ([NEVER], 1, State.UNKNOWN),
        ([TRY_LATER, OK], 0, State.OK),
        ([OK], 1, State.OK),
    ],
)
def test_state_of_an_entry(answers: list[Answer], broken: int, state: State) -> None:
    assert Entry(0, "a@b.example", answers, broken).state is state


@pytest.fixture
def ledger() -> Ledger:
    """Three messages: taken, nobody knows, refused."""
    ledger = Ledger(["a@b.example"])
    for answers in ([OK], [TRY_LATER], [NEVER]):
        ledger.note(ledger.new(), answers[0])
    return ledger


def as_found(ledger: Ledger, *numbers: int) -> list[Found]:
    raws = [b"Received: here\r\n" + ledger.message(ledger.entries[number]) for number in numbers]
    return [item for raw in raws if (item := ledger.recognise("a@b.example", raw))]


def test_taken_once_and_unknown_at_most_once_is_clean(ledger: Ledger) -> None:
    assert ledger.compare(as_found(ledger, 0)).clean
    assert ledger.compare(as_found(ledger, 0, 1)).clean


def test_each_kind_of_damage_is_seen(ledger: Ledger) -> None:
    assert ledger.compare(as_found(ledger, 1)).lost == [0]
    assert ledger.compare(as_found(ledger, 0, 0)).repeated == [0]
    assert ledger.compare(as_found(ledger, 0, 1, 1)).repeated == [1]
    assert ledger.compare(as_found(ledger, 0, 2)).unexpected == [2]
    assert ledger.compare([replace(item, recipient="x@b.example") for item in as_found(ledger, 0)]).unexpected == [0]
    torn = ledger.message(ledger.entries[0])[:-1] + b"?"
    assert ledger.compare([item for item in [ledger.recognise("a@b.example", torn)] if item]).torn == [0]


def test_another_run_is_not_recognised(ledger: Ledger) -> None:
    other = Ledger(["a@b.example"])
    assert other.recognise("a@b.example", ledger.message(ledger.entries[0])) is None


def test_filing_is_judged_by_message_id(ledger: Ledger) -> None:
    first, second = ledger.message_id(0), ledger.message_id(1)
    assert ledger.misfiled({first: 1}) == {}
    assert ledger.misfiled({first: 1, second: 1}) == {}
    assert ledger.misfiled({}) == {0: 0}
    assert ledger.misfiled({first: 2, second: 2}) == {0: 2, 1: 2}


@pytest.fixture(scope="module")
def mail() -> Iterator[PostfixDovecot]:
    home = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
    home.chmod(0o755)
    with PostfixDovecot(home, users=3, password="pw", delivery="virtual") as mail:
        yield mail
    shutil.rmtree(home)


def run(mail: PostfixDovecot, wanted: int = 200) -> tuple[Ledger, ImapSource]:
    ledger, source = Ledger(f"box{n}@{mail.domain}" for n in range(3)), ImapSource(mail.imap, "pw")
    with Senders(ledger, SmtpTarget(mail.smtp), limit=1000) as senders:
        senders.wait_acked(wanted)
    wait_until(lambda: len(list(found(ledger, source))) >= ledger.acked, what="Postfix's queue")
    return ledger, source


@pytest.mark.slow
@pytest.mark.root
def test_damage_in_real_mailboxes_is_seen(mail: PostfixDovecot) -> None:
    ledger, source = run(mail)
    assert check(ledger, source).clean
    files = sorted((mail.home / "mail").glob("*/new/*"))
    files[0].unlink()
    shutil.copy2(files[1], files[1].with_name("1.copy"))
    shutil.chown(files[1].with_name("1.copy"), "nobody", "nogroup")
    files[2].write_bytes(files[2].read_bytes()[:-2] + b"?\n")
    finding = check(ledger, source)
    assert [len(kind) for kind in (finding.lost, finding.repeated, finding.torn, finding.unexpected)] == [1, 1, 1, 0]


@pytest.mark.slow
@pytest.mark.root
def test_the_client_notes_a_refusal_before_the_data(mail: PostfixDovecot) -> None:
    with SmtpClient(SmtpTarget(mail.smtp)) as client:
        answer = client.send(f"nobody@{mail.domain}", b"\r\n")
        assert (answer.code, answer.after_data) == (550, False)
        assert client.send(f"box0@{mail.domain}", b"Subject: dot\r\n\r\n.\r\n").code == 250
