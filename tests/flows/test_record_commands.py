"""`pli record`, `pli patient represent` and `pli software`, driven from a terminal beside a running server."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from httpx2 import Client

from ops.demo.cast import PATIENTS
from ops.demo_files import PHOTO_DATE, prescription_pdf
from tests.support.flow import Flow
from tests.support.letters import PDF

pytestmark = pytest.mark.slow

_days: Iterator[date] = (PHOTO_DATE + timedelta(days=number) for number in count(1))  # no document is sent twice


@pytest.fixture
def document(flow: Flow) -> str:
    """The id of a fresh prescription in the first patient's record."""
    return sent(flow, 0, flow.patient(0)["login"])


@pytest.fixture
def stray(flow: Flow) -> str:
    """The id of one that bears another patient's name: it waits at the pharmacy."""
    return sent(flow, 1, flow.pharmacy["login"])


def sent(flow: Flow, rank: int, lister: str) -> str:
    """From the first patient to the pharmacy, made out to the patient of this rank; as `lister` then has it."""
    files = [("ordonnance-inventée.pdf", PDF, prescription_pdf(PATIENTS[rank], next(_days)))]
    known = states(flow, lister)
    letter = flow.write(flow.patient(0), flow.pharmacy["address"], "Envoi inventé", files=files)
    assert flow.submit(flow.patient(0), letter.raw, flow.pharmacy["address"]).code == 250
    flow.wait_work_done()
    (fresh,) = states(flow, lister).keys() - known.keys()
    return fresh


def states(flow: Flow, login: str) -> dict[str, str]:
    """Document → state, of what `pli record list` shows to this person."""
    return {row["document"]: row["state"] for row in flow.ask("record.list", by=login)}


def refused(flow: Flow, why: str, *args: str) -> None:
    """One line on standard error, for whoever may not or asked for what is not there."""
    with pytest.raises(OSError, match=f"ended with 1: pli: [^\n]*{why}[^\n]*\n$") as failed:
        flow.pli(*args)
    assert "the command failed" not in str(failed.value)  # that is no answer


def kept(flow: Flow, document: str) -> tuple[Any, ...]:
    """State, storage and mask of the row."""
    return flow.rows(f"SELECT state, storage, mask FROM documents WHERE id = {int(document)}")[0]


def test_search_finds_words_however_they_are_written(flow: Flow, document: str) -> None:
    me = flow.patient(0)["login"]
    found = flow.pli("record", "search", "ramipril LEVOTHYROXINE", "--by", me, "--json")
    (hit,) = [hit for hit in found if hit["document"] == document]
    assert "LÉVOTHYROXINE" in hit["excerpt"]
    assert flow.pli("record", "search", "introuvable", "--by", me) == "nothing found\n"
    assert "LÉVOTHYROXINE" in flow.pli("record", "search", "levothyroxine", "--by", me)  # as a table
    pharmacy = flow.pharmacy["login"]
    refused(flow, "accès", "record", "search", "ramipril", "--by", pharmacy, "--patient", me)  # no consent


def test_summary_is_an_ips_document_of_extracts(flow: Flow, document: str) -> None:
    me = flow.patient(0)["login"]
    bundle = flow.pli("record", "summary", "--by", me)
    Bundle(**bundle)  # a model that is not ours
    assert bundle["type"] == "document"
    assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    refused(flow, "patient", "record", "summary", "--by", flow.pharmacy["login"])


def test_mask_hides_and_shows_again(flow: Flow, document: str) -> None:
    me = flow.patient(0)["login"]
    told = flow.pli("record", "mask", document, "professionals", "--by", me)
    assert told == {"document": document, "hidden_from": ["professionals"]}
    hidden = kept(flow, document)[2]
    assert hidden
    assert flow.pli("record", "mask", document, "professionals", "--by", me, "--off")["hidden_from"] == []
    assert kept(flow, document)[2] == 0
    refused(flow, "mark", "record", "mask", document, "everybody", "--by", me)
    refused(flow, "introuvable", "record", "mask", document, "professionals", "--by", flow.patient(1)["login"])
    refused(flow, "qui voit", "record", "mask", document, "professionals", "--by", flow.pharmacy["login"])
    assert kept(flow, document)[2] == 0


def test_remove_destroys_what_only_the_patient_may_take_out(flow: Flow, document: str) -> None:
    me = flow.patient(0)["login"]
    refused(flow, "patient", "record", "remove", document, "--by", flow.pharmacy["login"])
    refused(flow, "introuvable", "record", "remove", document, "--by", flow.patient(1)["login"])
    assert kept(flow, document)[0] == "filed"
    assert flow.pli("record", "remove", document, "--by", me) == {"document": document, "state": "removed"}
    assert kept(flow, document)[:2] == ("removed", "none")
    assert document not in {hit["document"] for hit in flow.pli("record", "search", "ramipril", "--by", me, "--json")}
    refused(flow, "introuvable", "record", "remove", document, "--by", me)


def test_undo_of_what_was_filed(flow: Flow, stray: str) -> None:
    me, pharmacy = flow.patient(0)["login"], flow.pharmacy["login"]
    refused(flow, "introuvable", "record", "undo", stray, "--by", pharmacy)  # nothing was decided yet
    assert flow.pli("record", "reconcile", stray, "file", "--by", pharmacy)["state"] == "filed"
    assert states(flow, me)[stray] == "filed"
    refused(flow, "introuvable", "record", "undo", stray, "--by", flow.physician["login"])
    assert flow.pli("record", "undo", stray, "--by", pharmacy) == {"document": stray, "state": "undone"}
    assert states(flow, pharmacy)[stray] == "to_reconcile"
    assert stray not in states(flow, me)


def test_undo_of_what_was_refused_reads_the_message_again(flow: Flow, stray: str) -> None:
    pharmacy = flow.pharmacy["login"]
    before = states(flow, pharmacy)
    assert flow.pli("record", "reconcile", stray, "refuse", "--by", pharmacy)["state"] == "refused"
    assert kept(flow, stray)[:2] == ("refused", "none")
    flow.pli("record", "undo", stray, "--by", pharmacy)
    flow.wait_work_done()
    (again,) = states(flow, pharmacy).keys() - before.keys()
    assert kept(flow, again)[0] == "to_reconcile"


def test_a_guardian_reads_until_it_is_over(flow: Flow, document: str) -> None:
    ward, guardian = flow.patient(0)["login"], flow.patient(1)["login"]
    search = ("record", "search", "ramipril", "--by", guardian, "--patient", ward, "--json")
    represent = ("patient", "represent", ward, "--by", guardian)
    refused(flow, "accès", *search)
    refused(flow, "majeur", *represent)  # nobody is a parent of somebody of age
    refused(flow, "guardian", *represent, "--kind", "uncle")
    refused(flow, "patient", "patient", "represent", ward, "--by", flow.pharmacy["login"], "--kind", "guardian")
    assert flow.pli(*represent, "--kind", "guardian") == {"represented": True}
    assert document in {hit["document"] for hit in flow.pli(*search)}
    assert flow.pli(*represent, "--end") == {"represented": False}
    refused(flow, "accès", *search)


def test_software_is_registered_listed_and_revoked(flow: Flow) -> None:
    by = ("--by", flow.pharmacy["login"])
    scopes = ("system/DocumentReference.rs", "system/Binary.r")
    (made,) = flow.pli("software", "register", "Logiciel inventé", *by, *both("--scope", scopes), "--json")
    assert (made["name"], made["scopes"], made["state"]) == ("Logiciel inventé", " ".join(sorted(scopes)), "in force")
    (listed,) = flow.pli("software", "list", *by, "--json")
    assert listed == {name: value for name, value in made.items() if name != "key"}  # which is shown once
    assert calls(flow, made["key"]) != 401
    refused(flow, "introuvable", "software", "revoke", made["software"], "--by", flow.physician["login"])
    assert flow.pli("software", "revoke", made["software"], *by, "--json")[0]["state"] == "revoked"
    assert calls(flow, made["key"]) == 401
    assert [row["state"] for row in flow.pli("software", "list", *by, "--json")] == ["revoked"]
    refused(flow, "droits", "software", "register", "Autre", *by, "--scope", "system/*.cruds")
    refused(flow, "professional", "software", "register", "Autre", "--by", flow.patient(0)["login"])


def both(option: str, values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


def calls(flow: Flow, key: str) -> int:
    """The status that a program with this key is answered with."""
    with Client(base_url=flow.server.info["http"]["url"]) as web:
        path = "/api/record/DocumentReference?patient=1"
        return int(web.get(path, headers={"authorization": f"Bearer {key}"}).status_code)


def test_what_was_done_left_the_data_whole(flow: Flow) -> None:
    told = json.loads(flow.server.cli("verify-data", "--json"))
    assert told["problems"] == []


def test_the_log_names_nobody(flow: Flow) -> None:
    flow.assert_clean("Logiciel inventé", "ramipril", "LÉVOTHYROXINE", "levothyroxine")
