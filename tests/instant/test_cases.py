"""A case room from a patient's message to its archive: who is in, what the homeserver sees, what goes to the record."""

import json
from pathlib import Path
from typing import Any

import nio
import pypdfium2
import pytest

from instant.names import CASE_EVENT
from ops.demo.cast import PATIENTS
from tests.support.matrix_user import MatrixUser, room_path
from tests.support.talk import Talk, answers

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
SUBJECT = "Toux depuis trois jours"
WHO = (PATIENTS[0].family, PATIENTS[0].given, PATIENTS[0].ins.matricule)


async def asked(talk: Talk, user: MatrixUser, room: str, command: str, answering: str = "") -> str:
    """The bridge's answer to a command, which may answer another event."""
    content: dict[str, Any] = {"msgtype": "m.text", "body": command}
    if answering:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": answering}}
    said = await user.send(room, content)
    told = await user.until(lambda _room, event: answers(event, said) and hasattr(event, "body"), command)
    return told.body


def patient_writes(talk: Talk) -> None:
    """She may, since the physician wrote first."""
    flow, patient = talk.flow, talk.flow.patient()
    first = flow.write(flow.physician, patient["address"], "Suivi", text="Comment allez-vous ?")
    flow.submit(flow.physician, first.raw, patient["address"])
    flow.fetch(patient, first.message_id)
    letter = flow.write(patient, flow.physician["address"], SUBJECT, text="Je tousse la nuit.")
    flow.submit(patient, letter.raw, flow.physician["address"])


async def opened(talk: Talk) -> tuple[str, Any]:
    """The case room, opened by a command that answers the patient's message; and the word that says of whom."""
    patient_writes(talk)
    shown = await talk.physician.text(talk.room, "Je tousse la nuit")
    told = await asked(talk, talk.physician, talk.room, "!cas", shown.event_id)
    assert "ouvert" in told
    notice = await talk.physician.until(
        lambda _room, event: CASE_EVENT in getattr(event, "source", {}).get("content", {}), "of whom the room speaks"
    )
    room = next(room for room, event in talk.physician.events if event is notice)
    return room, notice


async def test_a_case_from_the_message_to_the_archive(talk: Talk, tmp_path: Path) -> None:
    room, notice = await opened(talk)
    assert room != talk.room and notice.decrypted
    assert PATIENTS[0].family in notice.body
    await talk.physician.text(room, "Je tousse la nuit")
    await check_state(talk, room)
    matrix = talk.flow.info["matrix"]
    user = next(one for one in matrix["users"] if one["role"] == "colleague")
    async with MatrixUser(matrix["url"], user["user_id"], user["password"], tmp_path) as colleague:
        await refused_to_invite(talk, room, user["user_id"])
        assert "Invitation" in await asked(talk, talk.physician, room, f"!inviter {user['address']}")
        await colleague.text(room, PATIENTS[0].family)
        await colleague.say(room, "Plutôt virale, à revoir lundi.")
        await talk.physician.text(room, "Plutôt virale")
        assert "titulaire" in await asked(talk, colleague, room, "!clore")
        assert "PDF/A" in await asked(talk, talk.physician, room, "!clore")
        answer = await colleague.client.room_send(
            room, "m.room.message", {"msgtype": "m.text", "body": "trop tard"}, ignore_unverified_devices=True
        )
        assert isinstance(answer, nio.RoomSendError)
    check_archive(talk)
    kept = talk.homeserver_store()
    for word in (*WHO, "Plutôt virale", SUBJECT):
        for form in (word.encode(), json.dumps(word)[1:-1].encode()):
            assert form not in kept


async def check_state(talk: Talk, room: str) -> None:
    """Name, topic, aliases, our own state: nothing of the patient."""
    status, state = await talk.physician.call("GET", room_path(room, "state"))
    assert status == 200
    text = json.dumps(state, ensure_ascii=False)
    assert "fr.mss.case" in text and "m.megolm" in text
    assert not [word for word in WHO if word in text]


async def refused_to_invite(talk: Talk, room: str, user_id: str) -> None:
    """Past the bridge nobody comes in."""
    status, _ = await talk.physician.call("POST", room_path(room, "invite"), {"user_id": user_id})
    assert status == 403


def check_archive(talk: Talk) -> None:
    """PDF/A with participants and times, signed, on its way to the patient's record."""
    letter = talk.answer("entre professionnels", talk.flow.patient())
    file = next(part for part in letter.walk() if part.get_filename() == "echanges.pdf")
    data = file.get_payload(decode=True)
    assert b"<pdfaid:part>1</pdfaid:part>" in data
    with pypdfium2.PdfDocument(data) as document:
        text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    for words in ("Participants", "KÉROUANTON", PATIENTS[0].family, "Plutôt virale", "clos le", "à la clôture"):
        assert words in text
    rows = talk.flow.until(lambda: _archives(talk), "the archive in the record")
    assert rows[0]["state"] in {"awaiting_consent", "filed"}


def _archives(talk: Talk) -> list[dict[str, Any]]:
    rows = talk.flow.ask("record.list", by=talk.flow.patient()["login"])
    return [row for row in rows if row["type"] == "application/pdf"]


async def test_no_case_without_a_patient(talk: Talk) -> None:
    talk.mail("Réunion de mardi", "Salle deux à midi")
    shown = await talk.physician.text(talk.room, "Salle deux à midi")
    assert "un seul patient" in await asked(talk, talk.physician, talk.room, "!cas", shown.event_id)
    assert "répondez à un courriel" in await asked(talk, talk.physician, talk.room, "!cas")
    assert "pas accès" in await asked(talk, talk.physician, talk.room, f"!cas {WHO[2]}")
    assert "pas un salon de dossier" in await asked(talk, talk.physician, talk.room, "!clore")
