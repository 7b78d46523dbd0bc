"""What a pharmacy set for itself: opening hours, reply templates, when to ring again. Sealed under its holder key."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.audit import Event
from core.errors import BadInput, Refused
from crypto.keyring import Keyring
from portal.sealing import open_json, seal_json
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_settings

LONGEST_TEXT = 1000
_KIND = "web-settings"

# key → (title, text). No medicine is named: the team adds that inside the secure message.
TEMPLATES: dict[str, tuple[str, str]] = {
    "recue": ("Bien reçue", "Nous avons bien reçu votre ordonnance et nous nous en occupons.\n\n{pharmacie}"),
    "floue": (
        "Photo illisible",
        "La photo de votre ordonnance n'est pas lisible. Pouvez-vous la reprendre, à plat et bien éclairée, et nous "
        "la renvoyer en répondant à ce message ?\n\n{pharmacie}",
    ),
    "incomplete": (
        "Ordonnance incomplète ou expirée",
        "Votre ordonnance est incomplète ou n'est plus valable. Merci de nous envoyer une ordonnance en cours de "
        "validité, ou de contacter votre médecin.\n\n{pharmacie}",
    ),
    "original": (
        "Original nécessaire",
        "Pour délivrer votre commande, nous avons besoin de l'original de l'ordonnance. Merci de l'apporter au "
        "comptoir.\n\n{pharmacie}",
    ),
    "promis": (
        "Produit à commander",
        "Un produit est à commander : il vous est promis pour le {date}. Nous vous écrirons dès son arrivée."
        "\n\n{pharmacie}",
    ),
    "rupture": (
        "Rupture, médecin contacté",
        "Un produit est en rupture. Nous contactons votre médecin et vous écrivons dès que nous avons sa réponse."
        "\n\n{pharmacie}",
    ),
    "prete": ("Prête", "Votre commande est prête. Nous sommes ouverts : {heures}\n\n{pharmacie}"),
    "partie": (
        "Prête en partie",
        "Une partie de votre commande est prête, vous pouvez déjà passer. Nous sommes ouverts : {heures}\n\n"
        "{pharmacie}",
    ),
}


@dataclass(frozen=True, slots=True, repr=False)
class Preferences:
    """`escalate_minutes`: how long nothing may happen to a new order before the posts ring again; 0: never."""

    hours: str = "du lundi au samedi, de 9 h à 19 h"
    templates: Mapping[str, str] = field(default_factory=dict)
    escalate_minutes: int = 30
    version: int = 0

    def template(self, key: str) -> str:
        """As the team wrote it, or as it came."""
        return self.templates.get(key) or TEMPLATES[key][1]

    def filled(self, key: str, pharmacy: str, now: datetime, zone: tzinfo) -> str:
        """Ready to be sent, or to be changed before."""
        local = now.astimezone(zone)
        values = {"pharmacie": pharmacy, "heures": self.hours, "date": f"{local:%d/%m/%Y}", "heure": f"{local:%H h %M}"}
        text = self.template(key)
        for name, value in values.items():  # not str.format: a brace that the team typed stays a brace
            text = text.replace("{" + name + "}", value)
        return text


class PreferenceBook:
    """One for each mailbox."""

    templates = TEMPLATES

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, mailbox_id: int, holder_id: int) -> Preferences:
        """What was set, or what comes with the house."""
        return self._services.db.read(load, self._services.keyring, mailbox_id, holder_id)

    def change(self, visitor: Visitor, seen: int, **values: Any) -> None:
        """Keep; `seen` is the version on the page. Raises Refused when a colleague was faster, BadInput."""
        self._services.db.run(self._change, visitor, seen, values)

    def _change(self, session: Session, visitor: Visitor, seen: int, values: dict[str, Any]) -> None:
        kept = load(session, self._services.keyring, visitor.mailbox_id, visitor.holder_id)
        if kept.version != seen:
            raise Refused("un collègue a changé ces réglages entre-temps", "stale settings")
        changed = _checked(replace(kept, **values, version=seen + 1))
        value = asdict(changed) | {"templates": dict(changed.templates)}
        keyring, mailbox_id = self._services.keyring, visitor.mailbox_id
        sealed = seal_json(session, keyring, visitor.holder_id, value, _KIND, mailbox_id)
        session.execute(delete(web_settings).where(web_settings.c.mailbox_id == mailbox_id))
        row = {"mailbox_id": mailbox_id, "sealed": sealed, "version": changed.version}
        session.execute(insert(web_settings), row)
        now = self._services.clock.now()
        event = Event(visitor.actor, "settings.change", "allowed", now, mailbox_id, visitor.holder_id)
        self._services.trail.record(session, event)


def load(session: Session, keyring: Keyring, mailbox_id: int, holder_id: int) -> Preferences:
    """Unit of work."""
    query = select(web_settings.c.sealed).where(web_settings.c.mailbox_id == mailbox_id)
    sealed = session.execute(query).scalar_one_or_none()
    if sealed is None:
        return Preferences()
    return Preferences(**open_json(session, keyring, holder_id, sealed, _KIND, mailbox_id))


def _checked(wanted: Preferences) -> Preferences:
    texts = (wanted.hours, *wanted.templates.values())
    if any(len(text) > LONGEST_TEXT for text in texts) or set(wanted.templates) - TEMPLATES.keys():
        raise BadInput("un texte est trop long", "settings text too long, or unknown template")
    if not 0 <= wanted.escalate_minutes <= 24 * 60:
        raise BadInput("le délai d'alerte va de 0 à 1440 minutes", "escalation out of range")
    return wanted
