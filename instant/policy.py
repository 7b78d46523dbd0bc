"""What the homeserver's module asks, decided: who may sign in, see, invite, join, create; which events a room takes.

Pure: people and words in, a decision out. Every refusal has a word for the trail and a sentence for the user.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instant.names import BRIDGE_STATE, CASE_STATE, CASE_TYPE

SERVICE, STRANGER = "service", "stranger"
_CLEAR = frozenset({"body", "formatted_body", "msgtype", "m.new_content", "url", "file", "filename", "info"})
_LONGEST_MARK, _LONGEST_WORD = 32, 255  # of a reaction; of an id, or a reason
_NUMBERS = re.compile(r"(?:\d[\s.\-_/]?){13,}|(?:\d[\s.\-_/]?){5}2[AaBb][\s.\-_/]?(?:\d[\s.\-_/]?){8,}")
_LEVELS = ("m.room.power_levels", "users")
_ENCRYPTION = "m.megolm.v1.aes-sha2"


@dataclass(frozen=True, slots=True)
class Decision:
    """`word` is "" where it is allowed."""

    word: str = ""
    sentence: str = ""

    @property
    def allowed(self) -> bool:
        return not self.word


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the annuaire and its own choices make it. `kind`: person, role, service, stranger (no account here).

    `state` is active, suspended or closed; `rules` are (subject, allow) of its own list.
    """

    user_id: str
    kind: str = STRANGER
    state: str = "closed"
    verified: bool = False
    away: bool = False
    hidden: bool = False
    rules: tuple[tuple[str, bool], ...] = ()

    @property
    def server(self) -> str:
        return self.user_id.partition(":")[2]


YES = Decision()
_SENTENCES = {
    "unknown": "Ce compte n'est pas dans l'annuaire.",
    "closed": "Ce compte est fermé : le professionnel n'est plus inscrit.",
    "suspended": "Ce compte est suspendu.",
    "unverified": "Ce compte n'a pas encore été vérifié : il faut s'être connecté une fois.",
    "server": "Ce serveur n'est pas dans l'espace de confiance.",
    "blocked": "Cette personne ne souhaite pas être invitée par vous.",
    "away": "Cette organisation est absente : adressez-vous à la personne de garde.",
    "uninvited": "On entre dans un salon sur invitation seulement.",
    "knock": "On ne frappe pas à la porte d'un salon : demandez une invitation.",
    "many": "Une seule invitation à la création du salon ; invitez les autres ensuite.",
    "public": "Les salons publics ne sont pas permis.",
    "alias": "Les salons n'ont pas d'adresse publique.",
    "email": "On n'invite pas par adresse de courriel ou téléphone : cherchez dans l'annuaire.",
    "plain": "Ce salon est chiffré : votre logiciel a envoyé en clair, rien n'a été transmis.",
    "patient": "Ni numéro ni identité de patient dans un nom, un sujet ou un réglage de salon.",
    "encryption": "Le chiffrement d'un salon ne se retire pas.",
    "guest": "Les invités anonymes ne sont pas permis.",
    "history": "L'historique n'est lisible que par les membres.",
    "reserved": "Ce réglage est réservé au service.",
}


def refuse(word: str) -> Decision:
    """A refusal by its word."""
    return Decision(word, _SENTENCES[word])


def standing(person: Person) -> Decision:
    """Whether a user of ours is in good standing."""
    if person.kind == SERVICE:
        return YES
    if person.kind == STRANGER:
        return refuse("unknown")
    if person.state != "active":
        return refuse("suspended" if person.state == "suspended" else "closed")
    return YES if person.verified else refuse("unverified")


def sign_in(person: Person) -> Decision:
    """Standing without verification: signing in is what verifies."""
    found = standing(person)
    return YES if found.word == "unverified" else found


def invite(inviter: Person, invitee: Person, ours: str, trusted: frozenset[str]) -> Decision:
    """Whether one may invite the other. `ours` is our server name, `trusted` are other servers."""
    for who in (inviter, invitee):
        found = _known(who, ours, trusted)
        if found.word == "unverified" and inviter.kind == SERVICE:
            continue  # the bridge offers a room to whoever has not signed in yet
        if not found.allowed:
            return found
    if SERVICE in (inviter.kind, invitee.kind):
        return YES
    if not allows(invitee, inviter.user_id):
        return refuse("blocked")
    return refuse("away") if invitee.away else YES


def join(person: Person, *, invited: bool, ours: str, trusted: frozenset[str]) -> Decision:
    """Whether a user may enter a room."""
    found = _known(person, ours, trusted)
    if not found.allowed:
        return found
    return YES if invited or person.kind == SERVICE else refuse("uninvited")


def create(person: Person, config: Mapping[str, Any]) -> Decision:
    """Whether a user may create a room so. `config` is the body of createRoom."""
    found = standing(person)
    if not found.allowed or person.kind == SERVICE:
        return found
    invited = config.get("invite")
    if isinstance(invited, list) and len(set(map(str, invited))) > 1:
        return refuse("many")
    if config.get("invite_3pid"):
        return refuse("email")
    if config.get("visibility", "private") != "private" or config.get("preset") == "public_chat":
        return refuse("public")
    if config.get("room_alias_name"):
        return refuse("alias")
    return _initial(config)


def _initial(config: Mapping[str, Any]) -> Decision:
    """Name, topic, type and first state of a room to be."""
    content = config.get("creation_content")
    if isinstance(content, Mapping) and content.get("type") == CASE_TYPE:
        return refuse("reserved")
    if any(map(speaks_of_patient, _texts(content))):
        return refuse("patient")
    if speaks_of_patient(config.get("name")) or speaks_of_patient(config.get("topic")):
        return refuse("patient")
    states = config.get("initial_state")
    for state in states if isinstance(states, list) else ():
        if isinstance(state, Mapping):
            if state.get("type") == "m.room.member":
                return refuse("many")  # an invitation past those who are asked
            found = take_event(str(state.get("type")), state.get("content"), str(state.get("state_key") or ""))
            if not found.allowed:
                return found
    return YES


def see(asking: Person, shown: Person) -> Decision:
    """Whether a user finds another one in the directory of users."""
    found = standing(asking)
    if not found.allowed:
        return found
    found = standing(shown)
    if not found.allowed:
        return found
    return refuse("unknown") if shown.hidden or shown.kind == SERVICE else YES


def event(sender: Person, kind: str, content: Any, state_key: str | None) -> Decision:
    """Whether a room takes this event from this user."""
    if sender.kind == SERVICE:
        return YES
    return take_event(kind, content, state_key)


def take_event(kind: str, content: Any, state_key: str | None) -> Decision:
    """The event alone: nothing in clear that should be encrypted, nothing in state that names a patient.

    `state_key` is None for what is no state.
    """
    content = content if isinstance(content, Mapping) else {}
    if state_key is None:
        return _said(kind, content)
    if kind in (BRIDGE_STATE, CASE_STATE):
        return refuse("reserved")
    if kind == "m.room.member" and content.get("membership") == "knock":
        return refuse("knock")
    return _state(kind, content, state_key)


def _said(kind: str, content: Mapping[str, Any]) -> Decision:
    """What is encrypted, with nothing beside it; and marks and withdrawals, which never are: no sentence in them."""
    if kind == "m.room.encrypted":
        clear = _CLEAR & content.keys() or not isinstance(content.get("ciphertext"), (str, Mapping))
        return refuse("plain") if clear else YES
    if kind not in ("m.reaction", "m.room.redaction"):
        return refuse("plain")
    relation = content.get("m.relates_to")
    mark = relation.get("key") if isinstance(relation, Mapping) else ""
    if len(str(mark or "")) > _LONGEST_MARK or any(len(text) > _LONGEST_WORD for text in _texts(content)):
        return refuse("plain")
    return refuse("patient") if any(map(speaks_of_patient, _texts(content))) else YES


def _state(kind: str, content: Mapping[str, Any], state_key: str) -> Decision:
    if kind == "m.room.third_party_invite":
        return refuse("email")
    if kind == "m.room.join_rules":
        return YES if content.get("join_rule") in ("invite", "private") else refuse("public")
    if kind == "m.room.guest_access":
        return YES if content.get("guest_access") != "can_join" else refuse("guest")
    if kind == "m.room.history_visibility":
        return YES if content.get("history_visibility") != "world_readable" else refuse("history")
    if kind == "m.room.encryption":
        return YES if content.get("algorithm") == _ENCRYPTION else refuse("encryption")
    if kind == "m.room.canonical_alias" and (content.get("alias") or content.get("alt_aliases")):
        return refuse("alias")
    return refuse("patient") if any(map(speaks_of_patient, _words(kind, content, state_key))) else YES


def _words(kind: str, content: Mapping[str, Any], state_key: str) -> Iterator[str]:
    """All that a state event says; ids of users stand where only those may stand."""
    yield kind
    if kind != "m.room.member":
        yield state_key
    yield from _texts({name: value for name, value in content.items() if (kind, name) != _LEVELS})


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields too; numbers are times and sizes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from map(str, value)
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def speaks_of_patient(text: Any) -> bool:
    """Whether a text holds what may be a matricule: thirteen digits or more, however they are spaced."""
    return isinstance(text, str) and _NUMBERS.search(text) is not None


def allows(person: Person, other: str) -> bool:
    """A user's own list: the user id first, then the server, then "*"; without a rule everybody may."""
    chosen = dict(person.rules)
    for subject in (other, other.partition(":")[2], "*"):
        if subject in chosen:
            return chosen[subject]
    return True


def _known(person: Person, ours: str, trusted: frozenset[str]) -> Decision:
    """Ours in good standing, or of a trusted server, which answers for its own."""
    if person.server != ours:
        return YES if person.server in trusted else refuse("server")
    return standing(person)
