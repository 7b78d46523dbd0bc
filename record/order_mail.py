"""The letters that a patient receives about an order. No medicine in a subject, plain words, `vous`."""

from dataclasses import dataclass
from datetime import date

from record.order_facts import Owed
from record.orders import State

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)

_SUBJECTS = {
    State.TAKEN: "votre commande est prise en charge",
    State.QUESTION: "une précision est demandée",
    State.READY: "votre commande est prête",
    State.PARTLY_READY: "votre commande est prête en partie",
    State.NOT_DISPENSABLE: "votre commande ne peut pas être délivrée",
    State.CANCELLED: "votre commande est annulée",
    State.EXPIRED: "votre commande a expiré",
}

_SENTENCES = {
    State.TAKEN: "Nous avons bien reçu votre ordonnance et nous nous en occupons.\n"
    "Nous vous écrirons dès que votre commande sera prête.",
    State.QUESTION: "Nous avons besoin d'une précision avant de préparer votre commande :",
    State.READY: "Votre commande est prête. Vous pouvez venir la retirer.\n"
    "Merci d'apporter l'original de votre ordonnance et votre carte Vitale.",
    State.PARTLY_READY: "Une partie de votre commande est prête : vous pouvez déjà venir la retirer.\n"
    "Merci d'apporter l'original de votre ordonnance et votre carte Vitale.",
    State.NOT_DISPENSABLE: "Nous ne pouvons pas délivrer votre commande :",
    State.CANCELLED: "Votre commande est annulée.",
    State.EXPIRED: "Votre commande a expiré : elle n'a pas été retirée à temps.\n"
    "Si vous en avez encore besoin, envoyez-nous de nouveau votre ordonnance.",
}


@dataclass(frozen=True, slots=True, repr=False)
class News:
    """What there is to tell. `pharmacy` is its public name."""

    state: State
    number: str
    pharmacy: str
    note: str = ""
    promised: tuple[str, ...] = ()
    promised_on: date | None = None
    owed: tuple[Owed, ...] = ()


def subject(news: News) -> str:
    """Says what happened and to which order, nothing of what was ordered."""
    return f"Pharmacie : {_SUBJECTS[news.state]} (n° {news.number})"


def text(news: News) -> str:
    """The letter's body, UTF-8 with LF line ends."""
    parts = ["Bonjour,", _SENTENCES[news.state]]
    if news.note.strip():
        parts.append(news.note.strip())
    if news.state is State.PARTLY_READY:
        parts.append(_promise(news))
    if news.state is State.QUESTION:
        parts.append("Vous pouvez répondre à ce message.")
    parts.append(f"{news.pharmacy or 'Votre pharmacie'}\nCommande n° {news.number}")
    return "\n\n".join(parts) + "\n"


def tells(state: State) -> bool:
    """Whether there is a letter for this state."""
    return state in _SENTENCES


def french_day(day: date) -> str:
    """`lundi 1er juin 2026`."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{_DAYS[day.weekday()]} {number} {_MONTHS[day.month - 1]} {day.year}"


def _promise(news: News) -> str:
    if len({owed.on for owed in news.owed}) > 1:
        each = "\n".join(f"- {owed.item} : pour le {french_day(owed.on)}" for owed in news.owed)
        return f"Le reste est promis :\n{each}"
    when = f" pour le {french_day(news.promised_on)}" if news.promised_on else ""
    items = "\n".join(f"- {item.strip()}" for item in news.promised if item.strip())
    return f"Le reste est promis{when} :\n{items}"
