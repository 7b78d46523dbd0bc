"""What an administrator does for people: a second person at the counter, one who leaves, a password that was lost."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from core.address import Address
from core.errors import BadInput, NotFound, Refused
from core.tables import audit
from directory.mailboxes import close, find_mailbox
from ops.commands import persons
from portal import totp
from tests.support.kept import PHARMACY
from tests.support.portal_world import PASSWORD, Browser, World, token_in

YANIS = "yanis@demo.mssante.test"
NEW = "quatre chevaux dans la neige"


def ask(world: World, command: str, *, production: bool = True, **arguments: Any) -> Any:
    kept = world.kept
    settings = SimpleNamespace(production=production)
    app: Any = SimpleNamespace(db=kept.db, keyring=kept.keyring, trail=kept.trail, clock=kept.clock, settings=settings)
    return persons.COMMANDS[f"account.{command}"](app, arguments, lambda *_: None)


def add(world: World, login: str = YANIS, address: str = PHARMACY, **changed: str) -> Any:
    person = {"login": login, "name": "Yanis, préparateur", "password": NEW, "role": "pharmacist"} | changed
    return ask(world, "person.add", address=address, **person)


def enters(world: World, login: str, password: str) -> Browser | None:
    browser = world.browser()
    answer = browser.post("/entrer", login=login, password=password)
    return browser if answer.headers.get("location") == "/officine" else None


def test_a_second_person_works_at_the_counter_until_they_leave(world: World):
    assert add(world) == {"state": "added"}
    browser = enters(world, YANIS, NEW)
    assert browser is not None and "Yanis, préparateur" in browser.get("/officine").text
    assert "Yanis, préparateur" in world.signed_in(PHARMACY).get("/officine/reglages").text
    listed = ask(world, "person.list", address=PHARMACY)
    assert [(each["login"], each["state"]) for each in listed] == [(PHARMACY, "active"), (YANIS, "active")]
    ask(world, "person.remove", address=PHARMACY, login=YANIS.upper())
    assert browser.get("/officine").status_code == 401 and enters(world, YANIS, NEW) is None
    with pytest.raises(NotFound):
        ask(world, "person.remove", address=PHARMACY, login=YANIS)
    add(world, password="le cheval est revenu")
    assert enters(world, YANIS, "le cheval est revenu") is not None


def test_whom_and_where_is_refused(world: World):
    add(world)
    for refused, wrong in (
        (Refused, {}),  # the login is taken
        (Refused, {"login": "x@demo.mssante.test", "role": "operator"}),
        (Refused, {"login": "x@demo.mssante.test", "address": world.patient_login}),
        (NotFound, {"login": "x@demo.mssante.test", "address": "nobody@demo.mssante.test"}),
        (BadInput, {"login": "x@demo.mssante.test", "password": "court"}),
    ):
        with pytest.raises(refused):
            add(world, **wrong)
    with pytest.raises(Refused):
        ask(world, "person.remove", address=PHARMACY, login=PHARMACY)


def test_who_comes_back_is_who_left(world: World):
    """The trail names an account: nobody else works under it."""
    add(world)
    ask(world, "person.remove", address=PHARMACY, login=YANIS)
    for other in ({"name": "Zoé, préparatrice"}, {"role": "physician"}):
        with pytest.raises(Refused):
            add(world, **other)
    assert enters(world, YANIS, NEW) is None
    assert add(world) == {"state": "added"}


def test_nobody_is_added_to_a_mailbox_that_was_closed(world: World):
    box = world.kept.db.read(find_mailbox, world.kept.keyring, Address.parse(PHARMACY))
    world.kept.db.run(close, box.id)
    with pytest.raises(Refused):
        add(world)


def test_a_lost_password_is_replaced_and_what_it_had_opened_ends(world: World):
    before = world.signed_in(PHARMACY)
    assert ask(world, "password", login=PHARMACY, password=NEW, factors=False) == {"state": "changed"}
    assert before.get("/officine").status_code == 401
    assert enters(world, PHARMACY, PASSWORD) is None and enters(world, PHARMACY, NEW) is not None
    with pytest.raises(BadInput):
        ask(world, "password", login=PHARMACY, password="officine", factors=False)
    with pytest.raises(NotFound):
        ask(world, "password", login="nobody@demo.mssante.test", password=NEW, factors=False)
    noted = world.kept.db.read(lambda session: session.execute(audit.select().where(audit.c.actor == "operator")).all())
    assert [row.action for row in noted] == ["password.reset"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_lost_telephone_s_codes_end_when_that_is_said(world: World, lost: bool):
    browser = world.signed_in(PHARMACY).proved()
    page = browser.get("/compte").text
    secret = re.findall(r'name="secret" value="(\w+)"', page)[0]
    code = totp.code_at(secret, int(world.kept.clock.now().timestamp()) // 30)
    assert browser.post("/compte/code", jeton=token_in(page), secret=secret, code=code).status_code == 303
    ask(world, "password", login=PHARMACY, password=NEW, factors=lost)
    assert (enters(world, PHARMACY, NEW) is not None) == lost  # otherwise a code is asked for
