"""One durable commit for a delivery; a repeat is answered, never stored; whoever hangs up loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import audit
from core.db import Db
from core.errors import NotFound
from core.numbers import last_number, tally_of
from core.tables import outbox
from crypto.verdict import Reason, Verdict
from directory.holders import destroy_holder
from directory.mailboxes import close, suspend
from mail.deliver import forget_repeats
from mail.tables import bodies, folder_messages, message_keys, messages
from tests.support.post_office import AUBIN, FOREIGN, LEA, PAUL, PHARMACY, PostOffice
from tests.support.smtp_dialogue import Connection

MESSAGE = (
    f"From: =?utf-8?Q?Dr_Zo=C3=A9?= <{FOREIGN}>\r\nSubject: essai\r\nMessage-ID: <1@hopital.test>\r\n\r\nbonjour\r\n"
)


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path, row_octets=4096)
    yield made
    await made.stop()


async def send(
    office: PostOffice, message: str = MESSAGE, to: tuple[str, ...] = (AUBIN,), sender: str = FOREIGN
) -> str:
    connection = await Connection.open(office, await office.start())
    await connection.receive()
    await connection.say("EHLO client.example")
    await connection.say(f"MAIL FROM:<{sender}>")
    for each in to:
        await connection.say(f"RCPT TO:<{each}>")
    await connection.say("DATA")
    answer = await connection.say(message + ".")
    await connection.close()
    return answer


def count(session: Session, table) -> int:  # type: ignore[no-untyped-def]
    return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def files(office: PostOffice) -> list[Path]:
    return [path for path in (office.folder / "blobs").rglob("*") if path.is_file()]


async def test_everything_is_in_one_commit(office: PostOffice) -> None:
    heard: list[object] = []
    office.db.on_commit(heard.append)
    answer = await send(office, to=(AUBIN, PHARMACY, AUBIN.upper()))
    message_id = int(answer.rsplit(" ", 1)[1])
    with_rows = {
        table: office.db.read(count, table) for table in (bodies, messages, message_keys, folder_messages, outbox)
    }
    assert list(with_rows.values()) == [1, 1, 2, 2, 1]
    assert office.db.read(audit.count) == 2 and office.trail is not None
    assert office.db.read(office.trail.problems) == []
    assert office.db.read(tally_of, "messages") == 1
    assert [[signal.topic for signal in signals] for signals in heard] == [["folder", "folder", "outbox"]]
    kept = office.inbox(AUBIN)[0]
    assert kept.raw == MESSAGE.encode() and kept.meta.sha256 and kept.read(6, 4) == MESSAGE.encode()[6:10]
    assert (kept.meta.from_, kept.meta.from_name, kept.meta.subject) == (FOREIGN, "Dr Zoé", "essai")
    assert kept.meta.recipients == (AUBIN, PHARMACY) and kept.meta.verdict == "none"
    assert office.db.read(lambda s: s.execute(select(outbox.c.ref)).scalar_one()) == message_id
    assert b"bonjour" not in b"".join(path.read_bytes() for path in files(office))


async def test_uids_follow_one_another(office: PostOffice) -> None:
    for number in range(3):
        await send(office, MESSAGE.replace("1@", f"{number}@"))
    rows = office.db.read(
        lambda s: [tuple(row) for row in s.execute(select(folder_messages.c.uid, folder_messages.c.flags))]
    )
    assert sorted(rows) == [(1, "$SignatureNone"), (2, "$SignatureNone"), (3, "$SignatureNone")]


@pytest.mark.parametrize("size", [10, 4000, 5000, 70_000, 300_000])
async def test_bytes_sent_are_bytes_kept(office: PostOffice, size: int) -> None:
    body = "".join(f"{number:06d} .ligne\r\n" for number in range(size // 15 + 1))
    await send(office, MESSAGE + body)
    kept = office.inbox(AUBIN)[0]
    assert kept.raw == (MESSAGE + body).encode()
    assert kept.read(100, 70) == kept.raw[100:170]
    assert len(files(office)) == (1 if len(kept.raw) > 4096 else 0)
    assert all(b"ligne" not in path.read_bytes() for path in files(office))


async def test_a_long_row_is_read_when_it_is_wanted(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path)
    bodies_of = [MESSAGE + "x" * 70 + "\r\n", MESSAGE.replace("1@", "2@") + "une ligne\r\n" * 10_000]
    try:
        for body in bodies_of:
            await send(office, body)
        ids = sorted(db.read(lambda session: session.execute(select(messages.c.id)).scalars().all()))
        found = office.store.open_many(ids, office.mailboxes[AUBIN].holder_id, with_body=True)
        assert not files(office)
        assert [found[each].raw.decode() for each in ids] == bodies_of
        assert found[ids[1]].read(5_000, 9) == bodies_of[1].encode()[5_000:5_009]
        db.run(lambda session: session.execute(update(bodies).values(sealed=None)) and None)
        assert found[ids[0]].raw.decode() == bodies_of[0]  # was read with the others
        with pytest.raises(NotFound):
            _ = found[ids[1]].raw
    finally:
        await office.stop()


@pytest.mark.parametrize("size", [0, 9000])
async def test_repeat_is_answered_with_the_first_receipt(office: PostOffice, size: int) -> None:
    message = MESSAGE + "x\r\n" * size
    first = await send(office, message, (AUBIN, PHARMACY))
    assert await send(office, message, (PHARMACY, AUBIN)) == first
    assert len(office.inbox(AUBIN)) == len(office.inbox(PHARMACY)) == 1
    assert len(files(office)) == bool(size)
    assert office.db.read(audit.count) == 2 and office.db.read(last_number, "audit") == 2


async def test_what_differs_is_no_repeat(office: PostOffice) -> None:
    answers = {
        await send(office),
        await send(office, MESSAGE + "!\r\n"),
        await send(office, MESSAGE.replace("<1@", "<2@")),
        await send(office, to=(AUBIN, PHARMACY)),
        await send(office, sender="dr.autre@hopital.test"),
    }
    assert len(answers) == 5 and all(answer.startswith("250 2.6.0") for answer in answers)


async def test_after_the_window_nothing_is_a_repeat(office: PostOffice) -> None:
    first = await send(office)
    assert office.db.run(forget_repeats, office.clock.now()) == 0
    office.clock.advance(6 * 86400)
    assert office.db.run(forget_repeats, office.clock.now()) == 1
    assert await send(office) != first


async def test_many_at_once_with_a_repeat_among_them(office: PostOffice) -> None:
    messages_ = [MESSAGE.replace("<1@", f"<{number % 8}@") for number in range(16)]
    answers = await asyncio.gather(*(send(office, message) for message in messages_))
    assert len(set(answers)) == 8 and len(office.inbox(AUBIN)) == 8
    assert office.db.read(office.trail.problems) == []


@pytest.mark.parametrize("reset", [False, True])
async def test_peer_that_hangs_up_leaves_exactly_one_copy(office: PostOffice, reset: bool) -> None:
    """The 250 is lost; the peer tries again until it hears it."""
    port = await office.start()
    for _ in range(4):
        connection = await Connection.open(office, port)
        await connection.receive()
        await connection.send(b"EHLO a\r\n")
        await connection.reply()
        await connection.send(f"MAIL FROM:<{FOREIGN}>\r\nRCPT TO:<{AUBIN}>\r\nDATA\r\n".encode())
        assert [(await connection.reply())[-1][:3] for _ in range(3)] == ["250", "250", "354"]
        await connection.send(MESSAGE.encode() + b"x\r\n" * 3000 + b".\r\n")
        if reset:
            connection.writer.transport.abort()
        else:
            connection.writer.close()
    assert (await send(office, MESSAGE + "x\r\n" * 3000)).startswith("250")
    assert len(office.inbox(AUBIN)) == 1 and office.inbox(AUBIN)[0].raw.endswith(b"x\r\n")
    async with asyncio.timeout(60):
        while len(files(office)) > 1:  # a session whose peer has gone still ends what it began
            await asyncio.sleep(0.01)
    assert office.db.read(count, messages) == 1 and len(files(office)) == 1


async def test_half_a_message_leaves_nothing(office: PostOffice) -> None:
    connection = await Connection.open(office, await office.start())
    await connection.receive()
    for line in ("EHLO a", f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>", "DATA"):
        await connection.say(line)
    await connection.send(MESSAGE.encode() + b"x\r\n" * 100_000)
    await connection.close()
    await send(office, MESSAGE.replace("<1@", "<2@"))
    assert len(office.inbox(AUBIN)) == 1 and files(office) == []


async def test_refused_message_leaves_no_file(office: PostOffice) -> None:
    assert (await send(office, "Subject: no author\r\n\r\n" + "x\r\n" * 9000)).startswith("550 5.6.0")
    assert (await send(office, MESSAGE + "x\n\r\n" + "x\r\n" * 9000)).startswith("550 5.6.0")
    assert files(office) == [] and office.db.read(count, messages) == 0


async def test_closed_suspended_and_shredded_mailboxes_take_nothing(office: PostOffice) -> None:
    office.db.run(close, office.mailboxes[AUBIN].id)
    office.db.run(suspend, office.mailboxes[PHARMACY].id)
    office.db.run(destroy_holder, office.mailboxes[LEA].holder_id)
    connection = await Connection.open(office, await office.start())
    await connection.receive()
    await connection.say("EHLO a")
    await connection.say(f"MAIL FROM:<{FOREIGN}>")
    for who in (AUBIN, PHARMACY, LEA):
        assert (await connection.say(f"RCPT TO:<{who}>")).startswith("550 5.2.1")
    assert (await connection.say(f"RCPT TO:<{PAUL}>")).startswith("250")


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        (Reason.OK, "$SignaturePass"),
        (Reason.CONTENT_CHANGED, "$SignatureFail"),
        (Reason.BAD_CMS, "$SignatureFail"),
        (Reason.REVOCATION_STALE, "$SignatureUnknown"),
    ],
)
async def test_verdict_is_kept_and_flagged(office: PostOffice, reason: Reason, flag: str) -> None:
    office.verdict = Verdict(reason, signer_email=FOREIGN if reason is Reason.OK else None)
    signed = MESSAGE.replace("Subject:", "Content-Type: multipart/signed; boundary=b\r\nSubject:")
    await send(office, signed)
    kept = office.inbox(AUBIN)[0]
    assert kept.meta.reason == reason.value and kept.meta.verdict == Verdict(reason).signature.value
    assert f"smime={kept.meta.verdict}" in kept.meta.trace
    assert office.db.read(lambda s: s.execute(select(folder_messages.c.flags)).scalar_one()) == flag
    assert kept.raw == signed.encode()


async def test_no_personal_text_in_any_row(office: PostOffice) -> None:
    """A stolen database names nobody: neither address, nor matricule, nor subject."""
    await send(office, to=(LEA, AUBIN))
    dump = office.db.read(
        lambda s: b"\0".join(
            value if isinstance(value, bytes) else str(value).encode()
            for table in (messages, bodies, message_keys, folder_messages, outbox)
            for row in s.execute(select(table))
            for value in row
        )
    )
    for secret in (LEA.split("@")[0], AUBIN, FOREIGN, "essai", "bonjour"):
        assert secret.encode() not in dump
