"""`pli verify-data`: silent over what is whole, and it finds one flipped byte in each kind of stored thing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.orm import Session

from core.tables import audit, counters, outbox, tallies
from directory.holders import destroy_holder
from directory.patients import get_patient
from directory.tables import holders, mailboxes, patients
from mail.accounts import get_account
from mail.app_passwords import add
from mail.tables import (
    accounts,
    app_passwords,
    bodies,
    expunged,
    folder_messages,
    folders,
    message_keys,
    messages,
    seal_keys,
)
from ops.verify_data import verify
from record.tables import documents, order_moves, orders
from tests.support.damage import change, checked, flip, flipped, one
from tests.support.kept import Kept, asked, keep, open_kept, ordered, prescribed, written

pytestmark = pytest.mark.slow


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Iterator[Kept]:  # noqa: F811
    found = open_kept(database_url, tmp_path)
    keep(found, written("petit"), found.pharmacy)
    keep(found, written("à deux"), found.pharmacy, found.patient)
    keep(found, written("grand", 400_000), found.pharmacy, found.patient)
    yield found
    found.db.close()


def document_file(kept: Kept) -> Path:
    query = select(documents.c.id).where(documents.c.storage == "file")
    found: int = kept.db.read(lambda session: session.execute(query).scalar_one())
    return kept.blobs.path(found)


def body_file(kept: Kept) -> Path:
    return next(file for file in kept.blobs.root.glob("??/*") if file.is_file())


def test_whole(kept: Kept):
    report = checked(kept)
    assert report.clean and not report.problems and not report.notes
    assert report.checked == {
        "accounts": 2,
        "audit entries": 3,
        "bodies in a file": 1,
        "bodies in a row": 2,
        "folders": 12,
        "holders": 3,
        "mailboxes": 2,
        "message keys": 5,
        "messages": 3,
        "patients": 1,
        "row counts": 3,
        "seals": 1,
    }


def test_an_empty_instance_is_whole(database_url: str, tmp_path: Path):  # noqa: F811
    kept = open_kept(database_url, tmp_path)
    assert checked(kept).clean
    kept.db.close()


@pytest.mark.parametrize(
    ("table", "column", "says"),
    [
        (bodies, "sealed", "its body (row) does not open"),
        (bodies, "size", "its body has not the size"),
        (messages, "size", "its body has not the size"),
        (messages, "sealed_meta", "its sealed meta-data do not open"),
        (messages, "received_at", "another verdict or time"),
        (message_keys, "wrapped", "does not open"),
        (mailboxes, "sealed_address", "its sealed field does not open"),
        (mailboxes, "lookup", "its row does not fit"),
        (patients, "sealed_identity", "its sealed field does not open"),
        (patients, "lookup", "its row does not fit"),
        (accounts, "sealed_profile", "its sealed field does not open"),
        (accounts, "lookup", "its row does not fit"),
        (seal_keys, "sealed", "its sealed field does not open"),
        (audit, "tag", "was altered"),
        (audit, "at", "was altered"),
        (audit, "ref", "was altered"),
        (tallies, "value", "row count messages: 4 written down, 3 found"),
    ],
)
def test_one_changed_bit(kept: Kept, table: Table, column: str, says: str):
    flip(kept, table, column)
    assert says in one(kept)


def test_a_changed_label_of_a_device(kept: Kept):
    account = kept.db.read(get_account, kept.keyring, kept.pharmacy.account_id)
    number, _password = kept.db.run(add, kept.keyring, account, "Téléphone", kept.clock.now())
    report = checked(kept)
    assert report.clean and report.checked["device passwords"] == 1
    flip(kept, app_passwords, "sealed_label")
    assert one(kept) == f"device password {number}: its sealed field does not open"


def test_a_changed_holder_key(kept: Kept):
    flip(kept, holders, "wrapped_key", holders.c.id == kept.pharmacy.mailbox.holder_id)
    assert one(kept) == f"holder {kept.pharmacy.mailbox.holder_id}: its wrapped key does not open"


def test_the_verdict_of_a_row_is_not_believed(kept: Kept):
    change(kept, update(messages).where(messages.c.id == keep(kept, written("x"), kept.patient)).values(verdict="pass"))
    assert "another verdict or time" in one(kept)


@pytest.fixture
def recorded(kept: Kept) -> Kept:
    """With two documents, one in its row and one in a file, and an order with a question."""
    asked(kept, ordered(kept, prescribed(kept)))
    return kept


def test_a_whole_record(recorded: Kept):
    report = checked(recorded)
    assert report.clean, report.problems
    assert report.checked["documents"] == 2 and report.checked["orders"] == 1 and not report.notes


@pytest.mark.parametrize(
    ("table", "column", "says"),
    [
        (documents, "sealed", "its content (row) does not open"),
        (documents, "sealed_meta", "its sealed meta-data do not open"),
        (documents, "wrapped_key", "its wrapped key does not open"),
        (documents, "content_blind", "its blind index does not fit its content"),
        (orders, "sealed_detail", "its detail does not open"),
        (orders, "version", "its detail does not open in this version"),
        (orders, "wrapped_key", "its wrapped key does not open"),
        (order_moves, "sealed_note", "does not open"),
    ],
)
def test_one_changed_bit_in_the_record(recorded: Kept, table: Table, column: str, says: str):
    flip(recorded, table, column)
    assert says in one(recorded)


def test_one_changed_bit_in_a_document_file(recorded: Kept):
    file = document_file(recorded)
    file.write_bytes(flipped(file.read_bytes()))
    assert "its content (file) does not open" in one(recorded)
    file.unlink()
    assert "the file of its content is missing" in one(recorded)


@pytest.mark.parametrize("name", ["documents", "orders"])
def test_row_counts_of_the_record(recorded: Kept, name: str):
    flip(recorded, tallies, "value", tallies.c.name == name)
    assert one(recorded).startswith(f"row count {name}: ")


def test_an_order_moved_behind_the_back_of_the_trade(recorded: Kept):
    change(recorded, update(orders).values(state="ready"))
    assert "its state is not the one of its last move" in one(recorded)


def test_a_destroyed_patient_is_no_damage(recorded: Kept):
    holder = recorded.db.read(get_patient, recorded.patient_id).holder_id
    recorded.db.run(destroy_holder, holder)
    report = checked(recorded)
    assert report.clean, report.problems
    assert report.checked["documents shredded"] == 2 and report.checked["orders shredded"] == 1


@pytest.mark.parametrize("where", [0, 40, 100_000, -2])
def test_one_changed_bit_in_a_file(kept: Kept, where: int):
    file = body_file(kept)
    data = file.read_bytes()
    file.write_bytes(flipped(data, where % len(data)))
    assert "its body (file) does not open" in one(kept)


def test_a_cut_file_and_a_lost_one(kept: Kept):
    file = body_file(kept)
    file.write_bytes(file.read_bytes()[:-1])
    assert "its body (file) does not open" in one(kept)
    file.unlink()
    assert "the file of its body is missing" in one(kept)


def test_a_body_put_in_the_place_of_another(kept: Kept):
    """Both are whole: only what they are bound to tells."""
    with_rows = kept.db.read(lambda s: s.execute(select(bodies.c.id, bodies.c.sealed).limit(2)).all())
    change(kept, update(bodies).where(bodies.c.id == with_rows[0].id).values(sealed=with_rows[1].sealed))
    assert "its body (row) does not open" in one(kept)


def test_an_entry_taken_out_of_the_trail(kept: Kept):
    change(kept, delete(audit).where(audit.c.seq == 2))
    assert "entries 2 to 2 are missing" in one(kept)


def test_the_last_entry_taken_out_of_the_trail(kept: Kept):
    change(kept, delete(audit).where(audit.c.seq == 3))
    assert "3 entries were written, the last one kept is 2" in one(kept)


def test_a_lost_message(kept: Kept):
    def lose(session: Session) -> int:
        found: int = session.execute(select(bodies.c.id).where(bodies.c.storage == "row").limit(1)).scalar_one()
        message = session.execute(select(messages.c.id).where(messages.c.body_id == found)).scalar_one()
        for table in (message_keys, folder_messages):
            session.execute(delete(table).where(table.c.message_id == message))
        session.execute(delete(messages).where(messages.c.id == message))
        return found

    body = kept.db.run(lose)
    assert set(checked(kept).problems) == {
        f"body {body}: belongs to no message",
        "row count messages: 3 written down, 2 found",
    }


def test_a_counter_set_back_would_give_a_uid_twice(kept: Kept):
    inbox = kept.pharmacy.inbox_id
    change(kept, update(counters).where(counters.c.name == f"uid:{inbox}").values(value=2))
    assert one(kept) == f"folder {inbox}: uid 3 is used, its counter says 2"


def test_a_counter_that_is_gone(kept: Kept):
    inbox = kept.pharmacy.inbox_id
    change(kept, delete(counters).where(counters.c.name == f"modseq:{inbox}"))
    assert one(kept) == f"folder {inbox}: modseq 3 is used, its counter says None"


def test_an_expunged_uid_counts_too(kept: Kept):
    inbox = kept.patient.inbox_id
    change(kept, insert(expunged).values(folder_id=inbox, uid=99, modseq=1))
    assert one(kept) == f"folder {inbox}: uid 99 is used, its counter says 2"


def test_a_copy_whose_owner_holds_no_key(kept: Kept):
    holder = kept.patient.mailbox.holder_id
    change(kept, delete(message_keys).where(message_keys.c.holder_id == holder))
    assert len(checked(kept).problems) == 2


def test_a_folder_of_nobody_and_a_promise_in_no_state(kept: Kept):
    change(
        kept,
        insert(folders).values(id=1, mailbox_id=2, name="x", special_use=None, uidvalidity=1, subscribed=False),
    )
    assert one(kept) == "folder 1: belongs to no mailbox"
    values = {"id": 1, "kind": "x", "ref": 1, "due_at": 0, "attempts": 0, "leased_until": 0, "state": "vaiting"}
    change(kept, insert(outbox).values(**values))
    assert "outbox 1: its state is none that exists" in checked(kept).problems


def test_a_destroyed_holder_is_no_damage(kept: Kept):
    kept.db.run(destroy_holder, kept.pharmacy.mailbox.holder_id)
    report = checked(kept)
    assert report.clean, report.problems
    assert report.checked["holders destroyed"] == 1
    assert report.checked["messages shredded"] == 1
    assert report.checked["bodies in a file"] == 1  # the patient still reads it
    assert report.checked["mailboxes shredded"] == 1
    assert report.checked["accounts shredded"] == 1


def test_a_file_without_a_row_is_a_note(kept: Kept):
    kept.blobs.path(12345).write_bytes(b"left by a crash")
    report = checked(kept)
    assert report.clean
    assert report.notes == ("1 stored files belong to no row; the server removes them when it starts",)


def test_many_problems_are_counted_and_not_all_told(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ops.verify.findings.MOST_KEPT", 1)
    change(kept, update(messages).values(verdict="pass"))
    report = checked(kept)
    assert report.found == 3 and len(report.problems) == 1 and not report.clean


def test_progress_is_told(kept: Kept):
    seen: list[tuple[str, int, int]] = []
    verify(kept.db, kept.keyring, kept.trail, kept.blobs.root, lambda *step: seen.append(step))
    assert ("messages", 0, 3) in seen and ("messages", 3, 3) in seen
    assert {what for what, _, _ in seen} >= {"holders", "mailboxes", "patients", "accounts", "messages"}


def test_nothing_personal_is_told(kept: Kept):
    for table, column in ((mailboxes, "sealed_address"), (patients, "lookup"), (accounts, "sealed_profile")):
        flip(kept, table, column)
    told = " ".join(checked(kept).problems)
    assert "@" not in told and "LÉVÊQUE" not in told
