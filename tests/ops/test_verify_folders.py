"""`pli verify-data` over typed folder names and packs: one flipped bit in each, and what each must not say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from crypto.sealed import seal
from directory.holders import destroy_holder, holder_key
from mail import kept_index, packs
from mail.erasure import forget_mail
from mail.folders import create_folder, delete_folder, subscribe
from mail.imap.packed import write_texts
from mail.imap.packing import Packing
from mail.tables import folder_indexes, folder_messages, folder_packs, folders, lost_names
from ops.verify.findings import Report
from ops.verify_data import verify
from tests.support.damage import change, checked, flip, one
from tests.support.kept import Kept, keep, open_kept, written

pytestmark = pytest.mark.slow

NAME = "Patients/Mme LÉVÊQUE"  # invented


@pytest.fixture
def kept(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:  # noqa: F811
    """Two messages in one pack, and two typed folders: the one above is made, too."""
    monkeypatch.setattr(packs, "IMAP_PACK_LEAST", 2)
    found = open_kept(database_url, tmp_path)
    for text in ("première", "deuxième"):
        keep(found, written(text), found.pharmacy)
    found.db.run(create_folder, found.keyring, found.pharmacy.mailbox.id, NAME, found.clock.now())
    assert Packing(found.db, found.keyring, found.blobs).gather(found.pharmacy.inbox_id)
    yield found
    found.db.close()


def inbox(kept: Kept, what: str) -> str:
    return f"folder {kept.pharmacy.inbox_id}: {what}"


def test_whole(kept: Kept):
    report = checked(kept)
    assert report.clean and not report.notes, report
    assert {kind: report.checked[kind] for kind in ("folders", "folder names", "packs")} == {
        "folders": 14,
        "folder names": 2,
        "packs": 1,
    }


@pytest.mark.parametrize("change_to", ["octets", "flags"])
def test_a_kept_index_that_the_rows_do_not_say(kept: Kept, monkeypatch: pytest.MonkeyPatch, change_to: str):
    monkeypatch.setattr(kept_index, "IMAP_KEPT_INDEX_LEAST", 1)
    Packing(kept.db, kept.keyring, kept.blobs).keep_index(kept.pharmacy.inbox_id)
    assert checked(kept).clean
    if change_to == "octets":
        flip(kept, folder_indexes, "octets")
    else:  # not by us: our own changes have a modseq
        change(kept, update(folder_messages).values(flags="\\Seen"))
    assert one(kept) == inbox(kept, "its kept index is not what its rows say")


@pytest.mark.parametrize("half", ["answers", "texts"])
def test_one_changed_bit_in_a_pack(kept: Kept, half: str):
    flip(kept, folder_packs, f"sealed_{half}")
    assert one(kept) == inbox(kept, f"the {half} of its pack from 1 do not open")


def test_the_halves_of_a_pack_exchanged(kept: Kept):
    """Both are whole: only what they are bound to tells."""
    change(kept, update(folder_packs).values(sealed_texts=folder_packs.c.sealed_answers))
    assert one(kept) == inbox(kept, "the texts of its pack from 1 do not open")


def test_a_sealed_half_that_is_no_pack(kept: Kept):
    holder = kept.db.read(holder_key, kept.keyring, kept.pharmacy.mailbox.holder_id)
    for octets in (b"", b"\x00" * 40, write_texts([])[:-3]):
        sealed = seal(holder, octets, packs.texts_aad(kept.pharmacy.inbox_id, 1))
        change(kept, update(folder_packs).values(sealed_texts=sealed))
        assert one(kept) == inbox(kept, "the texts of its pack from 1 do not open")


def test_a_pack_that_outlives_a_message(kept: Kept):
    """What was expunged must not be read from a pack."""
    here = folder_messages.c.folder_id == kept.pharmacy.inbox_id
    change(kept, delete(folder_messages).where(here, folder_messages.c.uid == 2))
    told = [text for text in checked(kept).problems if "pack" in text]
    assert told == [
        inbox(kept, f"the {half} of its pack from 1 speak of a message that is not there")
        for half in ("answers", "texts")
    ]


def test_a_pack_that_says_it_ends_before_its_end(kept: Kept):
    change(kept, update(folder_packs).values(last_uid=1))
    assert checked(kept).found == 2


def test_packs_that_overlap(kept: Kept):
    """The second is a copy of the first under another beginning: it does not open either."""
    columns = ["folder_id", "first_uid", "last_uid", "sealed_answers", "sealed_texts"]
    table = folder_packs.c
    copied = folder_packs.select().with_only_columns(
        table.folder_id, table.first_uid + 1, table.last_uid, table.sealed_answers, table.sealed_texts
    )
    change(kept, insert(folder_packs).from_select(columns, copied))
    assert inbox(kept, "its packs from 1 and from 2 overlap") in checked(kept).problems


def test_one_changed_bit_in_a_typed_name(kept: Kept):
    flip(kept, folders, "sealed_name")
    assert one(kept).endswith(": its sealed name does not open")


def test_one_changed_bit_in_a_name_that_stayed_subscribed(kept: Kept):
    here = kept.keyring, kept.pharmacy.mailbox.id, NAME
    kept.db.run(subscribe, *here, True)
    kept.db.run(delete_folder, *here, kept.clock.now())
    assert checked(kept).clean and checked(kept).checked["lost names"] == 1
    flip(kept, lost_names, "sealed_name")
    assert one(kept).endswith(": its sealed name does not open")
    kept.db.run(forget_mail, kept.pharmacy.mailbox.id, kept.pharmacy.mailbox.holder_id, kept.clock.now())
    assert kept.db.read(lambda session: session.execute(select(lost_names)).all()) == []


def test_a_blind_index_that_is_another_name_s(kept: Kept):
    typed = folders.c.sealed_name.is_not(None)
    change(kept, update(folders).where(typed).values(name=folders.c.name.concat("0")))
    report = checked(kept)
    assert report.found == 2
    assert all(text.endswith(": its blind index does not fit its name") for text in report.problems)


def test_a_name_from_before_names_were_sealed_is_a_note(kept: Kept):
    typed = folders.c.sealed_name.is_not(None)
    change(kept, update(folders).where(typed).values(sealed_name=None))
    report = checked(kept)
    assert report.clean and len(report.notes) == 2


def test_a_destroyed_holder_is_no_damage(kept: Kept):
    kept.db.run(destroy_holder, kept.pharmacy.mailbox.holder_id)
    report = checked(kept)
    assert report.clean, report.problems
    assert report.checked["folders shredded"] == 8 and "packs" not in report.checked


def test_nothing_personal_is_told(kept: Kept):
    change(kept, update(folders).where(folders.c.sealed_name.is_not(None)).values(sealed_name=b"x"))
    flip(kept, folder_packs, "sealed_texts")
    report = checked(kept)
    assert report.found == 3 and "LÉVÊQUE" not in " ".join((*report.problems, *report.notes))


def test_a_pack_dropped_while_we_look_is_no_damage(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    stale = [packs.Stretch(1, 2), packs.Stretch(9, 10)]
    monkeypatch.setattr("ops.verify.folders.stretches", lambda _session, _folder_id: stale)
    report: Report = verify(kept.db, kept.keyring, kept.trail, kept.blobs.root)
    assert report.clean and report.checked["packs"] == 1
