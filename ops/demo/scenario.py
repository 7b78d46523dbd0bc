"""The whole main job, played once: from the patient's signature to the signed answer that says "prête"."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.ids import token
from crypto.trust import Trust
from crypto.verify import verify_message
from directory.patients import Identity
from mail.compose import Attachment
from ops.demo.cast import NEIGHBOUR, PATIENTS, PHARMACY, Player, players
from ops.demo.client import Letter, write
from ops.demo.hospital import report
from ops.demo.stage import Stage, held
from ops.demo_files import PRESCRIBER, photo_pdf, prescription_pdf

HELLO = "Bonjour,\n\nvoici mon ordonnance. Merci.\n"


class Scenario:
    """The scenes, in order; each leaves what the next one needs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        everybody = players()
        self._patient, self._other = everybody[0], everybody[1]
        self._pharmacist = next(player for player in everybody if player.role == "pharmacist")
        self._physician = next(player for player in everybody if player.role == "physician")
        self._letter = self._photo = Letter(b"", "")
        self._order = ""
        self._seen: set[str] = set()  # orders and documents of earlier runs, and of earlier scenes

    async def play(self) -> None:
        """All of it. Raises StepFailed at the first promise that is not kept."""
        play = self._stage.play
        await self._look_around()
        await play("send", "La patiente signe et envoie son ordonnance", self._send)
        await play("receive", "La pharmacie la reçoit par IMAP, octet pour octet", self._receive)
        await play("file", "La pièce jointe est classée dans le dossier", self._file)
        await play("draft", "Une commande est préparée d'après l'ordonnance", self._draft)
        await play("work", "Le pharmacien la prend en charge, confirme les lignes, la prépare", self._work)
        await play("ready", "La commande est prête : la patiente reçoit la réponse signée", self._ready)
        await play("photo", "Une photo d'ordonnance suit le même chemin", self._send_photo)
        await play("tampered", "Un octet altéré en route est vu, rien n'est classé comme sûr", self._tampered)
        await play("spoofed", "Un expéditeur usurpé est vu, bien que la signature soit intacte", self._spoofed)
        await play("report", "Un laboratoire voisin envoie un compte rendu ; l'accord est demandé", self._report)
        await play("consent", "La patiente répond OUI : le compte rendu est classé", self._consent)
        await play("collect", "La commande est retirée", self._collect)
        await play("verify", "Tout ce qui est conservé est relu et vérifié", self._verify)

    async def _send(self) -> dict[str, Any]:
        pdf = _prescription(PATIENTS[0])
        self._letter = self._write(self._patient, "ordonnance.pdf", pdf)
        await self._stage.post.submit(self._patient, self._letter.raw, [PHARMACY])
        return {"octets": len(self._letter.raw), "sha256": self._letter.sha256}

    async def _receive(self) -> dict[str, Any]:
        raw, flags = await self._stage.post.fetch(self._pharmacist, message_id=self._letter.message_id)
        sha256 = hashlib.sha256(raw).hexdigest()
        held(sha256 == self._letter.sha256, "the bytes fetched are the bytes sent")
        held("$SignaturePass" in flags, "the signature holds")
        return {"sha256": sha256} | self._told(raw, self._patient.address, "pass", "ok")

    async def _file(self) -> dict[str, Any]:
        rows = await self._stage.until(self._filed, "the filed document")
        return {"document": rows[-1]["document"], "type": rows[-1]["type"]}

    async def _filed(self) -> list[dict[str, Any]]:
        rows = await self._fresh("record.list", self._patient, "document")
        return [row for row in rows if row["state"] in {"filed", "duplicate"} and row["type"] == "application/pdf"]

    async def _draft(self) -> dict[str, Any]:
        order = await self._stage.until(self._newest, "the order")
        self._order = order["number"]
        whole = await self._show()
        held(len(whole["lines"]) >= 4, "the prescription's lines are proposed")
        held(not any(line["confirmed"] for line in whole["lines"]), "nothing counts before the pharmacist")
        return {"order": self._order, "lines": len(whole["lines"]), "provenance": whole["provenance"]}

    async def _newest(self) -> dict[str, Any] | None:
        rows = await self._fresh("order.list", self._pharmacist, "number")
        self._seen.update(row["number"] for row in rows)
        return rows[-1] if rows else None

    async def _fresh(self, command: str, player: Player, key: str) -> list[dict[str, Any]]:
        """The rows that no earlier scene has seen."""
        rows = await self._stage.run(command, by=player.address)
        return [row for row in rows if row[key] not in self._seen]

    async def _look_around(self) -> None:
        """An instance that has played before keeps what it has."""
        for command, player, key in (
            ("record.list", self._patient, "document"),
            ("record.list", self._pharmacist, "document"),
            ("order.list", self._pharmacist, "number"),
        ):
            self._seen.update(row[key] for row in await self._fresh(command, player, key))

    async def _work(self) -> dict[str, Any]:
        for state in ("taken", "confirm", "preparing"):
            await self._move(state)
        return {"order": self._order, "state": (await self._show())["state"]}

    async def _ready(self) -> dict[str, Any]:
        await self._move("ready")
        answer, _flags = await self._stage.post.fetch(self._patient, subject=f"{self._order}")
        told = self._told(answer, PHARMACY, "pass", "ok")  # signed by the pharmacy's seal
        return {"order": self._order, "octets": len(answer)} | told

    async def _send_photo(self) -> dict[str, Any]:
        self._photo = self._write(self._patient, "photo.pdf", photo_pdf())
        await self._stage.post.submit(self._patient, self._photo.raw, [PHARMACY])
        order = await self._stage.until(self._newest, "the photo's order")
        whole = await self._show(order["number"])
        held(whole["alerts"], "the pharmacist is told to read the picture")
        return {"order": order["number"], "lines": len(whole["lines"]), "provenance": whole["provenance"]}

    async def _tampered(self) -> dict[str, Any]:
        letter = self._write(self._other, "ordonnance.pdf", _prescription(PATIENTS[1]))
        await self._stage.post.submit(self._other, _flip(letter.raw), [PHARMACY])
        raw, flags = await self._stage.post.fetch(self._pharmacist, message_id=letter.message_id)
        held("$SignatureFail" in flags, "the pharmacist sees that the signature fails")
        rows = await self._stage.until(self._doubtful, "the document to reconcile")
        told = self._told(raw, self._other.address, "fail", "content-changed")
        return told | {"states": sorted({row["state"] for row in rows})}

    async def _doubtful(self) -> list[dict[str, Any]]:
        rows = await self._fresh("record.list", self._pharmacist, "document")
        return [row for row in rows if row["state"] == "to_reconcile"]

    async def _spoofed(self) -> dict[str, Any]:
        """The neighbour's laboratory signs, with its own good seal, in the name of somebody else there."""
        sender, seal = f"direction@{NEIGHBOUR}", self._stage.post.papers.of("neighbour-signer")
        letter = write(sender, "Direction", PHARMACY, "À payer aujourd'hui", "Bonjour,\n", seal)
        await self._stage.post.relay(sender, letter.raw, [PHARMACY])
        raw, flags = await self._stage.post.fetch(self._pharmacist, message_id=letter.message_id)
        held("$SignatureFail" in flags, "the pharmacist sees that the sender is another")
        return self._told(raw, sender, "fail", "from-is-not-signer")

    async def _report(self) -> dict[str, Any]:
        cda = report(PATIENTS[0], _prescription(PATIENTS[0]), datetime.now(UTC))
        sender = f"laboratoire@{NEIGHBOUR}"
        files = (Attachment("text/xml", "DOC00001.XML", cda),)
        seal = self._stage.post.papers.of("neighbour-signer")
        letter = write(
            sender, "Laboratoire du Vieux-Port", self._patient.address, "Compte rendu", "Bonjour,\n", seal, files
        )
        await self._stage.post.relay(sender, letter.raw, [self._patient.address, self._physician.address])
        rows = await self._stage.until(self._cda, "the report")
        return {"state": rows[-1]["state"]}

    async def _cda(self) -> list[dict[str, Any]]:
        rows = await self._fresh("record.list", self._patient, "document")
        return [row for row in rows if row["type"] == "text/xml"]

    async def _consent(self) -> dict[str, Any]:
        rows = await self._cda()
        if rows[-1]["state"] != "awaiting_consent":  # asked and answered in an earlier run
            return {"state": rows[-1]["state"]}
        asked, _flags = await self._stage.post.fetch(self._patient, subject="votre accord")
        headers = asked.decode("latin-1").split("\r\n\r\n", 1)[0]
        question = re.search(r"(?im)^message-id:\s*<([^>]+)>", headers)
        reference = re.search(r"D-[0-9A-Z]+", headers)
        subject = f"Re: Votre dossier (réf. {reference[0] if reference else ''})"
        seal = self._stage.post.papers.of(self._patient.stem)
        desk = "dossier@demo.mssante.test"
        answered = question[1] if question else ""
        yes = write(self._patient.address, self._patient.name, desk, subject, "OUI\n", seal, in_reply_to=answered)
        await self._stage.post.submit(self._patient, yes.raw, [desk])
        await self._stage.until(self._cda_filed, "the filed report")
        return {"state": "filed"}

    async def _cda_filed(self) -> bool:
        return "filed" in [row["state"] for row in await self._cda()]

    async def _collect(self) -> dict[str, Any]:
        await self._move("collected")
        return {"order": self._order, "state": (await self._show())["state"]}

    async def _verify(self) -> dict[str, Any]:
        found = await self._stage.run("verify-data")
        held(not found["problems"], "; ".join(found["problems"][:3]))
        return {"checked": found["checked"]}

    async def _show(self, number: str = "") -> dict[str, Any]:
        shown: dict[str, Any] = await self._stage.run(
            "order.show", number=number or self._order, by=self._pharmacist.address
        )
        return shown

    async def _move(self, to: str) -> None:
        who = self._pharmacist.address
        if to == "confirm":
            await self._stage.run("order.confirm", number=self._order, by=who)
        else:
            await self._stage.run("order.move", number=self._order, to=to, by=who)

    def _write(self, player: Player, filename: str, pdf: bytes) -> Letter:
        seal = self._stage.post.papers.of(player.stem)
        files = (Attachment("application/pdf", filename, pdf),)
        return write(player.address, player.name, PHARMACY, "Ordonnance", HELLO, seal, files)

    def _told(self, raw: bytes, sender: str, word: str, reason: str) -> dict[str, str]:
        """What the reader's own client says of the signature; it has to be this."""
        trust = Trust.load((self._stage.home / "tls" / "ca.pem").read_bytes())
        verdict = verify_message(raw, trust=trust, at=datetime.now(UTC), envelope_sender=sender)
        told = {"verdict": verdict.signature.value, "reason": verdict.reason.value}
        held(told == {"verdict": word, "reason": reason}, f"the verdict is {word}, {reason}")
        return told


def _prescription(patient: Identity) -> bytes:
    """Today's, with a number of its own: the same document sent again would be recognised and not filed twice."""
    number = (*PRESCRIBER.lines, f"Ordonnance n° {token(6)}")
    return prescription_pdf(patient, datetime.now(UTC).date(), replace(PRESCRIBER, lines=number))


def _flip(raw: bytes) -> bytes:
    """One octet in the middle of the attachment, as a faulty or hostile relay would."""
    place = raw.index(b"\r\n\r\n", raw.index(b"application/pdf")) + 100
    return raw[:place] + (b"A" if raw[place : place + 1] != b"A" else b"B") + raw[place + 1 :]
