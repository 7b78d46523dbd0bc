"""An address → what is known of it: ours, somebody else's that is published, or nobody's."""

import pytest

from core.address import Address
from core.db import Db
from crypto.keyring import SoftKeyring
from directory.extracts.entry import Entry
from directory.importer import upsert
from directory.local_domains import add_local_domain
from directory.mailboxes import create_mailbox, suspend
from directory.resolve import Resolved, find_entry, resolve
from tests.support.annuaire import NOW

OURS, THEIRS = Address.parse("Officine@pharmacie.example"), Address.parse("a.b@ailleurs.example")
PUBLISHED = Entry("a.b@ailleurs.example", "PER", "810000000001", family="Béranger", digital=True, red_list=True)


@pytest.fixture
def keyring() -> SoftKeyring:
    return SoftKeyring.fresh()


def test_nobody_knows_it(db: Db, keyring: SoftKeyring) -> None:
    db.run(add_local_domain, OURS.domain)
    assert db.read(resolve, keyring, OURS) is None and db.read(resolve, keyring, THEIRS) is None


def test_one_of_ours(db: Db, keyring: SoftKeyring) -> None:
    box = db.run(create_mailbox, keyring, OURS, "ORG", NOW)
    found = db.read(resolve, keyring, OURS)
    assert found == Resolved(True, "ORG", box.id, "open", box.holder_id, None) and found.takes_mail
    db.run(suspend, box.id)
    assert not db.read(resolve, keyring, OURS).takes_mail


def test_one_that_is_published(db: Db, keyring: SoftKeyring) -> None:
    db.run(upsert, [PUBLISHED])
    found = db.read(resolve, keyring, THEIRS)
    assert found == Resolved(False, "PER", None, None, None, PUBLISHED) and found.takes_mail
    assert found.entry == db.read(find_entry, THEIRS)
    assert found.entry.digital is True and found.entry.red_list is True
    db.run(add_local_domain, THEIRS.domain)
    found = db.read(resolve, keyring, THEIRS)
    assert found.is_local and not found.takes_mail


def test_one_of_ours_that_is_published_is_of_the_mailboxs_kind(db: Db, keyring: SoftKeyring) -> None:
    db.run(upsert, [PUBLISHED])
    box = db.run(create_mailbox, keyring, THEIRS, "APP", NOW)
    found = db.read(resolve, keyring, THEIRS)
    assert (found.is_local, found.kind, found.mailbox_id) == (True, "APP", box.id) and found.entry == PUBLISHED
