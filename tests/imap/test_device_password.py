"""The password of one device opens IMAP, by LOGIN and by AUTHENTICATE PLAIN, until it is revoked."""

import base64

from mail import app_passwords
from mail.accounts import account_by_login
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, ImapHouse


async def test_it_opens_imap_until_it_is_revoked(house: ImapHouse) -> None:
    owner = house.db.read(account_by_login, house.keyring, LEA)
    assert owner is not None
    number, password = house.db.run(app_passwords.add, house.keyring, owner, "Téléphone", house.clock.now())
    port, plain = await house.serve(), base64.b64encode(f"\0{LEA}\0{password}".encode()).decode()
    for command in (f'LOGIN {LEA} "{password}"', f"AUTHENTICATE PLAIN {plain}"):
        client = await RawClient.connect(port)
        await client.line()
        assert (await client.command(command))[-1].startswith("x OK")
        await client.close()
    house.db.run(app_passwords.revoke, owner.id, number)
    client = await RawClient.connect(port)
    await client.line()
    assert (await client.command(command))[-1].startswith("x NO [AUTHENTICATIONFAILED]")
    await client.close()
