"""Names of folders at rest: those that we give stand in clear, those that people type are sealed.

A typed name may be a patient's. Its row holds a blind index to find it by, and the name sealed under the key of the
mailbox's holder. Depth and family are hidden too: a name is indexed and sealed whole.
"""

from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.tables import mailboxes
from mail.tables import folders

OURS = frozenset({"INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive"})
MARK = "~"  # before a blind index; no name of ours begins so


class Names:
    """The names of one mailbox's folders, inside a unit of work. The holder's key is opened when it is first needed."""

    def __init__(self, session: Session, keyring: Keyring, mailbox_id: int) -> None:
        self._session = session
        self._keyring = keyring
        self._mailbox_id = mailbox_id
        self._kept: bytes | None = None

    def column(self, name: str) -> str:
        """What the row's `name` holds."""
        return column_of(self._keyring, self._mailbox_id, name)

    def seal(self, folder_id: int, name: str) -> bytes | None:
        """What its `sealed_name` holds. Raises NotFound when the holder's key is destroyed."""
        return None if name in OURS else seal(self._key(), name.encode(), name_aad(folder_id))

    def open(self, folder_id: int, column: str, sealed: bytes | None) -> str:
        """The name. Raises NotFound when the holder's key is destroyed, SealBroken."""
        return column if sealed is None else unseal(self._key(), sealed, name_aad(folder_id)).decode()

    def _key(self) -> bytes:
        if self._kept is None:
            query = select(mailboxes.c.holder_id).where(mailboxes.c.id == self._mailbox_id)
            self._kept = holder_key(self._session, self._keyring, self._session.execute(query).scalar_one())
        return self._kept


def seal_old_names(session: Session, keyring: Keyring) -> int:
    """Unit of work, at the start: names typed before names were sealed. Returns how many there were."""
    clear = folders.c.sealed_name.is_(None) & folders.c.name.not_in(OURS)
    found = session.execute(select(folders.c.id, folders.c.mailbox_id, folders.c.name).where(clear)).all()
    of = partial(Names, session, keyring)
    for folder_id, mailbox_id, name in found:
        names = of(mailbox_id)
        values = {"name": names.column(name), "sealed_name": names.seal(folder_id, name)}
        session.execute(update(folders).where(folders.c.id == folder_id).values(**values))
    return len(found)


def column_of(keyring: Keyring, mailbox_id: int, name: str) -> str:
    """What the row of a folder of that name holds in `name`: one of ours as it is, else the blind index."""
    return name if name in OURS else MARK + keyring.blind("folder", f"{mailbox_id}/{name}").hex()


def name_aad(folder_id: int) -> bytes:
    """What a sealed name is bound to."""
    return object_aad("folder", folder_id, 1)
