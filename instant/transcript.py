"""A room's history as a document: who was there from when to when, who said what. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from instant.inbound import ENCRYPTED, Event, relation_of
from instant.letter import answer_text

JOINED = "join"
_SAID = frozenset({"m.room.message", "m.room.redaction", ENCRYPTED})
_LATEST = 253_402_300_799_000  # the end of the year 9999
Named = Callable[[str], str]


@dataclass(frozen=True, slots=True, repr=False)
class Stay:
    """A participant; `left` is None for who stayed to the end."""

    name: str
    user_id: str
    came: datetime
    left: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """One message, one file, one correction or one withdrawal; `text` says which."""

    at: datetime
    name: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Transcript:
    """`subject`: of whom the room spoke. `ref`: the room's opaque reference, by which its members know it."""

    ref: str
    subject: str
    closed: datetime
    stays: tuple[Stay, ...]
    said: tuple[Said, ...]


def transcribe(ref: str, subject: str, closed: datetime, events: Iterable[Event], named: Named) -> Transcript:
    """From a room's events in order of time."""
    whole = list(events)
    stays = _stays([event for event in whole if event.type == "m.room.member"], named)
    said = (_said(event, named) for event in whole if event.type in _SAID)
    return Transcript(ref, subject, closed, tuple(stays), tuple(one for one in said if one.text))


def _stays(events: Iterable[Event], named: Named) -> list[Stay]:
    found: list[Stay] = []
    there: dict[str, int] = {}
    for event in events:
        who = event.redacts or event.sender  # of a membership: whom it is about
        if event.content.get("membership") == JOINED:
            if who not in there:
                there[who] = len(found)
                found.append(Stay(named(who), who, _time(event), None))
        elif who in there:
            at = there.pop(who)
            found[at] = Stay(found[at].name, who, found[at].came, _time(event))
    return found


def _said(event: Event, named: Named) -> Said:
    if event.type == ENCRYPTED:
        return Said(_time(event), named(event.sender), "[message illisible : sa clé n'est pas parvenue au pont]")
    if event.type == "m.room.redaction":
        return Said(_time(event), named(event.sender), "[retire un message précédent]")
    new = event.content.get("m.new_content")
    if relation_of(event.content).get("rel_type") == "m.replace" and isinstance(new, Mapping):
        return Said(_time(event), named(event.sender), f"[corrige un message précédent] {answer_text(new)}")
    if isinstance(event.content.get("file"), Mapping):
        return Said(_time(event), named(event.sender), f"[fichier] {event.content.get('body') or 'sans nom'}")
    return Said(_time(event), named(event.sender), answer_text(event.content))


def moment(ms: int) -> datetime:
    """When the sender's homeserver says that it was, which may be any number: the nearest year that there is."""
    return datetime.fromtimestamp(min(max(ms, 0), _LATEST) / 1000, UTC)


def _time(event: Event) -> datetime:
    return moment(event.sent_at)
