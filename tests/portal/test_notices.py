"""Everyday e-mail that something came: only to who asked and proved the address, and without a word of what came."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from core import outbox
from core.errors import Permanent, Temporary
from core.setting_notices import Notices
from ops.keeper import Keeper
from ops.notice_mail import SmartHost, letterhead
from portal.app import build
from portal.notice_letters import FindNoticed, SendNotice
from portal.notices import FIND_KIND, SEND_KIND
from portal.tables import web_notices
from tests.support.kept import PHARMACY, keep, written
from tests.support.portal_world import World
from tests.support.ports import free_port

SAID = "Vous avez un nouveau message dans Pli"
MINE = "maelys@courriel.example"


@dataclass
class SmartHostPeer:
    """`answer`: what it says to DATA; `port` is where it waits."""

    port: int = 0
    answer: str = "250 OK"
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)

    async def handle_DATA(self, _server, _session, envelope) -> str:
        if self.answer.startswith("250"):
            self.letters.append((envelope.rcpt_tos, envelope.original_content))
        return self.answer


@pytest.fixture
def host() -> Iterator[SmartHostPeer]:
    peer = SmartHostPeer(free_port())
    controller = Controller(peer, hostname="127.0.0.1", port=peer.port)
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()


@pytest.fixture
def told(world: World) -> World:
    services = replace(world.services, notices=True)
    return replace(world, services=services, app=build(services))


def settings(host: SmartHostPeer) -> Notices:
    return Notices(
        host="127.0.0.1", port=host.port, security="none", sender="avis@pli.example", link="https://p.example"
    )


def work(world: World, host: SmartHostPeer) -> None:
    kept, kept_settings = world.kept, settings(host)
    head = letterhead(kept_settings)
    handlers = {
        FIND_KIND: FindNoticed(kept.db, kept.clock, head),
        SEND_KIND: SendNotice(kept.db, kept.keyring, kept.clock, head, SmartHost(kept_settings)),
    }
    keeper = Keeper(kept.db, kept.clock, handlers, 60, 12)
    for row_id in kept.db.read(outbox.due, kept.clock.now(), 100, frozenset()):
        keeper.run_one(row_id)


def arrives(world: World, home) -> int:
    """A mail in this INBOX, as the announcement of its delivery would promise."""
    message_id = keep(world.kept, written("PARACÉTAMOL 1 g pour LÉVÊQUE"), home)
    world.kept.db.run(outbox.put, FIND_KIND, message_id, now=world.kept.clock.now())
    return message_id


def opted_in(world: World, host: SmartHostPeer, login: str, base: str, address: str = MINE):
    browser = world.signed_in(login)
    browser.act(base, f"{base}/avis", adresse=address)
    work(world, host)
    recipients, letter = host.letters.pop()
    assert recipients == [address]
    code = re.search(r"[0-9]{6}", email.message_from_bytes(letter).get_payload())[0]
    assert browser.act(base, f"{base}/avis/code", code=code).status_code == 303
    return browser


@pytest.mark.parametrize("who", ["patient", "pharmacy"])
def test_a_letter_says_that_something_came_and_nothing_of_it(told: World, host: SmartHostPeer, who: str):
    login, base = (told.patient_login, "/p/compte") if who == "patient" else (PHARMACY, "/compte")
    opted_in(told, host, login, base)
    arrives(told, getattr(told.kept, who))
    work(told, host)
    work(told, host)
    ((recipients, raw),) = host.letters
    assert recipients == [MINE]
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert letter["Subject"] == SAID and letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().startswith(SAID) and "https://p.example" in letter.get_content()
    for secret in ("LÉVÊQUE", "PARAC", "2790399", "pharmacie", "DU PORT", "demo.mssante"):
        assert secret not in letter.get_content() + str(letter["Subject"]) + raw.decode(errors="replace")


def test_nobody_is_told_who_did_not_ask_or_not_prove_it(told: World, host: SmartHostPeer):
    arrives(told, told.kept.patient)
    work(told, host)
    assert not host.letters
    browser = told.signed_in(told.patient_login)
    browser.act("/p/compte", "/p/compte/avis", adresse=MINE)
    work(told, host)
    host.letters.clear()
    arrives(told, told.kept.patient)
    work(told, host)
    work(told, host)
    assert not host.letters


def test_one_letter_says_it_for_all_within_the_quiet_time(told: World, host: SmartHostPeer):
    opted_in(told, host, told.patient_login, "/p/compte")
    for _ in range(3):
        arrives(told, told.kept.patient)
    work(told, host)
    work(told, host)
    assert len(host.letters) == 1
    arrives(told, told.kept.patient)
    work(told, host)
    work(told, host)
    assert len(host.letters) == 1
    told.kept.clock.advance(11 * 60)
    work(told, host)
    assert len(host.letters) == 2


def test_what_the_host_refuses_is_tried_again(told: World, host: SmartHostPeer):
    opted_in(told, host, told.patient_login, "/p/compte")
    host.answer = "451 later"
    arrives(told, told.kept.patient)
    for _ in range(2):
        work(told, host)
    assert not host.letters
    host.answer = "250 OK"
    told.kept.clock.advance(3600)
    work(told, host)
    assert len(host.letters) == 1


def test_five_wrong_codes_and_the_address_is_forgotten(told: World, host: SmartHostPeer):
    browser = told.signed_in(told.patient_login)
    browser.act("/p/compte", "/p/compte/avis", adresse=MINE)
    for _ in range(5):
        assert browser.act("/p/compte", "/p/compte/avis/code", code="x").status_code == 409
    assert MINE not in browser.get("/p/compte").text


def test_no_stranger_is_flooded(told: World, host: SmartHostPeer):
    browser = told.signed_in(told.patient_login)
    assert browser.act("/p/compte", "/p/compte/avis", adresse=MINE).status_code == 303
    assert browser.act("/p/compte", "/p/compte/avis", adresse=MINE).status_code == 409
    work(told, host)
    assert len(host.letters) == 1
    for wrong in ("x", "a@b@c", told.patient_login, "a\r\nBcc: b@c.example"):
        assert browser.act("/p/compte", "/p/compte/avis", adresse=wrong).status_code == 400


def test_stopping_forgets_the_address(told: World, host: SmartHostPeer):
    browser = opted_in(told, host, told.patient_login, "/p/compte")
    row = told.kept.db.read(lambda session: session.execute(select(web_notices)).one())
    assert MINE.encode() not in row.sealed
    browser.act("/p/compte", "/p/compte/avis/fin")
    arrives(told, told.kept.patient)
    work(told, host)
    work(told, host)
    assert not host.letters and told.kept.db.read(lambda session: session.execute(select(web_notices)).all()) == []


def test_without_a_smart_host_nothing_is_offered(world: World):
    browser = world.signed_in(world.patient_login)
    assert "Avis par e-mail" not in browser.get("/p/compte").text
    assert browser.act("/p/compte", "/p/compte/avis", adresse=MINE).status_code == 409


@pytest.mark.parametrize(("answer", "kind"), [("451 x", Temporary), ("554 x", Permanent)])
def test_a_failure_says_nothing_of_anybody(host: SmartHostPeer, answer: str, kind: type[Exception]):
    host.answer = f"{answer} {MINE}"
    with pytest.raises(kind) as caught:
        SmartHost(settings(host)).carry(MINE, b"Subject: x\r\n\r\nx\r\n")
    assert MINE not in str(caught.value)


def test_a_host_that_is_not_there_is_temporary():
    away = Notices(host="127.0.0.1", port=1, security="none")
    with pytest.raises(Temporary):
        SmartHost(away).carry(MINE, b"Subject: x\r\n\r\nx\r\n")
