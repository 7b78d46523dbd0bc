"""Keys of holders just delivered to: opened once in a while, not once a copy; a destroyed key goes at once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from time import monotonic
from typing import NamedTuple, TypeVar

from core.freight import Signal
from crypto.keyring import Keyring
from crypto.sealed import KEY_MAGIC, Sealer
from directory.holders import TOPIC, holder_aad

KEPT_S = 10.0
MOST = 1024

K = TypeVar("K", bound=Hashable)


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
        self._owners: OrderedDict[int, tuple[float, HolderKey]] = OrderedDict()
        self._age = 0

    def open(self, wrapped: bytes, holder_id: int) -> HolderKey:
        """The holder's key. Raises SealBroken."""
        name = (holder_id, wrapped)
        found = self._kept.get(name)
        if found is not None and found[0] > monotonic():
            return found[1]
        key = self._keyring.unwrap_holder(wrapped, holder_aad(holder_id))
        opened = HolderKey(key, Sealer(KEY_MAGIC, key))
        with self._lock:
            _keep(self._kept, name, opened)
        return opened

    def own(self, holder_id: int, wrapped: Callable[[int], bytes]) -> HolderKey:
        """A holder's key by its number alone; `wrapped` asks the database where that is due. Raises what it raises,
        SealBroken."""
        found = self._owners.get(holder_id)
        if found is not None and found[0] > monotonic():
            return found[1]
        age = self._age
        key = self.open(wrapped(holder_id), holder_id)
        with self._lock:
            if age == self._age:
                _keep(self._owners, holder_id, key)
        return key

    def knows(self, holder_id: int) -> bool:
        """Whether `own` would ask nobody."""
        found = self._owners.get(holder_id)
        return found is not None and found[0] > monotonic()

    def heard(self, signals: Iterable[Signal]) -> None:
        """For `Db.on_commit`."""
        if any(topic == TOPIC for topic, _ref in signals):
            with self._lock:
                self._age += 1
                self._kept.clear()
                self._owners.clear()


def _keep(kept: OrderedDict[K, tuple[float, HolderKey]], name: K, key: HolderKey) -> None:
    kept[name] = (monotonic() + KEPT_S, key)
    kept.move_to_end(name)
    while len(kept) > MOST:
        kept.popitem(last=False)
