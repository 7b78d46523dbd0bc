"""Words of the pages: how long ago, what a signature is worth, where an order stands. Pure; French sentences, which the
templates translate."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from babel.dates import format_date, format_datetime

from core.clock import epoch_ms, from_epoch_ms
from crypto.verdict import Reason, reason_text_fr
from portal.language import N_, SOURCE, translated
from record.orders import State

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_ALTERED = frozenset({Reason.CONTENT_CHANGED, Reason.BAD_SIGNATURE, Reason.HEADER_CHANGED})


@dataclass(frozen=True, slots=True)
class Age:
    """`level`: fresh, waiting or late. `text` has a place for `count`."""

    text: str
    count: int
    level: str


@dataclass(frozen=True, slots=True)
class Badge:
    """What the signature of a message is worth. `kind`: good, none, unsure or bad; `icon`: a name of the icons."""

    kind: str
    icon: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands, for the patient: one big line, one sentence that says what to do."""

    title: str
    advice: str
    kind: str  # calm, act, good, bad


_STANDINGS = {
    State.RECEIVED: Standing(
        N_("Votre ordonnance est arrivée"), N_("La pharmacie va la lire. Vous n'avez rien à faire."), "calm"
    ),
    State.TAKEN: Standing(N_("La pharmacie s'en occupe"), N_("Vous serez prévenu dès que ce sera prêt."), "calm"),
    State.QUESTION: Standing(
        N_("La pharmacie vous pose une question"),
        N_("Répondez à son message : la préparation attend votre réponse."),
        "act",
    ),
    State.PREPARING: Standing(
        N_("Votre commande est en préparation"), N_("Vous serez prévenu dès qu'elle sera prête."), "calm"
    ),
    State.READY: Standing(
        N_("Votre commande est prête"),
        N_("Venez la retirer avec l'ordonnance d'origine et votre carte Vitale."),
        "good",
    ),
    State.PARTLY_READY: Standing(
        N_("Une partie de votre commande est prête"), N_("Vous pouvez déjà venir la chercher ; le reste suit."), "good"
    ),
    State.COLLECTED: Standing(N_("Commande retirée"), N_("Elle vous a été remise."), "calm"),
    State.NOT_DISPENSABLE: Standing(
        N_("La pharmacie ne peut pas délivrer cette commande"), N_("Lisez sa réponse dans vos messages."), "bad"
    ),
    State.CANCELLED: Standing(N_("Commande annulée"), N_("Vous pouvez envoyer une nouvelle ordonnance."), "bad"),
    State.EXPIRED: Standing(
        N_("Commande expirée"),
        N_("Elle n'a pas été retirée à temps. Renvoyez l'ordonnance si vous en avez besoin."),
        "bad",
    ),
}


ANSWERED = Standing(
    N_("Votre réponse est partie"), N_("La pharmacie va la lire. Vous serez prévenu de la suite."), "calm"
)


def age(at: int, now: datetime) -> Age:
    """How long something has waited; `at` in milliseconds since 1970."""
    waited = max(0, epoch_ms(now) - at)
    level = "fresh" if waited < 15 * _MINUTE else "waiting" if waited < _HOUR else "late"
    return Age(*_waited(waited), level)


def ago(found: Age, language: str) -> str:
    """The age as people say it."""
    return translated(found.text, language) % {"count": found.count}


def badge(verdict: str, reason: str) -> Badge:
    """From the words that are kept with a message."""
    known = Reason(reason) if reason in {each.value for each in Reason} else Reason.SURPRISE
    text = reason_text_fr(known)
    if verdict == "pass":
        return Badge("good", "check", N_("Signature valide"), text)
    if verdict == "none":
        return Badge("none", "minus", N_("Non signée"), text)
    if verdict == "temperror":
        return Badge("unsure", "question", N_("Signature non vérifiable pour l'instant"), text)
    if known in _ALTERED:
        return Badge("bad", "cross", N_("ALTÉRÉE – ne pas s'y fier"), text)
    return Badge("bad", "cross", N_("Signature refusée – ne pas s'y fier"), text)


GONE = Badge(
    "unsure", "question", N_("Message supprimé"), N_("Le message n'est plus dans la boîte : signature non affichée.")
)


def standing(state: State) -> Standing:
    return _STANDINGS[state]


def day(moment: date, language: str = SOURCE) -> str:
    """14/06/2026, or 14 Jun 2026."""
    return f"{moment:%d/%m/%Y}" if language == SOURCE else format_date(moment, "d MMM y", locale=language)


def weekday(moment: date) -> str:
    """mardi 1/12, in French: for words that a pharmacy reads."""
    return format_date(moment, "EEEE d/MM", locale=SOURCE)


def moment(ms: int, zone: tzinfo, language: str = SOURCE) -> str:
    """14/06/2026 à 09:05, or 14 Jun 2026, 09:05, as the clocks of `zone` show."""
    at = from_epoch_ms(ms).astimezone(zone)
    return f"{at:%d/%m/%Y à %H:%M}" if language == SOURCE else format_datetime(at, "d MMM y, HH:mm", locale=language)


def sentence(text: str) -> str:
    """Domain errors are half sentences; a page starts with a capital and ends with a point."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def _waited(ms: int) -> tuple[str, int]:
    if ms < _MINUTE:
        return N_("à l'instant"), 0
    if ms < _HOUR:
        return N_("depuis %(count)s min"), ms // _MINUTE
    if ms < _DAY:
        return N_("depuis %(count)s h"), ms // _HOUR
    days = ms // _DAY
    return (N_("depuis hier"), 1) if days == 1 else (N_("depuis %(count)s jours"), days)
