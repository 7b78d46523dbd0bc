"""A mail that asks for a receipt: whoever reads it on a page agrees or declines, once; nothing leaves otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape

import pytest
from playwright.sync_api import Browser as Chromium
from sqlalchemy import select

from core.tables import audit
from directory.mailboxes import address_of
from mail.accounts import set_password
from mail.correlate import Correlator
from mail.folder_rows import Change, change_flags
from mail.receipt_answers import KEYWORD
from mail.seals import keep_seal
from mail.tables import folder_messages
from portal.patient_mail import RECEIPT
from record.orders import State
from tests.support.browser import look, page_of, sign_in
from tests.support.kept import PHARMACY, Home, ordered, prescribed
from tests.support.passwords import hashed
from tests.support.portal_clinic import COLLEAGUE, PHYSICIAN, Clinic
from tests.support.portal_world import OTHER, PASSWORD, Browser, World, moved, served

ASKS = "L'expéditeur demande à savoir si vous avez lu ce message"
SENT = "Accusé de lecture envoyé le"
DECLINED = "Accusé de lecture non envoyé : vous l'avez refusé le"
ELSEWHERE = "Votre logiciel de messagerie a déjà répondu"


@dataclass(frozen=True)
class Reading:
    """A mail that asks, its author, and the page on which its reader has it."""

    world: World
    author: Home
    message_id: int
    browser: Browser
    page: str
    form: str

    def text(self) -> str:
        return unescape(self.browser.get(self.page).text)

    def answer(self, choice: str):
        return self.browser.act(self.page, self.form, choix=choice)

    def receipts(self) -> list[bytes]:
        """What the author got back."""
        store, holder_id = self.world.services.store, self.author.mailbox.holder_id
        return [store.open_message(each, holder_id).raw for each in self.returned()]

    def returned(self) -> list[int]:
        query = select(folder_messages.c.message_id).where(folder_messages.c.folder_id == self.author.inbox_id)
        ids = self.world.kept.db.read(lambda session: list(session.execute(query).scalars()))
        opened = self.world.services.store.open_many(ids, self.author.mailbox.holder_id)
        return [one for one in ids if opened[one].meta.subject.startswith("Lu : ")]


def asking(world: World, author: Home, to: Home, *, of: str = "") -> int:
    """A mail of this author's that asks for a receipt; its id."""
    db, keyring = world.kept.db, world.kept.keyring
    own, theirs = (db.read(address_of, keyring, each.mailbox.id) for each in (author, to))
    seal = world.kept.authority.issue_smime(own.text, "Inventé", now=world.kept.clock.now())
    db.run(keep_seal, keyring, author.mailbox.id, seal)
    header = ((RECEIPT, f"<{of or own.text}>"),)
    return world.services.post.submit(author.mailbox.id, (theirs,), "Avis", "Bonjour.\n", "", "k", extra=header)


def physician(world: World) -> Reading:
    clinic = Clinic(world)
    world.kept.db.run(set_password, clinic.colleague.account_id, hashed(PASSWORD))
    message_id = asking(world, clinic.colleague, clinic.home)
    page = f"/pro/message/{message_id}"
    return Reading(world, clinic.colleague, message_id, clinic.browser, page, f"{page}/accuse")


def pharmacist(world: World) -> Reading:
    order = ordered(world.kept, prescribed(world.kept))
    message_id = asking(world, world.kept.patient, world.kept.pharmacy)
    world.app.state.work.threads.add(order, message_id, inward=True)
    page = f"/officine/commande/{order.number}"
    browser = world.signed_in(PHARMACY)
    return Reading(world, world.kept.patient, message_id, browser, page, f"{page}/accuse/{message_id}")


def patient(world: World) -> Reading:
    order = moved(world.kept, ordered(world.kept, prescribed(world.kept)), State.TAKEN)
    message_id = asking(world, world.kept.pharmacy, world.kept.patient)
    world.app.state.work.threads.add(order, message_id, inward=False)
    browser, form = world.signed_in(world.patient_login), f"/p/accuse/{order.number}/{message_id}"
    return Reading(world, world.kept.pharmacy, message_id, browser, f"/p?fil={order.number}", form)


READERS = pytest.mark.parametrize("made", [physician, pharmacist, patient])


def said(world: World) -> list[tuple[str, int]]:
    """Of the trail: how it was answered, and about which mail."""
    query = select(audit.c.outcome, audit.c.ref).where(audit.c.action == "mail.receipt").order_by(audit.c.seq)
    return world.kept.db.read(lambda session: [(row.outcome, row.ref) for row in session.execute(query)])


def flags(reading: Reading) -> Iterable[str]:
    query = select(folder_messages.c.flags).where(folder_messages.c.message_id == reading.message_id)
    return reading.world.kept.db.read(lambda session: " ".join(session.execute(query).scalars()).split())


@READERS
def test_agreed_one_signed_receipt_leaves(world: World, made):
    reading = made(world)
    page = reading.text()
    assert page.count(ASKS) == 1 and "Envoyer l'accusé de lecture" in page and "Ne pas envoyer" in page
    assert reading.receipts() == [] and said(world) == []  # reading alone sends nothing
    for _ in range(2):
        answer = reading.answer("envoyer")
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].split("#")[0] == reading.page
    page = reading.text()
    assert SENT in page and ASKS not in page
    (receipt,) = reading.receipts()
    assert b"manual-action/MDN-sent-manually; displayed" in receipt
    (number,) = reading.returned()
    meta = world.services.store.open_message(number, reading.author.mailbox.holder_id).meta
    assert (meta.sender, meta.verdict) == ("", "pass")
    assert said(world) == [("sent", reading.message_id)] and KEYWORD in flags(reading)


@READERS
def test_declined_none_leaves_and_nobody_asks_again(world: World, made):
    reading = made(world)
    for choice in ("non", "envoyer", "non"):
        assert reading.answer(choice).status_code == 303
    page = reading.text()
    assert DECLINED in page and ASKS not in page
    assert reading.receipts() == []
    assert said(world) == [("declined", reading.message_id)] and KEYWORD in flags(reading)


@READERS
@pytest.mark.parametrize("choice", ["", "oui", "ENVOYER"])
def test_only_a_clear_word_counts(world: World, made, choice: str):
    reading = made(world)
    assert reading.answer(choice).status_code == 400
    assert reading.browser.post(reading.form, choix="envoyer").status_code == 409  # no token of the form
    assert reading.receipts() == [] and said(world) == [] and ASKS in reading.text()


def test_the_sender_s_timeline_shows_it_as_read(world: World):
    reading = physician(world)
    reading.answer("envoyer")
    kept = world.kept
    (receipt,) = reading.returned()
    Correlator(kept.db, kept.keyring, kept.clock, world.services.store)(receipt)
    timeline = world.signed_in(COLLEAGUE).get(f"/pro/envoyes/{reading.message_id}").text
    assert "<strong>Lu</strong>" in timeline and PHYSICIAN in timeline


def test_a_mail_without_the_request_shows_nothing(world: World):
    clinic = Clinic(world)
    assert "accusé de lecture" not in clinic.browser.get(f"/pro/message/{clinic.letter}").text
    answer = clinic.browser.act(
        f"/pro/message/{clinic.letter}", f"/pro/message/{clinic.letter}/accuse", choix="envoyer"
    )
    assert answer.status_code == 409 and said(world) == []


def test_the_author_s_own_side_is_not_asked(world: World):
    """The thread of an order is the same for both; only who received the mail is asked, and may answer."""
    reading = patient(world)
    order = reading.page.removeprefix("/p?fil=")
    pharmacy = world.signed_in(PHARMACY)
    page = f"/officine/commande/{order}"
    assert "accusé de lecture" not in pharmacy.get(page).text
    assert pharmacy.act(page, f"{page}/accuse/{reading.message_id}", choix="envoyer").status_code == 404
    assert said(world) == []


def test_somebody_else_s_mail_is_not_found(world: World):
    reading = pharmacist(world)
    clinic = Clinic(world)
    own = f"/pro/message/{clinic.letter}"
    answer = clinic.browser.act(own, f"/pro/message/{reading.message_id}/accuse", choix="envoyer")
    assert answer.status_code == 404
    assert clinic.browser.post(reading.form, choix="envoyer").status_code == 404
    other = world.signed_in(OTHER)
    assert other.act("/officine/reglages", reading.form, choix="envoyer").status_code == 404
    assert world.browser().post(reading.form, choix="envoyer").status_code == 401
    assert reading.receipts() == [] and said(world) == []


def test_a_mail_program_has_answered(world: World):
    reading = physician(world)
    query = select(folder_messages.c.folder_id, folder_messages.c.uid).where(
        folder_messages.c.message_id == reading.message_id
    )
    place = world.kept.db.read(lambda session: session.execute(query).one())
    world.kept.db.run(change_flags, place.folder_id, [place.uid], Change.ADD, [KEYWORD])
    page = reading.text()
    assert ELSEWHERE in page and ASKS not in page
    assert reading.answer("envoyer").status_code == 303 and reading.receipts() == []


def test_who_else_would_get_it_is_told(world: World):
    clinic = Clinic(world)
    page = clinic.browser.get(f"/pro/message/{asking(world, clinic.colleague, clinic.home, of=PHARMACY)}").text
    assert f"L'accusé irait à {PHARMACY}." in page


@pytest.mark.slow
@READERS
def test_by_keyboard_in_a_real_browser(world: World, chromium: Chromium, made):
    reading, name = made(world), made.__name__
    login = {"physician": PHYSICIAN, "pharmacist": PHARMACY, "patient": world.patient_login}[name]
    with served(world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, login)
        page.goto(base + reading.page)
        look(page, f"receipt-{name}-asked")
        button = page.get_by_role("group", name=ASKS).get_by_role("button", name="Envoyer l'accusé de lecture")
        button.focus()
        page.keyboard.press("Enter")
        done = page.get_by_role("status").filter(has_text=SENT)
        done.wait_for()
        assert done.evaluate("each => each === document.querySelector(':target')")
        assert button.count() == 0
        look(page, f"receipt-{name}-sent")
        page.context.close()
    assert len(reading.receipts()) == 1
