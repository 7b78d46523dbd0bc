"""The rights of a session on the folder that it has open, read again once somebody may have changed them."""

import threading
from collections.abc import Iterable

from core.db import Db
from core.freight import Signal
from mail.acl import TOPIC, rights_of
from mail.auth import Identity
from mail.folders import Folder
from mail.notify import Hub
from mail.rights import Rights


class Permits:
    """Counts the changes of rights that this process hears of."""

    def __init__(self, db: Db, hub: Hub) -> None:
        self._db = db
        self._changes = 0
        self._lock = threading.Lock()
        # Only where every commit is heard before its answer: other processes' signals come later, or not at all.
        self._alone = db.url.get_backend_name() == "sqlite"
        hub.first(self.heard)  # before those who wake and ask
        db.on_commit(self.heard)

    def heard(self, signals: Iterable[Signal]) -> None:
        """From any thread."""
        if any(topic == TOPIC for topic, _ in signals):
            with self._lock:
                self._changes += 1

    @property
    def stamp(self) -> int:
        """To be taken before rights are read: they hold as long as `are_fresh` says so of it."""
        return self._changes

    def are_fresh(self, stamp: int) -> bool:
        """Whether nothing can have changed since."""
        return self._alone and stamp == self._changes

    async def of(self, folder: Folder, who: Identity) -> Rights:
        """As they are now. Raises DatabaseDown."""
        return await self._db.aread(rights_of, folder, who)
