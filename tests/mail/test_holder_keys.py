"""Keys of holders that are opened once in a while, and never again after they were destroyed."""

import pytest

from core.clock import FakeClock
from core.db import Db
from core.errors import NotFound
from crypto.keyring import SoftKeyring
from directory.holders import create_holder, destroy_holder, holder_key, wrapped_key
from mail.holder_keys import HolderKeys

NOW = FakeClock().now()


class Asked:
    """The database, and how often it was asked."""

    def __init__(self, db: Db) -> None:
        self.db, self.times = db, 0

    def __call__(self, holder_id: int) -> bytes:
        self.times += 1
        return self.db.look(wrapped_key, holder_id)


def test_a_key_is_asked_for_once_and_is_gone_at_once(db: Db) -> None:
    keyring = SoftKeyring.fresh()
    keys, asked = HolderKeys(keyring), Asked(db)
    db.on_own_commit(keys.heard)
    holder_id = db.run(create_holder, keyring, "mailbox", NOW)
    assert not keys.knows(holder_id)
    for _ in range(3):
        assert keys.own(holder_id, asked).key == db.read(holder_key, keyring, holder_id)
    assert keys.knows(holder_id) and asked.times == 1
    db.run(destroy_holder, holder_id)
    assert not keys.knows(holder_id)
    with pytest.raises(NotFound):
        keys.own(holder_id, asked)


def test_a_key_that_was_read_before_a_change_is_not_kept_after_it(db: Db) -> None:
    keyring = SoftKeyring.fresh()
    keys = HolderKeys(keyring)
    db.on_own_commit(keys.heard)
    holder_id = db.run(create_holder, keyring, "mailbox", NOW)

    def late(number: int) -> bytes:
        wrapped = db.look(wrapped_key, number)
        db.run(destroy_holder, number)
        return wrapped

    keys.own(holder_id, late)
    assert not keys.knows(holder_id)
