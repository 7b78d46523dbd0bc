"""Keys of holders just delivered to: opened once in a while, not once a copy; a destroyed key goes at once."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic
from typing import NamedTuple

from core.freight import Signal
from crypto.keyring import Keyring
from crypto.sealed import KEY_MAGIC, Sealer
from directory.holders import TOPIC, holder_aad

KEPT_S = 10.0
MOST = 1024


class HolderKey(NamedTuple):
    """In clear, and ready to wrap what the holder gets."""

    key: bytes
    wrapper: Sealer


class HolderKeys:
    """Safe for use by several threads. Kept no longer than the recipients that they belong to."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, bytes], tuple[float, HolderKey]] = OrderedDict()

    def open(self, wrapped: bytes, holder_id: int) -> HolderKey:
        """The holder's key. Raises SealBroken."""
        name = (holder_id, wrapped)
        found = self._kept.get(name)
        if found is not None and found[0] > monotonic():
            return found[1]
        key = self._keyring.unwrap_holder(wrapped, holder_aad(holder_id))
        opened = HolderKey(key, Sealer(KEY_MAGIC, key))
        with self._lock:
            self._kept[name] = (monotonic() + KEPT_S, opened)
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return opened

    def heard(self, signals: Iterable[Signal]) -> None:
        """For `Db.on_commit`."""
        if any(topic == TOPIC for topic, _ref in signals):
            with self._lock:
                self._kept.clear()
