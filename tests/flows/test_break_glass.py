"""An emergency from the command line to the patient's eyes: opened, told, listed, reviewed by somebody else."""

import pytest
from httpx2 import Client

from ops.demo.cast import PASSWORD, PATIENTS
from tests.support.flow import Flow

pytestmark = pytest.mark.slow

WHY = "Patiente inconsciente, allergies inconnues"


def test_opened_told_listed_and_reviewed(flow: Flow) -> None:
    patient, physician = flow.patient(), flow.physician["login"]
    operator = next(user["login"] for user in flow.info["users"] if user["role"] == "operator")
    flow.said.append(WHY)
    with pytest.raises(OSError, match="une phrase"):
        flow.pli("record", "glass", "open", "vite", "--by", physician, "--patient", patient["login"])
    for other in (operator, flow.patient(1)["login"]):
        with pytest.raises(OSError, match="réservé aux professionnels"):
            flow.pli("record", "glass", "open", WHY, "--by", other, "--patient", patient["login"])
    opened = flow.pli("record", "glass", "open", WHY, "--by", physician, "--patient", patient["login"])
    number = opened["glass"]
    told = flow.until(lambda: flow.look(patient, subject="en urgence"), "the letter to the patient")
    assert told[0]
    for by in (operator, patient["login"]):
        (row,) = flow.pli("record", "glass", "list", "--json", "--by", by)
        assert (row["glass"], row["reason"], row["state"]) == (number, WHY, "to review")
    with pytest.raises(OSError, match="son propre"):
        flow.pli("record", "glass", "review", number, "justified", "--by", physician)
    with pytest.raises(OSError, match="professional"):
        flow.pli("record", "glass", "review", number, "justified", "--by", patient["login"])
    flow.pli("record", "glass", "close", number, "--by", physician)
    assert flow.pli("record", "glass", "review", number, "justified", "--by", operator)["state"] == "justified"
    assert flow.pli("record", "glass", "list", "--by", operator).strip() == "no emergency access"
    (row,) = flow.pli("record", "glass", "list", "--json", "--by", patient["login"])
    assert row["state"] == "justified"
    acts = [row["action"] for row in flow.pli("record", "trace", "--json", "--by", patient["login"])]
    assert [act for act in acts if act.startswith("glass.")] == [
        "glass.open",
        *["glass.show"] * 2,
        "glass.close",
        "glass.review",
        "glass.show",
    ]
    flow.assert_clean(WHY)


def test_the_same_on_the_pages_of_a_running_house(flow: Flow):
    """As wired: the identity's own OID, the record's own door, the patient's page and the operator's."""
    who, base = PATIENTS[0], flow.server.info["http"]["url"]
    operator = next(user["login"] for user in flow.server.info["users"] if user["role"] == "operator")
    flow.said.append(WHY)
    with Client(base_url=base) as doctor, Client(base_url=base) as patient, Client(base_url=base) as reviewer:
        sign_in(doctor, flow.physician["login"])
        form = {"matricule": who.ins.matricule, "naissance": who.birth_date, "motif": WHY}
        opened = act(doctor, "/pro/urgence", "/pro/urgence", **form)
        page = doctor.get(opened.headers["location"]).text
        assert who.family in page and WHY in page and 'id="minutes"' in page
        sign_in(patient, flow.patient()["login"])
        assert WHY in patient.get("/p").text
        sign_in(reviewer, operator)
        shown = reviewer.get("/admin").text
        assert WHY not in shown and "Contrôler" in shown and "glass.open" in shown
        review = f"/admin/urgence/{opened.headers['location'].rsplit('/', 1)[1]}"
        assert WHY in reviewer.get(review).text
        assert act(reviewer, review, review, avis="vu").status_code == 303
        assert "contrôlé : vu" in patient.get("/p").text
        assert review not in reviewer.get("/admin").text
    flow.assert_clean()


def sign_in(web: Client, login: str) -> None:
    answer = web.post("/entrer", data={"login": login, "password": PASSWORD}, headers=ours(web))
    assert answer.status_code == 303, answer.text


def act(web: Client, page: str, path: str, **form: str):
    token = web.get(page).text.split('name="jeton" value="', 1)[1].split('"', 1)[0]
    return web.post(path, data={"jeton": token} | form, headers=ours(web))


def ours(web: Client) -> dict[str, str]:
    return {"sec-fetch-site": "same-origin", "origin": str(web.base_url).rstrip("/")}
