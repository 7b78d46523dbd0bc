"""What the gate remembers is forgotten as soon as it may have changed."""

from pathlib import Path

import pytest

from core.address import Address
from core.db import Db
from core.freight import Signal
from core.value import replace
from directory.holders import destroy_holder
from directory.local_domains import TOPIC as LOCAL_DOMAIN
from directory.local_domains import add_local_domain
from directory.mailboxes import TOPIC, create_mailbox, reopen, suspend
from directory.trusted import load_trusted
from mail.circle import Circle
from mail.incoming import Door, Incoming, Peer
from mail.known import KEPT_S, MOST, KnownRecipients
from mail.our_domains import OurDomains
from mail.recipients import Recipient
from mail.replies import MailError
from tests.support.post_office import AUBIN, FOREIGN, PostOffice

DN = "CN=mx.hopital.test"


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def somebody(number: int = 0) -> Recipient:
    address = Address.parse(f"a{number}@cabinet.example")
    return Recipient(address, b"", True, 1, "PER", "open", 2, b"key", 3)


def test_kept_for_a_while() -> None:
    watch = Watch()
    known = KnownRecipients(watch)
    known.keep(somebody(), known.age)
    assert known.get("a0@cabinet.example") == somebody() and known.get("A0@cabinet.example") is None
    watch.now += KEPT_S
    assert known.get("a0@cabinet.example") is None


@pytest.mark.parametrize("change", [{"state": "closed"}, {"wrapped_key": None}, {"inbox_id": None}])
def test_only_open_mailboxes_are_kept(change: dict[str, object]) -> None:
    known = KnownRecipients()
    known.keep(replace(somebody(), **change), known.age)  # type: ignore[arg-type]
    assert known.get("a0@cabinet.example") is None


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    known = KnownRecipients()
    age = known.age
    known.heard([Signal(TOPIC, 1)])
    known.keep(somebody(), age)
    assert known.get("a0@cabinet.example") is None


def test_memory_is_bounded() -> None:
    known = KnownRecipients()
    for number in range(MOST + 1):
        known.keep(somebody(number), known.age)
    assert known.get("a0@cabinet.example") is None and known.get(f"a{MOST}@cabinet.example") is not None


async def test_a_suspended_mailbox_is_refused_at_once(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path)
    mail = Incoming(Door.MX, Peer("127.0.0.1"), office.clock.now(), sender=Address.parse(FOREIGN))
    to, mailbox = Address.parse(AUBIN), office.mailboxes[AUBIN].id
    for _ in range(2):
        assert (await office.reception.recipient(mail, to)).mailbox_id == mailbox
    await db.arun(suspend, mailbox)
    with pytest.raises(MailError):
        await office.reception.recipient(mail, to)
    await db.arun(reopen, mailbox)
    found = await office.reception.recipient(mail, to)
    await db.arun(destroy_holder, found.holder_id)
    with pytest.raises(MailError):
        await office.reception.recipient(mail, to)
    office.pool.shutdown()


def test_a_domain_that_is_taken_on_is_ours_at_once(db: Db) -> None:
    ours = OurDomains(db)
    db.run(add_local_domain, "cabinet.example")
    assert not ours.lack("labo.example")  # nobody has looked yet
    ours.learn()
    assert ours.lack("labo.example") and not ours.lack("Cabinet.example")
    db.run(add_local_domain, "labo.example")
    if db.url.get_backend_name() == "sqlite":
        assert not ours.lack("labo.example")
        ours.learn()
        assert not ours.lack("labo.example")


def test_domains_that_were_read_before_a_change_are_not_kept_after_it(db: Db) -> None:
    class Late(Watch):
        """Somebody takes a domain on while they are about to be kept."""

        looks = 0

        def __call__(self) -> float:
            self.looks += 1
            if self.looks == 2:
                db.run(add_local_domain, "labo.example")
                ours.heard([Signal(LOCAL_DOMAIN, 0)])  # by PostgreSQL's own way it comes a moment later
            return self.now

    ours = OurDomains(db, watch := Late())
    ours.learn()
    assert watch.looks > 1 and not ours.lack("labo.example")


async def test_who_was_elsewhere_may_come_to_us(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path)
    mail = Incoming(Door.SUBMISSION, Peer("127.0.0.1"), office.clock.now(), sender=Address.parse(AUBIN))
    db.run(load_trusted, [("ailleurs.test", DN)])
    to = Address.parse("medecin@ailleurs.test")
    for _ in range(2):
        assert not (await office.reception.recipient(mail, to)).is_local
    mailbox = db.run(create_mailbox, office.keyring, to, "PER", office.clock.now())
    if db.url.get_backend_name() == "sqlite":
        assert (await office.reception.recipient(mail, to)).mailbox_id == mailbox.id
    office.pool.shutdown()


async def test_a_domain_that_is_struck_off_gets_no_mail_any_more(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path)
    mail = Incoming(Door.SUBMISSION, Peer("127.0.0.1"), office.clock.now(), sender=Address.parse(AUBIN))
    db.run(load_trusted, [("ailleurs.test", DN)])
    to = Address.parse("medecin@ailleurs.test")
    for _ in range(2):
        await office.reception.recipient(mail, to)
    db.run(load_trusted, [("autre.example", DN)])
    if db.url.get_backend_name() == "sqlite":
        with pytest.raises(MailError):
            await office.reception.recipient(mail, to)
    office.pool.shutdown()


def test_anybody_may_speak_is_asked_of_the_list_only(db: Db) -> None:
    """A peer that shows no name at all is not "anybody": it may speak for no domain."""
    db.run(load_trusted, [("hopital.test", DN)])
    circle = Circle(db)
    for _ in range(2):
        assert circle.lists("hopital.test") and not circle.lists("labo.test")
        assert circle.remembers_domain("hopital.test") and circle.remembers_domain("labo.test")
        assert not circle.trusts("", "hopital.test") and not circle.trusts("", None)


def test_a_new_list_counts_at_once(db: Db) -> None:
    db.run(load_trusted, [("hopital.test", DN)])
    circle = Circle(db)
    assert not circle.remembers(DN, "hopital.test")
    for _ in range(2):
        assert circle.trusts(DN, "hopital.test") and circle.trusts(DN, None) and not circle.trusts(DN, "labo.test")
        assert circle.remembers(DN, "hopital.test") and circle.remembers(DN, "labo.test")
    db.run(load_trusted, [("labo.test", DN)])
    if db.url.get_backend_name() == "sqlite":  # PostgreSQL tells by its own connection, a moment later
        assert not circle.trusts(DN, "hopital.test") and circle.trusts(DN, "labo.test")
    assert not circle.trusts("nonsense", "labo.test")
