"""What a folder, a virus and one's own list do in a room: the record's own way, nothing infected, nobody unwanted."""

import sqlite3
from pathlib import Path

import pytest

from ops.demo.cast import PATIENTS
from tests.support.clamav import EICAR
from tests.support.full_cda import full_cda
from tests.support.matrix_user import MatrixUser
from tests.support.talk import Talk, answers

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
WHO = PATIENTS[0]


def traced(talk: Talk, action: str) -> list[tuple[str, str]]:
    with sqlite3.connect(f"file:{talk.flow.home / 'pli.db'}?mode=ro", uri=True) as db:
        return db.execute("SELECT actor, outcome FROM audit WHERE action = ? ORDER BY seq", (action,)).fetchall()


def states(talk: Talk) -> list[str]:
    """Of the patient's CDA documents, as the patient sees them."""
    rows = talk.flow.ask("record.list", by=talk.flow.patient()["login"])
    return [row["state"] for row in rows if row["type"] == "text/xml"]


async def reacted(talk: Talk, target: str, key: str) -> str:
    """A reaction by the physician; its event."""
    relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
    return await talk.physician.send(talk.room, {"m.relates_to": relation}, "m.reaction")


async def told(talk: Talk, user: MatrixUser, command: str) -> str:
    said = await user.say(talk.room, command)
    found = await user.until(lambda _room, event: answers(event, said) and hasattr(event, "body"), command[:12])
    return found.body


def waiting(talk: Talk) -> int:
    """How often the trail says that a document waits for its patient."""
    return [outcome for _actor, outcome in traced(talk, "document.file")].count("awaiting_consent")


async def test_a_folder_on_a_patient_s_document_files_it_through_consent_and_trace(talk: Talk) -> None:
    document = full_cda(WHO, number="914", text="Bilan sans particularité.")
    talk.flow.wait_work_done()  # what other tests have said may still be on its way into the record
    filed = waiting(talk)
    talk.mail("Bilan à classer", "Ci-joint le bilan", files=[("bilan.xml", "text/xml", document)])
    file = await talk.physician.text(talk.room, "bilan.xml")
    before = len(traced(talk, "message.documents"))
    event = await reacted(talk, file.event_id, "📁")
    answer = await talk.physician.until(lambda _room, each: answers(each, event) and hasattr(each, "body"), "filing")
    assert "en attente de l'accord du patient" in answer.body
    assert len(traced(talk, "message.documents")) == before + 1
    assert states(talk) == ["awaiting_consent"]
    again = await reacted(talk, file.event_id, "📂")
    await talk.physician.until(lambda _room, each: answers(each, again) and hasattr(each, "body"), "filing again")
    assert states(talk) == ["awaiting_consent"], "twice is once"
    assert waiting(talk) == filed + 1


async def test_other_reactions_and_other_events_file_nothing(talk: Talk) -> None:
    talk.mail("Sans pièce", "Rien à joindre")
    shown = await talk.physician.text(talk.room, "Rien à joindre")
    before = traced(talk, "document.file")
    await reacted(talk, shown.event_id, "👍")
    await reacted(talk, shown.event_id, "📁")  # the letter itself is no attachment
    await reacted(talk, await talk.physician.say(talk.room, "Un mot à moi"), "📁")
    assert "Commandes" in await told(talk, talk.physician, "!aide")  # events are worked off in their order
    assert traced(talk, "document.file") == before


async def test_an_infected_file_of_the_room_is_kept_back(talk: Talk) -> None:
    talk.mail("Demande de compte rendu", "Envoyez le compte rendu")
    root = (await talk.physician.text(talk.room, "Envoyez le compte rendu")).event_id
    bad = await talk.physician.send_file(talk.room, "cr.pdf", EICAR, "application/pdf", thread=root)
    answer = await talk.physician.until(lambda _room, each: answers(each, bad) and hasattr(each, "body"), "refusal")
    assert "antivirus" in answer.body
    await talk.physician.say(talk.room, "Je le renvoie demain.", thread=root)  # the conversation goes on
    answer = talk.answer("Re: Demande de compte rendu")
    assert "demain" in answer.get_body().get_content()
    assert not [part for part in answer.walk() if part.get_filename() == "cr.pdf"]
    outcomes = [outcome for _actor, outcome in traced(talk, "chat.reply")]
    assert outcomes[-2:] == ["told", "done"], "the file was told of, the words were mailed"


async def test_an_infected_file_is_not_filed_either(talk: Talk) -> None:
    bad = await talk.physician.send_file(talk.room, "resultats.txt", EICAR, "text/plain")
    content = {"msgtype": "m.text", "body": f"!classer {WHO.ins.matricule}"}
    content["m.relates_to"] = {"m.in_reply_to": {"event_id": bad}}
    said = await talk.physician.send(talk.room, content)
    answer = await talk.physician.until(lambda _room, each: answers(each, said) and hasattr(each, "body"), "refusal")
    assert "antivirus" in answer.body


async def test_a_file_of_the_room_goes_signed_to_the_patient_s_record(talk: Talk) -> None:
    """Once for each command, and only in answer to a file."""
    data = b"%PDF-1.4 courbe\n"
    file = await talk.physician.send_file(talk.room, "courbe.pdf", data, "application/pdf")
    content = {"msgtype": "m.text", "body": f"!classer {WHO.ins.matricule}"}
    content["m.relates_to"] = {"m.in_reply_to": {"event_id": file}}
    said = await talk.physician.send(talk.room, content)
    answer = await talk.physician.until(lambda _room, each: answers(each, said) and hasattr(each, "body"), "filing")
    assert "Envoyé au patient, signé" in answer.body
    letter = talk.answer("Document pour votre dossier", talk.flow.patient())
    part = next(part for part in letter.walk() if part.get_filename() == "courbe.pdf")
    assert part.get_payload(decode=True) == data


async def test_one_s_own_list_says_who_may_invite(talk: Talk, tmp_path: Path) -> None:
    matrix = talk.flow.info["matrix"]
    user = next(one for one in matrix["users"] if one["role"] == "colleague")
    wanted = {"invite": [talk.physician.user_id], "preset": "private_chat"}
    async with MatrixUser(matrix["url"], user["user_id"], user["password"], tmp_path) as colleague:
        assert "ne peut plus" in await told(talk, talk.physician, f"!bloquer {user['address']}")
        status, refused = await colleague.call("POST", "/_matrix/client/v3/createRoom", wanted)
        assert status == 403, refused
        assert "peut vous inviter" in await told(talk, talk.physician, f"!autoriser {user['address']}")
        status, made = await colleague.call("POST", "/_matrix/client/v3/createRoom", wanted)
        assert status == 200, made


@pytest.mark.parametrize("words", ["", "personne", "a@b@c", "nobody@demo.mssante.test"])
async def test_a_list_takes_only_people_of_the_annuaire(talk: Talk, words: str) -> None:
    for command in ("!bloquer", "!autoriser"):
        assert "Non fait" in await told(talk, talk.physician, f"{command} {words}")
