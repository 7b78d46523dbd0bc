"""The way out, against scripted peers: mutual TLS or nothing, results for each recipient, reports, patience."""

import asyncio
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from sqlalchemy import func, select, text

from core.tables import outbox as promises
from mail import relay_connection, relay_settle
from mail.dsn_parameters import MailWishes, Ret
from mail.relay import BATCH, Rules
from mail.relay_connection import Dialler
from mail.removal import KIND as REMOVE_KIND
from mail.removal import Removal
from mail.tables import message_keys, messages
from tests.support.databases import ENGINES
from tests.support.operators import (
    EXTENSIONS,
    MAIL,
    OTHER,
    PEER,
    SILENCE,
    THIRD,
    Operator,
    World,
    numbered,
    peer_of,
    refused,
    report,
    states,
    submit,
)
from tests.support.ports import free_port
from tests.support.post_office import AUBIN, LEA, PHARMACY

BOTH = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The units of work on both databases, the protocol on one."""
    return str(getattr(request, "param", "sqlite"))


@BOTH
async def test_a_mail_goes_out_byte_for_byte(world: World) -> None:
    peer = await peer_of(world)
    submit(world.office, OTHER, PHARMACY)
    await world.relay().flush()
    assert [(mail.sender, mail.recipients, mail.raw) for mail in peer.mails] == [
        (f"MAIL FROM:<{AUBIN}> SIZE={len(MAIL)}", [f"RCPT TO:<{OTHER}>"], MAIL)
    ]
    assert [line.split(" ")[0] for line in peer.clear] == ["EHLO", "STARTTLS"]
    assert dict(each[0] for each in peer.clients[0]["subject"])["commonName"] == "Passerelle Pli"
    assert [mail.raw for mail in world.office.inbox(PHARMACY)] == [MAIL]
    assert states(world.office) == [("relayed", "", "250 2.6.0", "")]


async def test_the_queue_forgets_what_is_settled(world: World) -> None:
    await peer_of(world)
    message_id = submit(world.office, OTHER)
    await world.relay().flush()
    removed = world.office.db.read(
        lambda s: s.execute(select(promises.c.ref).where(promises.c.kind == REMOVE_KIND)).scalars().all()
    )
    assert removed == [message_id]
    Removal(world.office.db, world.office.clock, world.office.blobs.discard, (relay_settle.keeps,))(message_id)
    assert world.office.db.read(lambda s: s.execute(select(func.count()).select_from(messages)).scalar()) == 0


@BOTH
async def test_the_queue_gives_its_key_back(world: World) -> None:
    await peer_of(world)
    message_id = submit(world.office, OTHER, PHARMACY)
    holders = select(message_keys.c.holder_id).where(message_keys.c.message_id == message_id)
    assert world.office.queue.holder_id in world.office.db.read(lambda s: s.execute(holders).scalars().all())
    await world.relay().flush()
    assert world.office.queue.holder_id not in world.office.db.read(lambda s: s.execute(holders).scalars().all())


@BOTH
async def test_the_queue_keeps_its_key_while_another_operator_waits(world: World) -> None:
    await peer_of(world)
    world.list_peer(PEER, "panne.test")
    world.routes["panne.test"] = f"localhost:{free_port()}"  # nobody listens
    message_id = submit(world.office, OTHER, "medecin@panne.test", PHARMACY)
    await world.relay().flush()
    assert sorted(state for state, *_ in states(world.office)) == ["relayed", "waiting"]
    holders = select(message_keys.c.holder_id).where(message_keys.c.message_id == message_id)
    assert world.office.queue.holder_id in world.office.db.read(lambda s: s.execute(holders).scalars().all())


async def test_one_connection_for_many(world: World) -> None:
    peer = await peer_of(world)
    for number in range(12):
        submit(world.office, OTHER, raw=MAIL.replace(b"<1@", f"<{number}@".encode()))
    await world.relay().flush()
    assert len(peer.mails) == 12 and peer.sessions == 1


@pytest.mark.parametrize(("rules", "sessions"), [(Rules(lanes=2), 2), (Rules(lanes_in_all=1), 1), (Rules(), 3)])
async def test_connections_to_one_destination_are_counted(world: World, rules: Rules, sessions: int) -> None:
    peer = await peer_of(world)
    for number in range(2 * BATCH + 1):
        submit(world.office, OTHER, raw=MAIL.replace(b"<1@", f"<{number}@".encode()))
    await world.relay(replace(rules, linger_s=0.0)).flush()
    assert len(peer.mails) == 2 * BATCH + 1 and peer.sessions == sessions


async def test_what_could_not_be_written_down_is_sent_again(world: World) -> None:
    """A peer knows repeats; a mail that nobody has would be lost."""
    peer = await peer_of(world)
    for number in range(3):
        submit(world.office, OTHER, raw=numbered(number))
    trigger = "CREATE TRIGGER full BEFORE UPDATE ON consigned BEGIN SELECT RAISE(ABORT, 'no room'); END"
    await world.office.db.arun(lambda session: session.execute(text(trigger)))
    await world.relay().flush()
    assert {state for state, *_ in states(world.office)} == {"waiting"} and len(peer.mails) == 3
    await world.office.db.arun(lambda session: session.execute(text("DROP TRIGGER full")))
    world.office.clock.advance(Rules().lease_s + 1)
    await world.relay().flush()
    assert {state for state, *_ in states(world.office)} == {"relayed"} and len(peer.mails) == 6


async def test_a_large_body_comes_from_its_file(world: World) -> None:
    peer = await peer_of(world)
    raw = MAIL + b"x" * 70 + b"\r\n"
    raw += raw[-72:] * 3000
    submit(world.office, OTHER, raw=raw)
    await world.relay().flush()
    assert [mail.raw for mail in peer.mails] == [raw]


@pytest.mark.parametrize("to", ["x@unlisted.test", "x@sub.clinique.test"])
async def test_nothing_is_taken_for_a_domain_that_is_not_listed(world: World, to: str) -> None:
    error = refused(world.office, AUBIN, to)
    assert (error.code, error.enhanced) == (550, "5.7.1")


async def test_a_domain_struck_off_meanwhile_gets_nothing(world: World) -> None:
    peer = await peer_of(world)
    submit(world.office, OTHER)
    world.list_peer("autre.test")
    await world.relay().flush()
    assert states(world.office) == [("waiting", "unlisted", "", "")] and peer.sessions == 0


async def refuses(world: World, peer: Operator, reason: str) -> None:
    """The peer heard nothing of the mail, and the queue says why."""
    submit(world.office, OTHER)
    await world.relay().flush()
    assert states(world.office)[0][:2] == ("waiting", reason)
    assert not any(line.startswith(("MAIL", "RCPT", "DATA")) for line in peer.lines) and not peer.mails


async def test_never_in_clear(world: World) -> None:
    await refuses(world, await peer_of(world, tls=None), "no-starttls")


async def test_never_on_a_refused_starttls(world: World) -> None:
    await refuses(world, await peer_of(world, answers={"STARTTLS": "454 4.7.0 not now"}), "not-welcome")


async def test_what_was_said_before_tls_is_not_believed(world: World) -> None:
    """STARTTLS response injection: the pretended extensions of the clear text are gone."""
    peer = await peer_of(world, injected=b"250-evil\r\n250 XEVIL\r\n")
    submit(world.office, OTHER)
    await world.relay().flush()
    assert peer.mails and [line.split(" ")[0] for line in peer.lines].count("EHLO") == 2


async def test_a_certificate_of_another_name_than_listed(world: World) -> None:
    world.list_peer(PEER, who=world.office.papers.operator)
    await refuses(world, await peer_of(world), "certificate")


async def test_an_expired_certificate(world: World) -> None:
    await refuses(world, await peer_of(world, tls=world.context(world.expired)), "tls")


async def test_a_certificate_for_another_host(world: World) -> None:
    peer = await peer_of(world, tls=world.context(world.stranger))
    world.list_peer(PEER, who=world.stranger)
    world.routes[PEER] = world.routes[PEER].replace("localhost", "127.0.0.1")
    await refuses(world, peer, "tls")


async def test_a_peer_that_hangs_up_or_sends_us_away(world: World) -> None:
    await refuses(world, await peer_of(world, answers={"GREETING": "554 5.7.1 go away"}), "not-welcome")


async def test_nobody_answers(world: World) -> None:
    peer = await peer_of(world)
    await peer.stop()
    await refuses(world, peer, "unreachable")


@BOTH
async def test_each_recipient_has_its_own_end(world: World) -> None:
    answers = {f"RCPT TO:<{THIRD}>": "550 5.1.1 no such user", f"RCPT TO:<later@{PEER}>": "451 4.7.1 greylisted"}
    peer = await peer_of(world, answers=answers)
    submit(world.office, OTHER, THIRD, f"later@{PEER}")
    await world.relay().flush()
    assert states(world.office) == [
        ("relayed", "", "250 2.6.0", ""),
        ("failed", "peer-refused", "550 5.1.1", "failed"),
        ("waiting", "peer-later", "451 4.7.1", ""),
    ]
    report(world)
    bounce = message_from_bytes(world.office.inbox(AUBIN)[0].raw, policy=policy.default)
    fields = next(part for part in bounce.walk() if part.get_content_type() == "message/delivery-status").get_payload()
    assert [(part["Final-Recipient"], part["Action"], part["Status"]) for part in fields[1:]] == [
        (f"rfc822; {THIRD}", "failed", "5.1.1")
    ]
    assert "no such user" in fields[1]["Diagnostic-Code"] and fields[0]["Reporting-MTA"] == "dns; mx.pli.example"
    peer.answers.clear()
    world.office.clock.advance(4000)
    await world.relay().flush()
    assert [mail.recipients for mail in peer.mails] == [[f"RCPT TO:<{OTHER}>"], [f"RCPT TO:<later@{PEER}>"]]


@pytest.mark.parametrize("verb", ["MAIL", "DATA", "DATA."])
async def test_a_refusal_of_the_mail_is_one_of_all_recipients(world: World, verb: str) -> None:
    await peer_of(world, answers={verb: "554 5.6.0 no"})
    submit(world.office, OTHER, THIRD)
    await world.relay().flush()
    assert [row[:3] for row in states(world.office)] == [("failed", "peer-refused", "554 5.6.0")] * 2


@pytest.mark.parametrize("verb", ["MAIL", "DATA", "DATA.", f"RCPT TO:<{OTHER}>"])
async def test_a_connection_that_breaks_loses_nothing(world: World, verb: str) -> None:
    peer = await peer_of(world, answers={verb: None})
    submit(world.office, OTHER)
    await world.relay().flush()
    assert states(world.office)[0][:2] == ("waiting", "lost")
    peer.answers.clear()
    world.office.clock.advance(4000)
    await world.relay().flush()
    assert len(peer.mails) == 1 and states(world.office)[0][0] == "relayed"


@pytest.mark.parametrize(
    ("verb", "limit"),
    [
        ("GREETING", "CONNECT_S"),
        ("EHLO", "CONNECT_S"),
        ("STARTTLS", "CONNECT_S"),
        ("MAIL", "COMMAND_S"),
        (f"RCPT TO:<{OTHER}>", "COMMAND_S"),
        ("DATA", "DATA_S"),
        ("DATA.", "DATA_S"),
    ],
)
async def test_a_peer_that_falls_silent_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str, limit: str
) -> None:
    monkeypatch.setattr(relay_connection, limit, 0.2)
    peer = await peer_of(world, answers={verb: SILENCE})
    submit(world.office, OTHER)
    async with asyncio.timeout(20):
        await world.relay().flush()
    assert states(world.office)[0][:2] == ("waiting", "timeout")
    monkeypatch.undo()
    peer.answers.clear()
    world.office.clock.advance(4000)
    await world.relay().flush()
    assert len(peer.mails) == 1 and states(world.office)[0][0] == "relayed"


async def test_a_silent_goodbye_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_connection, "QUIT_S", 0.2)
    peer = await peer_of(world, answers={"QUIT": SILENCE})
    submit(world.office, OTHER)
    async with asyncio.timeout(20):
        await world.relay().flush()
    assert len(peer.mails) == 1 and states(world.office)[0][0] == "relayed"


@pytest.mark.parametrize(
    ("extensions", "raw", "reason"),
    [
        (("SIZE 20",), MAIL, "too-large"),
        ((), MAIL + "é\r\n".encode(), "eight-bit"),
        (("8BITMIME",), MAIL.replace(b"essai", "é".encode()), "utf8"),
    ],
)
async def test_what_a_peer_cannot_take_unchanged_is_not_sent(
    world: World, extensions: tuple[str, ...], raw: bytes, reason: str
) -> None:
    peer = await peer_of(world, extensions=extensions)
    submit(world.office, OTHER, raw=raw)
    await world.relay().flush()
    assert states(world.office)[0][:2] == ("failed", reason) and not peer.mails


def test_every_connection_is_checked() -> None:
    """There is one way to a peer, and it asks the list first."""
    assert Dialler.dial.__code__.co_names.index("listed") < Dialler.dial.__code__.co_names.index("_open")


async def test_patients_mail_to_another_operator(world: World) -> None:
    """A patient answers a professional elsewhere once that one has written, never before."""
    assert refused(world.office, LEA, OTHER, "patient").enhanced == "5.7.1"


async def test_required_tls_goes_on_to_who_promises_it(world: World) -> None:
    """RFC 8689 §4.2."""
    peer = await peer_of(world, extensions=(*EXTENSIONS, "REQUIRETLS"))
    submit(world.office, OTHER, require_tls=True)
    submit(world.office, OTHER, raw=MAIL.replace(b"<1@", b"<2@"))
    await world.relay().flush()
    said = sorted(mail.sender.split(" ")[2:] for mail in peer.mails)
    assert said == [[f"SIZE={len(MAIL)}"], [f"SIZE={len(MAIL)}", "REQUIRETLS"]]


async def test_required_tls_goes_to_nobody_else(world: World) -> None:
    """Not tried again: the report says so with X.7.30, brings no text back, and asks for the same itself."""
    peer = await peer_of(world)
    submit(world.office, OTHER, require_tls=True, of_mail=MailWishes(Ret.FULL))
    await world.relay().flush()
    assert peer.mails == [] and not any(line.startswith("MAIL") for line in peer.lines)
    assert states(world.office)[0][:2] == ("failed", "require-tls")
    report(world)
    (told,) = world.office.inbox(AUBIN)
    assert b"Status: 5.7.30" in told.raw and b"bonjour" not in told.raw


async def test_a_promise_made_in_clear_counts_no_more(world: World) -> None:
    """RFC 8689 §3: what the peer offers before TLS is not believed."""
    peer = await peer_of(world, only_in_clear=("REQUIRETLS",))
    submit(world.office, OTHER, require_tls=True)
    await world.relay().flush()
    assert peer.mails == [] and states(world.office)[0][:2] == ("failed", "require-tls")
