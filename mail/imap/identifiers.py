"""Whose rights are meant by an identifier. RFC 4314 §2.

Identifiers are `anyone` and the logins of the accounts of this very mailbox; the national identifier stands for the
login of a person to whom it was granted. Every other word gets one and the same answer, so that nobody learns who else
has an account.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session as Rows

from crypto.keyring import Keyring
from mail.accounts import CLOSED, login_lookup, subject_lookup
from mail.acl import ANYONE
from mail.folders import Folder
from mail.imap.errors import ImapBad
from mail.tables import accounts

ANY = b"anyone"


def identified(rows: Rows, keyring: Keyring, folder: Folder, identifier: bytes) -> int:
    """The account of this mailbox with this login or of this person, or ANYONE.

    Raises ImapBad [CANNOT], the same for all others. A word with "-" in front would mean rights to be denied (§2): none
    here is called so.
    """
    if identifier == ANY:
        return ANYONE
    name = identifier.decode("utf-8", "replace")
    mine = (accounts.c.mailbox_id == folder.mailbox_id) & (accounts.c.state != CLOSED)
    login, person = (
        accounts.c.lookup == login_lookup(keyring, name),
        accounts.c.subject_lookup == subject_lookup(keyring, name),
    )
    query = select(accounts.c.id).where(mine, login | person).order_by(login.desc()).limit(1)
    found: int | None = rows.execute(query).scalar_one_or_none()
    if found is None or identifier.startswith(b"-"):
        raise ImapBad("there is no such identifier here", condition="NO", code="CANNOT")
    return found
