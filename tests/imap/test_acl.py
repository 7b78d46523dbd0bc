"""Rights of the accounts of one mailbox, beside the dialogues `acl*.imap`. RFC 4314."""

import pytest
from sqlalchemy import func, select

from core.address import Address
from core.tables import audit
from mail.accounts import CLOSED, NewAccount, create_account, granted_login, set_state
from mail.acl import rights_of
from mail.auth import Identity
from mail.erasure import forget_mail
from mail.folders import find_folder
from mail.tables import folder_rights
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, NOE, PASSWORD, ImapHouse

PAUL = "paul.roy@cabinet.example"
MAIL = b"Subject: a\r\n\r\nbonjour\r\n"


@pytest.fixture
async def paul(house: ImapHouse, port: int) -> RawClient:
    house.colleague(PAUL)
    return await logged_in(port, PAUL)


async def logged_in(port: int, login: str) -> RawClient:
    client = await RawClient.connect(port)
    await client.line()
    assert (await client.command(f'LOGIN {login} "{PASSWORD}"'))[-1].startswith("x OK")
    return client


def count(house: ImapHouse) -> int:
    return house.db.read(lambda rows: int(rows.execute(select(func.count()).select_from(folder_rights)).scalar_one()))


async def test_every_change_is_in_the_trail_without_a_name(house: ImapHouse, lea: RawClient, paul: RawClient) -> None:
    await lea.command(f"SETACL INBOX {PAUL} lr")
    await lea.command("SETACL INBOX anyone -a")
    await lea.command(f"DELETEACL INBOX {PAUL}")
    await paul.command(f"SETACL INBOX {PAUL} lra")  # refused: nothing changed, nothing is traced
    entries = house.db.read(
        lambda rows: rows.execute(select(audit).where(audit.c.action == "mail.rights").order_by(audit.c.seq)).all()
    )
    box = house.boxes[LEA]
    assert {(row.actor, row.ref, row.holder_id) for row in entries} == {
        (str(box.account_id), box.inbox_id, box.holder_id)
    }
    first, second, third = (row.detail for row in entries)
    account, _, what = first.partition(": ")
    assert account.isdigit() and account != str(box.account_id) and what == "lr"
    assert second == "anyone: lrswipkxte" and third == f"{account}: default"
    assert house.db.read(house.trail.problems) == []
    await paul.close()


async def test_a_person_who_was_granted_the_mailbox_is_named_by_the_national_identifier(
    house: ImapHouse, lea: RawClient
) -> None:
    rpps, box = "899700218897", house.boxes[LEA].mailbox_id
    made = NewAccount(granted_login(rpps), "physician", box, subject=rpps)
    granted = house.db.run(create_account, house.keyring, made)
    assert (await lea.command(f"SETACL INBOX {rpps} lr"))[-1].startswith("x OK")
    assert (await lea.command("GETACL INBOX"))[0].endswith(f" anyone lrswipkxteacd {rpps} lr")
    identity = Identity(granted, box, house.boxes[LEA].holder_id, Address.parse(LEA), "physician")
    folder = house.db.read(find_folder, house.keyring, box, "INBOX")
    assert house.db.read(rights_of, folder, identity) == frozenset("lr")
    house.colleague(rpps)  # a login of the same letters comes first
    assert (await lea.command(f"DELETEACL INBOX {rpps}"))[-1].startswith("x OK")
    assert house.db.read(rights_of, folder, identity) == frozenset("lr")


async def test_a_mailbox_of_somebody_else_is_not_touched(house: ImapHouse, port: int, lea: RawClient) -> None:
    noe = await logged_in(port, NOE)
    assert (await noe.command(f"SETACL INBOX {LEA} lr"))[-1].startswith("x NO [CANNOT]")
    await lea.command('SETACL INBOX anyone ""')
    assert "* MYRIGHTS INBOX lrswipkxteacd" in await noe.command("MYRIGHTS INBOX")
    await noe.close()


async def test_rights_follow_the_store_at_once_in_a_session_that_is_open(
    house: ImapHouse, lea: RawClient, paul: RawClient
) -> None:
    await house.deliver(MAIL)
    await paul.command("SELECT INBOX")
    await lea.command(f"SETACL INBOX {PAUL} lr")
    assert (await paul.command("STORE 1 +FLAGS (\\Flagged)"))[-1].startswith("x NO [NOPERM]")
    assert (await paul.command("EXPUNGE"))[-1].startswith("x NO [NOPERM]")
    await paul.command("FETCH 1 BODY[]")
    assert "* SEARCH 1" in await paul.command("SEARCH UNSEEN")
    await lea.command(f"SETACL INBOX {PAUL} +ws")
    assert (await paul.command("STORE 1 +FLAGS (\\Flagged)"))[-1].startswith("x OK")
    await lea.command(f"SETACL INBOX {PAUL} -r")
    answer = await paul.command("FETCH 1 BODY[]")
    assert "bonjour" not in "".join(answer)
    assert answer[-1].startswith("x NO [NOPERM]") and await paul.line() == "<closed>"
    await paul.close()


async def test_the_next_account_administers_when_the_first_is_closed(
    house: ImapHouse, lea: RawClient, paul: RawClient
) -> None:
    await lea.command(f"SETACL INBOX {PAUL} l")
    house.db.run(set_state, house.boxes[LEA].account_id, CLOSED)
    answer = await paul.command("GETACL INBOX")
    assert answer[0] == f"* ACL INBOX {PAUL} lrswipkxteacd anyone lrswipkxteacd"
    await paul.close()


async def test_rows_go_with_what_they_speak_of(house: ImapHouse, lea: RawClient, paul: RawClient) -> None:
    await lea.command("CREATE Projets")
    await lea.command(f"SETACL Projets {PAUL} lr")
    assert count(house) == 2
    await lea.command("DELETE Projets")
    assert count(house) == 0
    await lea.command(f"SETACL INBOX {PAUL} lr")
    await lea.command(f"DELETEACL INBOX {PAUL}")
    assert count(house) == 0  # the default again
    await lea.command(f"SETACL INBOX {PAUL} lr")
    box = house.boxes[LEA]
    house.db.run(forget_mail, box.mailbox_id, box.holder_id, house.clock.now())
    assert count(house) == 0
    await paul.close()
