"""Packs: FETCH and SEARCH answer the same with and without them; nothing expunged stays in one."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crypto.sealed import SealBroken, unseal
from directory.holders import destroy_holder
from mail import folder_rows, packs
from mail.imap import packing
from mail.imap.memory import Known
from mail.imap.packed import Packed, Text, Texts, read_answers, write_answers, write_texts
from mail.imap.packing import Packing
from mail.limits import IMAP_PACK_LEAST
from mail.meta import Answers
from mail.tables import folder_packs
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse

QUERIES = (
    "TEXT aiguille7",
    "BODY aiguille7",
    "TEXT sujet7",
    "BODY sujet7",
    "TEXT feuille7.pdf",
    "BODY feuille7.pdf",
    'TEXT "mots de la lettre"',
    "SUBJECT sujet7 TEXT lettre",
    "NOT BODY aiguille7",
    "OR TEXT aiguille7 SUBJECT sujet12",
    'TEXT ""',
    "CHARSET UTF-8 BODY {5+}\r\nété",
    "SENTSINCE 2-Jun-2026 BODY aiguille",
)
fields = st.binary(max_size=30)
texts = st.text(alphabet="ab é\n", max_size=12)


def letter(number: int) -> bytes:
    return (
        f"From: A <a{number}@example.test>\r\nTo: b@example.test\r\nSubject: sujet{number}\r\n"
        f"Date: Mon, {1 + number % 28:02} Jun 2026 10:00:00 +0200\r\nMessage-ID: <{number}@example.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=borne\r\n\r\n--borne\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"aiguille{number} été\r\nmots   de\r\nla lettre\r\n--borne\r\n"
        f"Content-Type: application/pdf; name=feuille{number}.pdf\r\n\r\n%PDF\r\n--borne--\r\n"
    ).encode()


@given(st.lists(st.tuples(st.integers(1, 2**31), st.integers(1, 2**62), *[fields] * 4), max_size=8))
def test_answers_come_back(rows: list[tuple[int, int, bytes, bytes, bytes, bytes]]) -> None:
    given_ = [
        Packed(uid, message, Known(b"k" * 32, Answers(one, two, three, "[é]"), four or None))
        for uid, message, one, two, three, four in rows
    ]
    back = read_answers(write_answers(given_))
    assert [(one.uid, one.message_id, one.known.answers, one.known.header, one.known.key) for one in back] == [
        (one.uid, one.message_id, one.known.answers, one.known.header, one.known.key) for one in given_
    ]


@given(st.lists(st.tuples(texts, texts), max_size=8), st.text(alphabet="ab é", max_size=3), st.booleans())
def test_what_a_pack_holds_is_what_its_texts_hold(pairs: list[tuple[str, str]], wanted: str, header: bool) -> None:
    written = write_texts([Text(uid, *pair) for uid, pair in enumerate(pairs, 1)])
    expected = {uid for uid, (head, body) in enumerate(pairs, 1) if wanted in body or (header and wanted in head)}
    assert Texts(written).holding(wanted, header=header) == expected


async def fill(house: ImapHouse, count: int = IMAP_PACK_LEAST) -> None:
    for number in range(1, count + 1):
        await house.deliver(letter(number))


def gather(house: ImapHouse) -> int:
    """How many packs INBOX has then."""
    maker, folder = Packing(house.db, house.keyring, house.blobs), house.boxes[LEA].inbox_id
    while maker.gather(folder):
        pass
    return len(house.db.read(packs.stretches, folder))


async def answers(house: ImapHouse) -> list[list[str]]:
    """What a client sees, of a server that remembers nothing."""
    client = await RawClient.connect(await house.serve())
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.command("SELECT INBOX")
    asked = ["FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)", "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])"]
    asked += ["SEARCH " + query for query in QUERIES]
    said = [await client.command(one) for one in [*asked, "FETCH 3:9 (BODY.PEEK[TEXT] BODY.PEEK[1])"]]
    await client.close()
    assert all(" OK " in one[-1] for one in said), [one[-1] for one in said]
    return said


async def test_clients_see_no_difference(house: ImapHouse) -> None:
    await fill(house)
    await house.deliver(b"Subject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n\r\naiguille7\r\n")
    before = await answers(house)
    assert gather(house) == 1
    assert await answers(house) == before
    assert before[2][0] == "* SEARCH 7 65"
    for number in range(100, 103):  # newer than the pack
        await house.deliver(letter(number))
    assert (await answers(house))[2][0] == "* SEARCH 7 65"


async def test_a_few_new_messages_wait(house: ImapHouse) -> None:
    await fill(house, IMAP_PACK_LEAST - 1)
    assert gather(house) == 0


async def test_a_pack_goes_with_any_of_its_messages_and_is_made_anew(house: ImapHouse) -> None:
    await fill(house)
    folder = house.boxes[LEA].inbox_id
    assert gather(house) == 1
    house.db.run(folder_rows.change_flags, folder, [5], folder_rows.Change.ADD, ["\\Deleted"])
    house.db.run(folder_rows.expunge, folder, None, house.clock.now())
    assert house.db.read(packs.stretches, folder) == []
    await fill(house, 1)
    assert gather(house) == 1
    assert 5 not in opened(house)


async def test_what_was_expunged_meanwhile_is_not_kept(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(house)
    folder = house.boxes[LEA].inbox_id
    maker = Packing(house.db, house.keyring, house.blobs)

    def gone_meanwhile(_seconds: float) -> None:
        house.db.run(folder_rows.change_flags, folder, [5], folder_rows.Change.ADD, ["\\Deleted"])
        house.db.run(folder_rows.expunge, folder, None, house.clock.now())

    monkeypatch.setattr(packing.time, "sleep", gone_meanwhile)
    assert not maker.gather(folder)
    assert house.db.read(packs.stretches, folder) == []


async def test_a_long_message_is_opened_by_itself(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "IMAP_PACK_TEXT", 100)
    await fill(house)
    await house.deliver(letter(7).replace(b"la lettre", b"la lettre " * 50))
    assert gather(house) == 1
    assert (await answers(house))[2][0] == "* SEARCH 7 65"


async def test_a_large_folder_has_several(house: ImapHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "IMAP_PACK_MESSAGES", 20)
    monkeypatch.setattr(packs, "IMAP_PACK_LEAST", 10)
    await fill(house)
    before = await answers(house)
    assert gather(house) == 3
    assert [(one.first, one.last) for one in house.db.read(packs.stretches, house.boxes[LEA].inbox_id)] == [
        (1, 20),
        (21, 40),
        (41, 60),
    ]
    assert await answers(house) == before


async def test_a_damaged_pack_is_no_harm(house: ImapHouse) -> None:
    await fill(house)
    before = await answers(house)
    assert gather(house) == 1
    house.db.run(damage)
    assert await answers(house) == before


async def test_without_the_holders_key_nothing_is_gathered_or_read(house: ImapHouse) -> None:
    await fill(house)
    box = house.boxes[LEA]
    assert gather(house) == 1
    sealed = house.db.read(sealed_answers)
    house.db.run(destroy_holder, box.holder_id)
    assert not Packing(house.db, house.keyring, house.blobs).gather(box.inbox_id)
    with pytest.raises(SealBroken):
        unseal(b"x" * 32, sealed, packs.answers_aad(box.inbox_id, 1))


async def test_nothing_of_a_message_lies_in_clear(house: ImapHouse) -> None:
    await fill(house)
    assert gather(house) == 1
    kept = house.db.read(lambda session: session.execute(select(folder_packs)).one())
    for half in kept.sealed_answers, kept.sealed_texts:
        assert b"aiguille" not in half and b"sujet" not in half
        with pytest.raises(zlib.error):
            zlib.decompress(half)


def damage(session: Session) -> None:
    for half in "sealed_answers", "sealed_texts":
        octets = bytearray(session.execute(select(folder_packs.c[half])).scalar_one())
        octets[-1] ^= 1
        session.execute(update(folder_packs).values({half: bytes(octets)}))


def sealed_answers(session: Session) -> bytes:
    return bytes(session.execute(select(folder_packs.c.sealed_answers)).scalar_one())


def opened(house: ImapHouse) -> set[int]:
    box = house.boxes[LEA]
    octets = unseal(box.key, house.db.read(sealed_answers), packs.answers_aad(box.inbox_id, 1))
    return {one.uid for one in read_answers(octets)}
