"""The counter: codes to collect, answers in the thread, promises by the item, sheets and labels, the team, figures."""

import csv
import io
import re
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from core.tables import audit
from crypto.verdict import Reason, Verdict
from mail.accounts import NewAccount, create_account
from ops.demo_files import demo_patient
from portal import pickup
from portal.bar_charts import Chart
from portal.barcode import ean13, is_ean13, modules
from portal.cards import Known, card
from portal.figures import quantile
from record.lines import Line
from record.order_detail import ALERTS, Detail
from record.order_thread import unseen
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.passwords import hashed
from tests.support.portal_world import OTHER, PASSWORD, World, confirmed, moved


def ready(world: World):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    return moved(world.kept, order, State.READY)


def traced(world: World, action: str, outcome: str = "allowed") -> int:
    query = select(func.count()).where(audit.c.action == action, audit.c.outcome == outcome)
    return world.kept.db.read(lambda session: session.execute(query).scalar_one())


def digits_of(page: str) -> str:
    return "".join(re.findall(r'class="digits">(\d{3}) (\d{3})<', page)[0])


def test_collected_by_the_code_on_the_patient_s_screen_once(world: World):
    order = ready(world)
    code = digits_of(world.signed_in(world.patient_login).get("/p").text)
    counter = world.signed_in(PHARMACY)
    for given in (code, f"{code[:3]} {code[3:]}", pickup.token(world.kept.keyring, order, "").lower()):
        page = counter.act("/officine", "/officine/retrait", code=given)
        assert page.status_code == 200 and "LÉVÊQUE" in page.text and "Remise au patient" in page.text
    wrong = f"{(int(code) + 1) % 1000000:06d}"
    for given in (wrong, "1", "PLI-AAA-AAAA-" + "0" * 20, "", "<script>"):
        assert "LÉVÊQUE" not in counter.act("/officine", "/officine/retrait", code=given).text
    path = f"/officine/commande/{order.number}/etat"
    assert counter.act("/officine", path, vers="collected", version=str(order.version)).status_code == 303
    assert counter.act("/officine", "/officine/retrait", code=code).status_code == 404
    assert "digits" not in world.signed_in(world.patient_login).get("/p").text


def test_another_pharmacy_collects_nothing(world: World):
    ready(world)
    code = digits_of(world.signed_in(world.patient_login).get("/p").text)
    page = world.signed_in(OTHER).act("/officine/reglages", "/officine/retrait", code=code)
    assert page.status_code == 404 and "LÉVÊQUE" not in page.text


def test_a_delegate_gets_a_code_of_their_own(world: World):
    order = ready(world)
    patient, counter = world.signed_in(world.patient_login), world.signed_in(PHARMACY)
    before = digits_of(patient.get("/p").text)
    path = f"/p/commande/{order.number}/mandataire"
    assert patient.act("/p", path, version=str(order.version), nom="Jeanne QUÉRÉ").status_code == 303
    after = digits_of(patient.get("/p").text)
    assert after != before
    assert counter.act("/officine", "/officine/retrait", code=before).status_code == 404
    page = counter.act("/officine", "/officine/retrait", code=after).text
    assert "mandataire" in page and "Jeanne QUÉRÉ" in page
    assert patient.act("/p", path, version=str(order.version), nom="Trop tard").status_code == 409


def test_a_thread_both_sides_read(world: World):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    counter, patient = world.signed_in(PHARMACY), world.signed_in(world.patient_login)
    path = f"/officine/commande/{order.number}"
    assert counter.act(path, f"{path}/repondre", texte="Quelle <b>date</b> ?").status_code == 303
    assert "Quelle &lt;b&gt;date&lt;/b&gt; ?" in patient.get("/p").text
    assert patient.act("/p", f"/p/repondre/{order.number}", texte="Le 3 juin.").status_code == 303
    assert world.kept.db.read(unseen, [order.id]) == {order.id: 1}
    assert "1 message du patient à lire" in counter.get("/officine").text
    assert "Le 3 juin." in counter.get(path).text
    assert "à lire" not in counter.get("/officine").text and world.kept.db.read(unseen, [order.id]) == {}
    assert traced(world, "order.letter") >= 2
    assert patient.act("/p", f"/p/repondre/{order.number}").status_code == 400
    assert patient.post("/p/repondre/AAA-AAAA", texte="x").status_code == 409
    assert world.signed_in(OTHER).act("/officine/reglages", f"{path}/repondre", texte="x").status_code == 404


def test_a_reply_template_is_filled_and_may_be_changed(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    counter, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    assert "PHARMACIE DU PORT" in re.findall(r'id="reponse"[^>]*>([^<]*)<', counter.get(f"{path}?modele=recue").text)[0]
    page = "/officine/reglages"
    assert counter.get(page).text.count('name="cle"') == 8
    form = {"version": "0", "cle": ["recue"], "texte": ["Merci ! {pharmacie} {x}"]}
    assert counter.act(page, f"{page}/modeles", **form).status_code == 303
    assert "Merci ! PHARMACIE DU PORT {x}" in counter.get(path).text
    assert counter.act(page, f"{page}/modeles", **form).status_code == 409  # a colleague was faster
    assert counter.act(page, page, version="1", horaires="9 h", delai="1441").status_code == 400
    assert "Merci !" not in world.signed_in(OTHER).get(page).text


def test_the_sheet_says_confirmed_only_once_it_is(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    counter, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}/fiche"
    page = counter.get(path).text
    assert "non confirmée" in page and "à confirmer sur le document" in page and "confirmées par" not in page
    confirmed(world.kept, moved(world.kept, order, State.TAKEN))
    page = counter.get(path).text
    assert "non confirmée" not in page and "confirmées par le pharmacien" in page


def test_what_is_promised_has_a_day_of_its_own(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    counter, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    form = {"vers": "partly_ready", "version": str(order.version), "promis": ["A 1 g", "B 2 g", ""]}
    answer = counter.act(path, f"{path}/etat", **form, jour=["2026-06-03", "2026-06-05", ""])
    assert answer.status_code == 303, answer.text
    page = world.signed_in(world.patient_login).get("/p").text
    assert "A 1 g" in page and "03/06/2026" in page and "B 2 g" in page and "05/06/2026" in page


def test_sheet_and_label_say_what_they_must_and_no_more(world: World):
    order = ready(world)
    counter, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    assert "PARACÉTAMOL" in counter.get(f"{path}/fiche").text
    label = counter.get(f"{path}/etiquette").text
    assert "LÉVÊQUE M." in label and "PARACÉTAMOL" not in label and order.number in label
    assert world.signed_in(OTHER).get(f"{path}/fiche").status_code == 404


def test_barcodes_are_ean13():
    good = next(f"340093000001{last}" for last in range(10) if is_ean13(f"340093000001{last}"))
    assert len(modules(good)) == 95 and modules(good).startswith("101") and modules(good).endswith("101")
    assert good in ean13(good)
    for bad in ("", "1", "3400930000010" if good[-1] != "0" else "3400930000011", "34009300000é4", "x" * 13):
        with pytest.raises(ValueError, match="EAN-13"):
            ean13(bad)


def test_a_barcode_reader_reads_it(tmp_path):
    """zxing, as a scanner would: the modules as pixels."""
    import zxingcpp

    good = next(f"340093588776{last}" for last in range(10) if is_ean13(f"340093588776{last}"))
    row = [255] * 40 + [0 if bit == "1" else 255 for bit in modules(good) for _ in range(4)] + [255] * 40
    flat = memoryview(bytes(row * 120)).cast("B", (120, len(row)))
    assert zxingcpp.read_barcodes(flat)[0].text == good


def test_the_post_passes_from_one_colleague_to_another(world: World):
    new = NewAccount("preparateur@demo.mssante.test", "pharmacist", world.kept.pharmacy.mailbox.id)
    new = NewAccount(new.login, new.role, new.mailbox_id, hashed(PASSWORD), profile={"name": "Ana PRÉPARATRICE"})
    other_id = world.kept.db.run(create_account, world.kept.keyring, new)
    colleague, mine = world.signed_in(new.login).proved(), world.signed_in(PHARMACY)
    page = "/officine/equipe"
    for weak in ("12", "1111", "1234", "abcd"):
        assert colleague.act("/officine/reglages", "/officine/reglages/code", code=weak).status_code == 400
    assert colleague.act("/officine/reglages", "/officine/reglages/code", code="4827").status_code == 303
    old = mine.client.cookies["pli"]
    assert "erreur" in mine.act(page, page, qui=str(other_id), code="4828").headers["location"]
    assert mine.act(page, page, qui=str(other_id), code="4827").headers["location"] == "/officine"
    assert "Ana PRÉPARATRICE" in mine.get("/officine").text
    stolen = world.browser()
    stolen.client.cookies.set("pli", old)
    assert stolen.get("/officine").status_code == 401
    assert world.signed_in(OTHER).act(page, page, qui=str(other_id), code="4827").status_code == 404
    assert traced(world, "web.switch") == 1 and traced(world, "web.switch", "refused") == 1


def test_a_pin_is_locked_after_five_wrong_ones(world: World):
    new = NewAccount("p@demo.mssante.test", "pharmacist", world.kept.pharmacy.mailbox.id, hashed(PASSWORD))
    other_id = world.kept.db.run(create_account, world.kept.keyring, new)
    colleague, mine = world.signed_in(new.login).proved(), world.signed_in(PHARMACY)
    colleague.act("/officine/reglages", "/officine/reglages/code", code="4827")
    for _ in range(5):
        mine.act("/officine/equipe", "/officine/equipe", qui=str(other_id), code="0000")
    assert (
        "erreur" in mine.act("/officine/equipe", "/officine/equipe", qui=str(other_id), code="4827").headers["location"]
    )


def test_figures_and_the_trail_of_the_team(world: World):
    ready(world)
    counter = world.signed_in(PHARMACY)
    page = counter.get("/officine/chiffres").text
    assert page.count('<svg class="chart"') == 3 and page.count("<table") == 3 and "LÉVÊQUE" not in page
    counter.get("/officine")
    text = counter.act("/officine/chiffres", "/officine/chiffres/journal").content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows[0] == ["date", "personne", "action", "commande", "issue"]
    assert any(row[2] == "order.read" and row[3] for row in rows) and "LÉVÊQUE" not in text
    assert "order.read" not in world.signed_in(OTHER).act("/officine/chiffres", "/officine/chiffres/journal").text
    assert quantile([], 0.5) is None and quantile([1, 2, 3], 0.5) == 2


@pytest.mark.parametrize("upright", [True, False])
def test_a_chart_holds_nothing_that_a_label_says(upright: bool):
    rows = (('<b onload="x">', 3.0), ("rien", 0.0))
    drawn = Chart('"><script>', rows, upright=upright).svg()
    assert drawn.count("<rect") == 2 and "<script" not in drawn and "<b " not in drawn
    assert Chart("vide", (), upright=upright).svg().count("<rect") == 0


def test_what_the_machine_doubted_is_over_once_it_is_confirmed(world: World):
    detail = Detail((Line("A", "A"),), ("doubt", "by_machine", "original"))
    known = Known(ordered(world.kept, prescribed(world.kept)), demo_patient(), detail, None)
    now = world.kept.clock.now()
    assert len(card(known, {}, now).alerts) == 3
    sure = replace(detail, lines=(Line("A", "A", confirmed=True),))
    assert card(replace(known, detail=sure), {}, now).alerts == (ALERTS["original"],)


def test_confirm_and_ready_in_one_press_tells_the_patient_once(world: World):
    from core.tables import outbox

    order = ordered(world.kept, prescribed(world.kept))
    counter, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    rows = {"nom": ["PARACÉTAMOL"], "dosage": ["1 g"], "posologie": ["1"], "duree": ["5 j"]}
    answer = counter.act(path, f"{path}/lignes", version="1", ensuite="ready", **rows)
    assert answer.headers["location"] == "/officine?fait=ready"
    assert world.kept.db.read(world.services.orders.get, order.id).state is State.READY
    told = select(func.count()).where(outbox.c.kind == "order.notify")
    assert world.kept.db.read(lambda session: session.execute(told).scalar_one()) == 1


def test_the_two_sides_of_the_demonstration_live_in_one_window(world: World):
    browser = world.browser()
    assert "Ouvrir les deux" in browser.get("/demo/duo").text
    assert browser.post("/demo/duo").status_code == 303
    assert browser.get("/demo/duo").text.count("<iframe") == 2
    assert "Mes commandes" in browser.get("/p").text and "Commandes" in browser.get("/officine").text
    assert browser.act("/p", "/p/sortir").status_code == 303
    assert browser.get("/p").status_code == 401 and browser.get("/officine").status_code == 200
