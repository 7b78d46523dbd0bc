"""The main job in a real browser against a real demonstration, from "Envoyer une ordonnance" to "retirée": with
scripts (the browser's own key signs) and without. Pictures for the README are kept where PLI_TEST_PICTURES says."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page

from ops.demo.cast import PATIENTS
from ops.demo_files import PHOTO_DATE, photo_jpeg, prescription_pdf
from tests.support.browser import page_of, picture, too_wide, violations

pytestmark = pytest.mark.slow
OFFSET = 20_000 + os.getpid() % 10_000


@dataclass(frozen=True)
class Demo:
    """A running demonstration."""

    base: str
    folder: Path

    def login(self, role: str) -> tuple[str, str]:
        users = json.loads((self.folder / "demo.json").read_text())["users"]
        found = next(user for user in users if user["role"] == role)
        return found["login"], found["password"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "ops.cli",
        "demo",
        "--serve-only",
        "--no-chat",
        "--home",
        str(home),
        "--port-offset",
        str(OFFSET),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("ready" in line for line in process.stderr)
    yield Demo(f"http://127.0.0.1:{8025 + OFFSET}", home)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def opened(chromium: Browser, demo: Demo, role: str, size: str, *, scripts: bool = True) -> Page:
    page = page_of(chromium, size, scripts=scripts)
    page.set_default_timeout(120_000)  # a photo is read by a process of its own, on whatever machine this is
    login, password = demo.login(role)
    page.goto(f"{demo.base}/entrer")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("form button.main")
    page.wait_for_load_state()
    return page


def axe(page: Page) -> None:
    assert violations(page) == [], page.url
    assert not too_wide(page), page.url


def chosen(phone: Page, folder: Path, *, looked_at: bool) -> None:
    """The three steps up to the last button."""
    pdf, photo = folder / "rx.pdf", folder / "rx.jpg"
    pdf.write_bytes(prescription_pdf(PATIENTS[0], PHOTO_DATE))
    photo.write_bytes(photo_jpeg())
    phone.click("text=Envoyer une ordonnance")
    if looked_at:
        axe(phone)
    phone.click("form button.main")
    if looked_at:
        axe(phone)
    phone.set_input_files("#photo", str(photo))
    phone.set_input_files("#fichiers", str(pdf))
    phone.wait_for_function("!document.querySelector('form button.main').disabled") if looked_at else None
    phone.click("form button.main")
    phone.wait_for_url("**/relire/**")


def test_from_sending_to_collected(chromium: Browser, demo: Demo, tmp_path: Path):
    phone, post = opened(chromium, demo, "patient", "phone"), opened(chromium, demo, "pharmacist", "counter")
    said: list[str] = []
    for page in (phone, post):
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
    post.wait_for_selector('[data-live="oui"]')
    chosen(phone, tmp_path, looked_at=True)
    phone.fill("#souhait", "demain matin")
    axe(phone)
    picture(phone, "patient-send")
    assert "dans ce navigateur" in phone.inner_text("#qui-signe")
    phone.click("#envoi button.main")
    phone.wait_for_url("**/p?fait=envoyee")
    post.wait_for_selector("[data-order]")
    number = post.get_attribute("[data-order]", "data-order")
    assert "Signature valide" in post.inner_text("[data-order]") and "demain matin" in post.inner_text("[data-order]")
    axe(post)
    picture(post, "board")
    post.click("[data-order] h3 a")
    for _ in range(60):  # the machine reads the photo meanwhile: the page follows by itself
        if "lit encore" not in post.inner_text("main"):
            break
        time.sleep(1)
        post.wait_for_load_state()
    axe(post)
    picture(post, "order")
    doubtful = post.locator('input[name="dosage"].doubtful')
    for place in range(doubtful.count()):
        doubtful.nth(place).fill(doubtful.nth(place).input_value().removesuffix(" ?"))
    post.click("text=Confirmer : c'est prêt")
    post.wait_for_url("**/officine?fait=ready")
    phone.wait_for_selector(".qr")
    assert "Votre commande est prête" in phone.inner_text("main")
    axe(phone)
    picture(phone, "patient-ready")
    post.fill("#code", phone.inner_text(".digits"))
    post.keyboard.press("Enter")
    post.wait_for_selector("text=Remise au patient")
    axe(post)
    post.click("text=Remise au patient")
    post.wait_for_url("**/officine?fait=collected")
    assert post.locator(f'[data-order="{number}"]').count() == 0
    phone.wait_for_selector("text=Commande retirée")
    the_rest_is_accessible(post, demo.base, number or "")
    assert not said, said


def the_rest_is_accessible(post: Page, base: str, number: str) -> None:
    sheets = (f"/officine/commande/{number}/fiche", f"/officine/commande/{number}/etiquette", "/officine/chiffres")
    for path in (*sheets, "/officine/reglages", "/officine/equipe", "/compte", "/accessibilite"):
        post.goto(base + path)
        axe(post)


def test_the_same_without_scripts(chromium: Browser, demo: Demo, tmp_path: Path):
    phone = opened(chromium, demo, "patient", "phone", scripts=False)
    post = opened(chromium, demo, "pharmacist", "counter", scripts=False)
    chosen(phone, tmp_path, looked_at=False)
    phone.click("#envoi button.main")
    phone.wait_for_url("**/p?fait=envoyee")
    for _ in range(60):
        post.goto(f"{demo.base}/officine")
        if post.locator("[data-order]").count():
            break
        time.sleep(0.5)
    post.click("button[data-to='taken']")
    post.click("[data-order] h3 a")
    for _ in range(60):
        if "lit encore" not in post.inner_text("main"):
            break
        time.sleep(1)
        post.reload()
    doubtful = post.locator('input[name="dosage"].doubtful')
    for place in range(doubtful.count()):
        doubtful.nth(place).fill(re.sub(r" \?$", "", doubtful.nth(place).input_value()))
    post.click("text=Confirmer et préparer")
    post.click("button[data-to='ready']")
    phone.goto(f"{demo.base}/p")
    assert "Votre commande est prête" in phone.inner_text("main")
    post.fill("#code", phone.inner_text(".digits"))
    post.click("text=Retirer")
    post.click("text=Remise au patient")
    phone.goto(f"{demo.base}/p")
    assert "Commande retirée" in phone.inner_text("main")


def test_four_doors_and_both_sides_in_one_window(chromium: Browser, demo: Demo):
    page = chromium.new_page(locale="fr-FR", viewport={"width": 1366, "height": 768})
    page.goto(demo.base)
    assert page.locator("text=Entrer comme").count() >= 3
    axe(page)
    page.click("text=Les deux côte à côte")
    page.wait_for_selector(".duo")
    left = page.frame_locator("iframe >> nth=0").locator("h1")
    right = page.frame_locator("iframe >> nth=1").locator("h1")
    assert left.inner_text() == "Mes commandes" and right.inner_text() == "Commandes"
    page.close()


def test_the_post_is_passed_on_to_the_colleague(chromium: Browser, demo: Demo):
    """Two named people at one counter, and the demonstration says with which code."""
    post = opened(chromium, demo, "pharmacist", "counter")
    colleague = json.loads((demo.folder / "demo.json").read_text())["colleagues"][0]
    assert "Claire MONTAIGU" in post.inner_text("header")
    post.click("text=Changer de personne")
    assert colleague["pin"] in post.inner_text("main")
    axe(post)
    post.get_by_label(f"Code de {colleague['name']}").fill(colleague["pin"])
    post.click("text=Prendre le poste")
    post.wait_for_url("**/officine")
    assert "Yanis BELHADJ" in post.inner_text("header")
    post.context.close()


def test_a_stranger_finds_the_way_in_ten_clicks(chromium: Browser, demo: Demo, tmp_path: Path):
    """From the doors to an order that is ready and its signed answer read: sixty seconds are six a click."""
    photo = tmp_path / "rx.jpg"
    photo.write_bytes(photo_jpeg())
    page = page_of(chromium)
    page.set_default_timeout(120_000)
    page.goto(demo.base)
    clicks = ["Les deux côte à côte"]
    page.click(f"text={clicks[0]}")
    page.wait_for_selector(".duo")
    left, right = page.frame_locator("iframe >> nth=0"), page.frame_locator("iframe >> nth=1")
    right.locator('[data-live="oui"]').wait_for()
    known = set(right.locator("[data-order]").evaluate_all("all => all.map(each => each.dataset.order)"))

    def click(side: FrameLocator, selector: str) -> None:
        clicks.append(selector)
        side.locator(selector).first.click()

    click(left, "text=Envoyer une ordonnance")
    click(left, "text=Continuer")
    left.locator("#photo").set_input_files(str(photo))
    clicks.append("#photo")
    left.locator("#photo-dit:not(:empty)").wait_for()
    click(left, "text=Continuer")
    click(left, "#envoi button.main")
    left.locator("#commandes .parcel").first.wait_for()
    new = right.locator("".join(f":not([data-order='{each}'])" for each in known) + "[data-order]")
    new.first.wait_for()
    number = new.first.get_attribute("data-order")
    picture(page, "duo")
    click(right, f"[data-order='{number}'] h3 a")
    right.locator(".line.proposed").first.wait_for()  # the machine has read; the page followed by itself
    doubtful = right.locator("input.doubtful")
    assert doubtful.count() > 0 and not doubtful.first.evaluate("each => each.checkValidity()")  # a « ? » goes nowhere
    for place in range(doubtful.count()):
        doubtful.nth(place).fill(doubtful.nth(place).input_value().removesuffix(" ?"))
    click(right, "text=Confirmer : c'est prêt")
    left.locator(f"#f{number} summary").wait_for()
    left.locator(".parcel.good").first.wait_for()
    click(left, f"#f{number} summary")
    answer = left.locator(f"#f{number} .said.outward").last
    answer.wait_for()
    assert "Signature valide" in answer.inner_text()
    assert len(clicks) <= 10, clicks
    page.context.close()


def test_a_passkey_opens_the_door(chromium: Browser, demo: Demo):
    """Chromium's own virtual authenticator, on a name: passkeys do not know bare addresses."""
    base = demo.base.replace("127.0.0.1", "localhost")
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": kind | {"isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    login, password = demo.login("pharmacist")
    page.goto(f"{base}/entrer")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("form button.main")
    page.wait_for_url("**/officine")
    page.goto(f"{base}/compte")
    page.fill("#confirme", password)
    page.click("text=Confirmer")
    page.click("text=Ajouter une clé d'accès")
    page.wait_for_url("**/compte?fait=1")
    page.click("summary")
    page.click("text=Se déconnecter")
    page.goto(f"{base}/entrer")
    page.click("text=Utiliser une clé d'accès")
    page.wait_for_url("**/officine")
    context.close()
