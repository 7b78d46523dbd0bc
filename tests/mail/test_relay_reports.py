"""What senders are told: patience, delays, failures, success; signed, and never about the null sender."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import select

from core.tables import outbox as promises
from crypto.trust import Trust
from crypto.verify import Reason as Verified
from crypto.verify import verify_message
from mail import relay_queue
from mail.dsn_parameters import MailWishes, Notify, RecipientWishes, Ret
from mail.relay_queue import Patience
from mail.relay_reasons import Reason
from mail.seals import keep_seal
from tests.support.databases import ENGINES
from tests.support.operators import (
    OTHER,
    PEER,
    THIRD,
    World,
    peer_of,
    report,
    states,
    submit,
)
from tests.support.post_office import AUBIN, PHARMACY, POSTMASTER

BOTH = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The units of work on both databases, the protocol on one."""
    return str(getattr(request, "param", "sqlite"))


@BOTH
async def test_attempts_grow_apart_and_end(world: World) -> None:
    world.routes[PEER], world.patience = "localhost:1", Patience(300, 40_000)
    submit(world.office, OTHER)
    begun, waits = world.office.clock.now(), []
    while states(world.office)[0][0] == "waiting":
        await world.relay().flush()
        due = world.office.db.read(
            lambda s: s.execute(select(promises.c.due_at).where(promises.c.kind == "mail.relay")).scalar()
        )
        waits.append(due / 1000 - world.office.clock.now().timestamp())
        world.office.clock.advance(max(waits[-1], 1) + 1)
        report(world)
    assert 300 <= waits[0] <= 301 and all(300 <= wait <= 40_000 for wait in waits[:-1]) and max(waits) > 20_000
    assert timedelta(days=5) <= world.office.clock.now() - begun < timedelta(days=5, hours=12)
    subjects = [mail.meta.subject for mail in world.office.inbox(AUBIN)]
    assert subjects == ["Message retardé", "Message non distribué"]
    assert states(world.office) == [("failed", "expired", "", "")]


async def test_no_report_answers_the_null_sender(world: World) -> None:
    await peer_of(world, answers={"DATA.": "554 5.6.0 no"})
    submit(world.office, OTHER, null=True)
    await world.relay().flush()
    assert states(world.office) == [("failed", "peer-refused", "554 5.6.0", "")]
    report(world)
    assert (
        world.office.inbox(AUBIN) == []
        and world.office.db.read(relay_queue.due_domains, world.office.clock.now()) == {}
    )


@pytest.mark.parametrize("asked", [Notify.NEVER, Notify.SUCCESS])
async def test_who_does_not_want_to_hear_of_failure_does_not(world: World, asked: Notify) -> None:
    await peer_of(world, answers={"DATA.": "554 5.6.0 no"})
    submit(world.office, OTHER, wishes=RecipientWishes(asked))
    await world.relay().flush()
    report(world)
    assert world.office.inbox(AUBIN) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (None, True),
        (Notify.DELAY, True),
        (Notify.FAILURE | Notify.DELAY, True),
        (Notify.FAILURE | Notify.SUCCESS, False),
        (Notify.NEVER, False),
    ],
)
async def test_a_delay_is_told_once_to_who_wants_to_know(world: World, asked: Notify | None, told: bool) -> None:
    """RFC 3461 §4.1, RFC 3464 §2.3.3, §2.3.8: what waits is no failure, and the sender has nothing to do."""
    await peer_of(world, answers={"DATA.": "451 4.3.0 later"})
    begun = world.office.clock.now()
    submit(world.office, OTHER, wishes=RecipientWishes(asked))
    for hours in (3.9, 0.2, 2):
        world.office.clock.advance(hours * 3600)
        await world.relay().flush()
        report(world)
        elapsed = world.office.clock.now() - begun
        assert len(world.office.inbox(AUBIN)) == (told and elapsed > timedelta(hours=4))
    for kept in world.office.inbox(AUBIN):
        bounce = message_from_bytes(kept.raw, policy=policy.default)
        status = next(part for part in bounce.walk() if part.get_content_type() == "message/delivery-status")
        fields = status.get_payload()[1]
        assert (fields["Action"], fields["Status"]) == ("delayed", "4.3.0")
        assert parsedate_to_datetime(fields["Will-Retry-Until"]) - begun == timedelta(days=5)


async def test_what_the_sender_wishes_travels_on(world: World) -> None:
    peer = await peer_of(world)
    wishes = RecipientWishes(Notify.SUCCESS | Notify.FAILURE, "rfc822;Dr+X@old.test")
    submit(world.office, OTHER, wishes=wishes, of_mail=MailWishes(Ret.HEADERS, "suivi 1"))
    await world.relay().flush()
    assert peer.mails[0].sender.endswith(" RET=HDRS ENVID=suivi+201")
    assert peer.mails[0].recipients == [f"RCPT TO:<{OTHER}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dr+2BX@old.test"]
    assert states(world.office)[0][3] == ""  # the peer will tell


async def test_a_peer_without_dsn_is_reported_as_relayed(world: World) -> None:
    peer = await peer_of(world, extensions=("8BITMIME",))
    submit(world.office, OTHER, PHARMACY, wishes=RecipientWishes(Notify.SUCCESS))
    await world.relay().flush()
    assert peer.mails[0].recipients == [f"RCPT TO:<{OTHER}>"]
    report(world)
    said = [message_from_bytes(mail.raw, policy=policy.default) for mail in world.office.inbox(AUBIN)]
    actions = {
        part["Action"]
        for mail in said
        for each in mail.walk()
        if each.get_content_type() == "message/delivery-status"
        for part in each.get_payload()[1:]
    }
    assert actions == {"relayed", "delivered"}


async def test_a_report_is_signed_with_the_operators_seal(world: World) -> None:
    office = world.office
    authority, now = office.papers.authority, world.own.certificate.not_valid_before_utc + timedelta(days=1)
    seal = authority.issue_smime(POSTMASTER, "Messagerie", now=now)
    office.db.run(keep_seal, office.keyring, office.queue.mailbox_id, seal)
    await peer_of(world, answers={"DATA.": "550 5.7.1 no"})
    submit(
        office,
        OTHER,
        THIRD,
        wishes=RecipientWishes(Notify.FAILURE, f"rfc822;{OTHER}"),
        of_mail=MailWishes(Ret.FULL, "suivi 1"),
    )
    await world.relay().flush()
    report(world)
    (kept,) = office.inbox(AUBIN)
    trust = Trust.load(authority.certificate_pem, crls=[authority.crl(now=now)])
    assert verify_message(kept.raw, trust=trust, at=now, envelope_sender=None).reason is Verified.OK
    bounce = message_from_bytes(kept.raw, policy=policy.default)
    parts = {part.get_content_type(): part for part in bounce.walk()}
    status = parts["message/delivery-status"].get_payload()
    assert status[0]["Original-Envelope-Id"] == "suivi 1" and len(status) == 3
    assert status[1]["Original-Recipient"] == f"rfc822;{OTHER}" and bounce["Auto-Submitted"] == "auto-replied"
    assert bounce["X-MSS-NIL"] == "NIL-0001"
    assert parts["message/rfc822"].get_payload()[0]["Message-ID"] == "<1@cabinet.example>"
    assert kept.meta.sender == "" and "Return-Path: <>" in kept.meta.trace


def test_patience_is_postfixs() -> None:
    """Back-off 300 to 4000 s with jitter."""
    waits = [[Patience().wait(attempt).total_seconds() for _ in range(50)] for attempt in (1, 2, 3, 9, 500)]
    assert all(300 <= wait <= 4000 for each in waits for wait in each)
    assert max(waits[0]) == 300 and max(waits[1]) <= 600 and min(waits[4]) >= 2000 and len(set(waits[4])) > 1


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason: Reason) -> None:
    assert relay_queue and reason.told.status[0] in "45" and reason.told.english and reason.told.french
