"""`chat.mirror`: a delivered mail is promised to the rooms of its recipients, part by part, once."""

import structlog
from sqlalchemy.orm import Session

from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from instant import links, posts
from instant.letter import file_parts, mail_ids
from instant.rooms import Room, rooms_for_mail
from mail.store import Opened, Store

KIND = "chat.mirror"
log = structlog.get_logger()


class MirrorMail:
    """The handler; its ref is a message id. It talks to nobody: the bridge sends what is promised here."""

    def __init__(self, db: Db, keyring: Keyring, store: Store) -> None:
        self._db, self._keyring, self._store = db, keyring, store

    def __call__(self, message_id: int) -> None:
        """A mail that is gone is no failure."""
        found = self._db.read(rooms_for_mail, message_id)
        for room, holder_id in found:
            try:
                mail = self._store.open_message(message_id, holder_id)
            except NotFound:
                log.info("chat.message_gone", message_id=message_id)
                continue
            self._db.run(promise, self._keyring, room, message_id, mail)


def promise(session: Session, keyring: Keyring, room: Room, message_id: int, mail: Opened) -> None:
    """Unit of work: text, files and original of a mail, unless they were promised to this room, or written in it."""
    own, _answered = mail_ids(mail.raw, mail.meta.tree)
    own = own or f"pli-{message_id}"
    if not links.tie(session, keyring, room.id, own, message_id=message_id):
        return
    posts.put_part(session, room.id, message_id, posts.TEXT)
    for part in file_parts(mail.meta.tree):
        posts.put_part(session, room.id, message_id, part)
    posts.put_part(session, room.id, message_id, posts.ORIGINAL)
