"""A mail and its room are two views of one conversation: mail in, answer out, files, edits, redactions, commands."""

import asyncio
import json
from pathlib import Path

import nio
import pytest

from instant.names import BRIDGE, PART, VERDICT, user_id
from ops.demo.cast import PATIENTS
from tests.support.flow import header
from tests.support.matrix_user import MatrixUser
from tests.support.talk import Talk, answers

PDF = b"%PDF-1.4 invented\n%%EOF\n"
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_a_mail_is_shown_with_verdict_files_and_original(talk: Talk) -> None:
    written = talk.mail(
        "Posologie de M. X", "Bonjour, 500 ou 1000 mg ?", files=[("ordonnance.pdf", "application/pdf", PDF)]
    )
    shown = await talk.physician.text(talk.room, "500 ou 1000 mg")
    assert shown.decrypted
    assert "signature vérifiée" in shown.body
    assert shown.source["content"][VERDICT]["result"] == "pass"
    file = await talk.physician.text(talk.room, "ordonnance.pdf")
    assert await talk.physician.fetch(file) == PDF
    original = await talk.physician.text(talk.room, "message-original.eml")
    assert await talk.physician.fetch(original) == written.raw
    assert original.source["content"]["m.relates_to"]["event_id"] == shown.event_id


async def test_an_answer_in_the_thread_leaves_signed_in_the_mail_thread(talk: Talk) -> None:
    written = talk.mail("Question du matin", "Peut-on substituer ?")
    shown = await talk.physician.text(talk.room, "Peut-on substituer")
    said = await talk.physician.say(talk.room, "Oui, substituez.", thread=shown.event_id)
    answer = talk.answer("Question du matin")
    assert "Oui, substituez." in answer.get_body().get_content()
    own = header(written.raw, "Message-ID")
    assert answer["In-Reply-To"] == own
    assert own in answer["References"]
    mark = await talk.physician.until(
        lambda _room, event: isinstance(event, nio.ReactionEvent) and event.reacts_to == said, "the mark"
    )
    assert mark.key == "✉️"


async def test_what_is_done_with_is_marked_read(talk: Talk) -> None:
    """In the room, and in a mail's thread."""
    bridge = user_id(BRIDGE, talk.flow.info["matrix"]["server"])
    read = talk.physician.client.rooms[talk.room].read_receipts
    talk.mail("Pour lecture", "Avez-vous lu ceci ?")
    root = (await talk.physician.text(talk.room, "Avez-vous lu ceci")).event_id
    for words, thread in (("!aide", ""), ("Oui, lu.", root)):
        said = await talk.physician.say(talk.room, words, thread=thread)
        while bridge not in read or read[bridge].event_id != said:
            await asyncio.sleep(0.05)


async def test_the_conversation_goes_on_in_one_thread(talk: Talk) -> None:
    first = talk.mail("Fil long", "Premier message du fil")
    root = (await talk.physician.text(talk.room, "Premier message du fil")).event_id
    await talk.physician.say(talk.room, "Réponse une", thread=root)
    answer = talk.answer("Re: Fil long")
    talk.mail("Re: Fil long", "Deuxième message du fil", answers=answer["Message-ID"])
    second = await talk.physician.text(talk.room, "Deuxième message du fil")
    assert second.source["content"]["m.relates_to"]["event_id"] == root
    assert header(first.raw, "Message-ID") in answer["References"]


async def test_a_file_in_the_thread_leaves_as_an_attachment(talk: Talk) -> None:
    talk.mail("Demande de pièce", "Envoyez-moi le protocole")
    root = (await talk.physician.text(talk.room, "Envoyez-moi le protocole")).event_id
    await talk.physician.send_file(talk.room, "protocole.pdf", PDF, "application/pdf", thread=root)
    answer = talk.answer("Re: Demande de")
    found = next(part for part in answer.walk() if part.get_filename() == "protocole.pdf")
    assert found.get_payload(decode=True) == PDF


async def test_an_edit_and_a_redaction_are_said_by_mail(talk: Talk) -> None:
    talk.mail("Dose du soir", "Quelle dose le soir ?")
    root = (await talk.physician.text(talk.room, "Quelle dose le soir")).event_id
    said = await talk.physician.say(talk.room, "Deux comprimés", thread=root)
    talk.answer("Re: Dose du soir")
    new = {"msgtype": "m.text", "body": "Un comprimé"}
    relation = {"rel_type": "m.replace", "event_id": said}
    await talk.physician.send(
        talk.room, {**new, "body": "* Un comprimé", "m.new_content": new, "m.relates_to": relation}
    )
    correction = talk.answer("Correction : Re: Dose du soir")
    assert "Un comprimé" in correction.get_body().get_content()
    await talk.physician.client.room_redact(talk.room, said)
    withdrawn = talk.answer("Retrait : Re: Dose du soir")
    assert "retire" in withdrawn.get_body().get_content()
    await talk.physician.text(talk.room, "un message de retrait vient d'être envoyé")


async def test_commands_are_answered_in_french(talk: Talk) -> None:
    for command, words in {
        "!aide": "Commandes du pont",
        "!annuaire KÉROUANTON": "KÉROUANTON",
        "!annuaire kerouanton": "KÉROUANTON",
        "!annuaire zzzz": "Personne à ce nom",
        f"!patient {PATIENTS[0].ins.matricule}": "pas accès",
        "!patient Jeanne": "matricule INS",
        "!nimporte": "Commande inconnue",
        "!classer": "pas une pièce jointe",
    }.items():
        asked = await talk.physician.say(talk.room, command)
        told = await talk.physician.until(
            lambda _room, event, asked=asked: answers(event, asked), f"the answer to {command[:10]}"
        )
        assert words in told.body


async def test_a_folder_on_an_attachment_files_it(talk: Talk) -> None:
    talk.mail("Pour classement", "À classer", files=[("note.pdf", "application/pdf", PDF)])
    file = await talk.physician.text(talk.room, "note.pdf")
    assert file.source["content"][PART]
    relation = {"rel_type": "m.annotation", "event_id": file.event_id, "key": "📁"}
    await talk.physician.send(talk.room, {"m.relates_to": relation}, "m.reaction")
    await talk.physician.text(talk.room, "Rien à classer")


async def test_a_colleague_is_invited_and_speaks_for_nobody(talk: Talk, tmp_path: Path) -> None:
    matrix = talk.flow.info["matrix"]
    user = next(one for one in matrix["users"] if one["role"] == "colleague")
    async with MatrixUser(matrix["url"], user["user_id"], user["password"], tmp_path) as colleague:
        await talk.physician.say(talk.room, f"!inviter {user['address']}")
        await colleague.joined(talk.room)
        await colleague.say(talk.room, "!annuaire KÉROUANTON")
        refused = await colleague.text(talk.room, "Non fait")
        assert "titulaire" in refused.body


async def test_the_homeservers_store_tells_nothing(talk: Talk) -> None:
    """What Synapse keeps, byte for byte: no text of a mail, no subject, no file, no matricule."""
    matricule, words = PATIENTS[0].ins.matricule, ["Ordonnance introuvable", "posologie secrète"]
    files = [("bilan-secret.pdf", "application/pdf", b"%PDF-1.4 bilan " + matricule.encode())]
    talk.mail(words[0], f"{words[1]} pour {matricule}", files=files)
    for part in (words[1], "bilan-secret.pdf", "message-original.eml"):
        await talk.physician.text(talk.room, part)
    kept = talk.homeserver_store()
    assert kept.count(b"m.room.encrypted") > 5
    for word in (matricule, "bilan-secret", *words):
        for form in (word.encode(), json.dumps(word)[1:-1].encode(), word.encode("utf-16-le")):
            assert form not in kept, "the homeserver's store holds a secret"
