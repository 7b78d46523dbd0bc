"""Names that stay subscribed when their folder is gone: a server takes none off by itself. RFC 3501 §6.3.6.

While a folder lives, its own row says whether it is subscribed. A name is sealed here as it is there.
"""

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from core.ids import new_id
from mail.folder_names import Names
from mail.limits import IMAP_LOST_NAMES
from mail.tables import lost_names


def keep(session: Session, names: Names, mailbox_id: int, name: str) -> None:
    """The folder of this name goes, the subscription stays; beyond our bound it goes, too."""
    held = session.execute(select(func.count()).where(lost_names.c.mailbox_id == mailbox_id)).scalar_one()
    if held < IMAP_LOST_NAMES:
        number = new_id()
        sealed = {"name": names.column(name), "sealed_name": names.seal(number, name)}
        session.execute(insert(lost_names), {"id": number, "mailbox_id": mailbox_id, **sealed})


def take(session: Session, names: Names, mailbox_id: int, name: str) -> bool:
    """Forget the name; whether it was kept."""
    here = (lost_names.c.mailbox_id == mailbox_id) & (lost_names.c.name == names.column(name))
    return session.execute(delete(lost_names).where(here).returning(lost_names.c.id)).first() is not None


def kept(session: Session, names: Names, mailbox_id: int) -> tuple[str, ...]:
    """The names, in order of the alphabet."""
    rows = session.execute(select(lost_names).where(lost_names.c.mailbox_id == mailbox_id)).all()
    return tuple(sorted(names.open(row.id, row.name, row.sealed_name) for row in rows))
