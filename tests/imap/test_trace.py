"""Every reading of a message's text stands in the trail before the text leaves; when it cannot, nothing leaves."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.tables import audit
from mail.imap.services import Options
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse
from tests.support.imap_mails import PLAIN
from tests.support.imap_many import fill


def reads(session: Session) -> list[tuple[str, int]]:
    rows = session.execute(select(audit.c.actor, audit.c.ref).where(audit.c.action == "mail.read"))
    return [tuple(row) for row in rows]


async def test_text_is_traced_once_a_session_headers_are_not(house: ImapHouse, lea: RawClient) -> None:
    await house.deliver(PLAIN)
    await house.deliver(PLAIN)
    await lea.command("SELECT INBOX")
    for quiet in ("FLAGS", "ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[HEADER]", "BODY.PEEK[HEADER.FIELDS (Subject)]"):
        await lea.command(f"FETCH 1:2 {quiet}")
    assert house.db.read(reads) == []
    for _ in range(2):
        for loud in ("BODY.PEEK[]", "BODY[1]", "BODY.PEEK[TEXT]<0.1>", "RFC822"):
            await lea.command(f"FETCH 1:2 {loud}")
    found = house.db.read(reads)
    assert len(found) == len(set(found)) == 2
    assert {actor for actor, _ in found} == {str(house.boxes[LEA].account_id)}
    assert house.db.read(house.trail.problems) == []


async def test_another_session_is_another_reading(house: ImapHouse, port: int) -> None:
    await house.deliver(PLAIN)
    for _ in range(2):
        client = await RawClient.connect(port)
        await client.command(f'LOGIN {LEA} "{PASSWORD}"')
        await client.command("SELECT INBOX")
        await client.command("FETCH 1 BODY[]")
        await client.close()
    assert len(house.db.read(reads)) == 2


async def test_it_can_be_switched_off(house: ImapHouse) -> None:
    port = await house.serve(Options(insecure_loopback=True, trace_reads=False))
    await house.deliver(PLAIN)
    client = await RawClient.connect(port)
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.command("SELECT INBOX")
    assert len(await client.command("FETCH 1 BODY.PEEK[]")) > 2
    assert house.db.read(reads) == []
    await client.close()


async def test_no_trail_no_text(house: ImapHouse, lea: RawClient) -> None:
    await house.deliver(PLAIN)
    await lea.command("SELECT INBOX")
    house.db.run(lambda session: session.execute(text("ALTER TABLE audit RENAME TO lost")) and None)
    answer = await lea.command("FETCH 1 BODY.PEEK[]")
    assert len(answer) == 1 and answer[0].startswith("x NO [")
    house.db.run(lambda session: session.execute(text("ALTER TABLE lost RENAME TO audit")) and None)
    assert (await lea.command("FETCH 1 BODY.PEEK[]"))[-1].startswith("x OK")


async def test_a_long_reading_is_traced_once_each_and_together(house: ImapHouse, lea: RawClient) -> None:
    await fill(house, 300)
    await lea.command("SELECT INBOX")
    answer = await lea.command("FETCH 1:300 BODY.PEEK[TEXT]")
    assert sum(line.startswith("* ") for line in answer) == 300
    assert len(set(house.db.read(reads))) == len(house.db.read(reads)) == 300
    assert (await lea.command("FETCH 200:300 BODY.PEEK[]"))[-1].startswith("x OK")
    assert len(house.db.read(reads)) == 300
    assert house.db.read(house.trail.problems) == []


async def test_what_is_gone_is_not_traced(house: ImapHouse, port: int, lea: RawClient) -> None:
    await fill(house, 10)
    await lea.command("SELECT INBOX")
    other = await RawClient.connect(port)
    await other.command(f'LOGIN {LEA} "{PASSWORD}"')
    await other.command("SELECT INBOX")
    await other.command("STORE 4:6 +FLAGS (\\Deleted)")
    await other.command("EXPUNGE")
    await other.close()
    answer = await lea.command("FETCH 1:10 BODY.PEEK[]")
    assert "EXPUNGEISSUED" in answer[-1]
    assert len(house.db.read(reads)) == 7


async def test_no_trail_no_text_of_any(house: ImapHouse, lea: RawClient) -> None:
    """Also of those that one commit would have traced ahead."""
    await fill(house, 300)
    await lea.command("SELECT INBOX")
    house.db.run(lambda session: session.execute(text("ALTER TABLE audit RENAME TO lost")) and None)
    answer = await lea.command("FETCH 1:300 BODY.PEEK[]")
    assert len(answer) == 1 and answer[0].startswith("x NO [")
    house.db.run(lambda session: session.execute(text("ALTER TABLE lost RENAME TO audit")) and None)
    assert (await lea.command("FETCH 1:300 BODY.PEEK[]"))[-1].startswith("x OK")
    assert len(house.db.read(reads)) == 300


async def test_what_is_taken_away_is_traced_with_who_did_it(house: ImapHouse, port: int, lea: RawClient) -> None:
    paul = house.colleague("paul.roy@cabinet.example")
    colleague = await RawClient.connect(port)
    await colleague.line()
    await colleague.command(f'LOGIN paul.roy@cabinet.example "{PASSWORD}"')
    for _ in range(5):
        await house.deliver(PLAIN)
    await lea.command("CREATE Ancien")
    await lea.command("SELECT INBOX")
    await lea.command("COPY 5 Ancien")
    await lea.command("STORE 1:3 +FLAGS.SILENT (\\Deleted)")
    await lea.command("UID EXPUNGE 1,4")
    await colleague.command("SELECT INBOX")
    await colleague.command("EXPUNGE")
    await colleague.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await colleague.command("CLOSE")
    await colleague.command("DELETE Ancien")
    await colleague.close()
    columns = (audit.c.actor, audit.c.action, audit.c.ref, audit.c.holder_id)
    query = select(*columns).where(audit.c.action.in_(("mail.expunge", "mail.folder"))).order_by(audit.c.seq)
    found = house.db.read(lambda rows: rows.execute(query).all())
    own, holder = str(house.boxes[LEA].account_id), house.boxes[LEA].holder_id
    assert [row.actor for row in found] == [own] + [str(paul)] * 5
    assert [row.action for row in found] == ["mail.expunge"] * 5 + ["mail.folder"]
    assert len({row.ref for row in found}) == 6 and {row.holder_id for row in found} == {holder}
    assert house.db.read(house.trail.problems) == []
