"""The rules of the chat, one by one: who signs in, sees, invites, joins, creates; which events a room takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instant import policy
from instant.policy import SERVICE, Person

OURS, FRIENDS = "ici.test", frozenset({"ami.test"})


def person(name: str = "p1", **more) -> Person:
    facts = {"kind": "person", "state": "active", "verified": True} | more
    return Person(f"@{name}:{OURS}", **facts)


GOOD, OTHER = person(), person("p2")
ROLE = person("o1", kind="role")
STRANGER = Person(f"@inconnu:{OURS}")
UNVERIFIED = person("p3", verified=False)
STRUCK = person("p4", state="closed")
SUSPENDED = person("p5", state="suspended")
FOREIGN, FRIEND = Person("@x:ailleurs.test"), Person("@x:ami.test")
BRIDGE = Person(f"@pont:{OURS}", SERVICE, "active", True)
SEALED = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s"}
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}


def invite(inviter, invitee):
    return policy.invite(inviter, invitee, OURS, FRIENDS).word


@pytest.mark.parametrize(
    ("inviter", "invitee", "word"),
    [
        (GOOD, OTHER, ""),
        (GOOD, ROLE, ""),
        (GOOD, FRIEND, ""),
        (FRIEND, GOOD, ""),
        (BRIDGE, GOOD, ""),
        (BRIDGE, UNVERIFIED, ""),
        (GOOD, BRIDGE, ""),
        (GOOD, UNVERIFIED, "unverified"),
        (UNVERIFIED, GOOD, "unverified"),
        (GOOD, STRUCK, "closed"),
        (STRUCK, GOOD, "closed"),
        (BRIDGE, STRUCK, "closed"),
        (GOOD, SUSPENDED, "suspended"),
        (GOOD, STRANGER, "unknown"),
        (GOOD, FOREIGN, "server"),
        (FOREIGN, GOOD, "server"),
        (GOOD, person("p6", rules=((GOOD.user_id, False),)), "blocked"),
        (GOOD, person("p6", rules=(("*", False),)), "blocked"),
        (GOOD, person("p6", rules=(("*", False), (GOOD.user_id, True))), ""),
        (FRIEND, person("p6", rules=(("ami.test", False),)), "blocked"),
        (FRIEND, person("p6", rules=(("ami.test", False), (FRIEND.user_id, True))), ""),
        (GOOD, person("o2", kind="role", away=True), "away"),
        (BRIDGE, person("o2", kind="role", away=True), ""),
    ],
)
def test_invitations(inviter, invitee, word):
    assert invite(inviter, invitee) == word


@pytest.mark.parametrize(
    ("who", "invited", "word"),
    [
        (GOOD, True, ""),
        (GOOD, False, "uninvited"),
        (FRIEND, True, ""),
        (FOREIGN, True, "server"),
        (STRUCK, True, "closed"),
        (UNVERIFIED, True, "unverified"),
        (STRANGER, True, "unknown"),
        (BRIDGE, False, ""),
    ],
)
def test_joining(who, invited, word):
    assert policy.join(who, invited=invited, ours=OURS, trusted=FRIENDS).word == word


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({}, ""),
        ({"invite": ["@a:ici.test"], "is_direct": True}, ""),
        ({"invite": ["@a:ici.test", "@a:ici.test"]}, ""),
        ({"invite": ["@a:ici.test", "@b:ici.test"]}, "many"),
        ({"invite": "@a:ici.test"}, ""),
        ({"invite_3pid": [{"medium": "email"}]}, "email"),
        ({"preset": "public_chat"}, "public"),
        ({"visibility": "public"}, "public"),
        ({"room_alias_name": "urgences"}, "alias"),
        ({"name": "Patient 1 84 06 99 123 002 33"}, "patient"),
        ({"topic": "184069912300233"}, "patient"),
        ({"name": "Réunion du 12/03/2026"}, ""),
        ({"creation_content": {"type": "fr.mss.case"}}, "reserved"),
        ({"initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "public"}}]}, "public"),
        ({"initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]}, "public"),
        ({"initial_state": [{"type": "m.room.encryption", "content": {}}]}, "encryption"),
        ({"initial_state": [{"type": "fr.mss.bridge", "content": {}}]}, "reserved"),
        ({"initial_state": [{"type": "m.room.member", "content": {"membership": "invite"}}]}, "many"),
        ({"initial_state": [{"type": "x.note", "state_key": "184069912300233", "content": {}}]}, "patient"),
        ({"creation_content": {"note": "184069912300233"}}, "patient"),
        ({"initial_state": "nonsense"}, ""),
        ({"initial_state": [None, 3, {"type": None}]}, ""),
    ],
)
def test_creating(config, word):
    assert policy.create(GOOD, config).word == word


@pytest.mark.parametrize("who", [UNVERIFIED, STRUCK, SUSPENDED, STRANGER])
def test_who_may_not_create(who):
    assert not policy.create(who, {}).allowed


@pytest.mark.parametrize(
    ("kind", "content", "is_state", "word"),
    [
        ("m.room.encrypted", {}, False, "plain"),
        ("m.room.encrypted", SEALED, False, ""),
        ("m.room.encrypted", {**SEALED, "x.client": {"version": 1}}, False, ""),
        ("m.room.encrypted", {**SEALED, "body": "en clair"}, False, "plain"),
        ("m.reaction", {}, False, ""),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": "📁"}}, False, ""),
        ("m.reaction", {"m.relates_to": {"key": "toute une phrase, et personne ne la chiffre"}}, False, "plain"),
        ("m.reaction", {"m.relates_to": {"key": "+"}, "body": "en clair " * 40}, False, "plain"),
        ("m.reaction", {"m.relates_to": {"key": "184069912300233"}}, False, "patient"),
        ("m.room.redaction", {}, False, ""),
        ("m.room.redaction", {"reason": "erreur de salon"}, False, ""),
        ("m.room.redaction", {"reason": "184069912300233"}, False, "patient"),
        ("m.room.message", {"body": "en clair"}, False, "plain"),
        ("m.sticker", {}, False, "plain"),
        ("m.call.invite", {}, False, "plain"),
        ("m.room.member", {"membership": "knock"}, True, "knock"),
        ("m.room.member", {"membership": "join"}, True, ""),
        ("m.room.member", {"membership": "leave", "reason": "184069912300233"}, True, "patient"),
        ("184069912300233", {}, True, "patient"),
        ("x.custom", {"184069912300233": 1}, True, "patient"),
        ("m.room.power_levels", {"events": {"184069912300233": 1}}, True, "patient"),
        ("m.room.third_party_invite", {}, True, "email"),
        ("m.room.guest_access", {"guest_access": "can_join"}, True, "guest"),
        ("m.room.history_visibility", {"history_visibility": "world_readable"}, True, "history"),
        ("m.room.encryption", ENCRYPTION, True, ""),
        ("m.room.encryption", {"algorithm": "none"}, True, "encryption"),
        ("m.room.canonical_alias", {"alias": "#x:ici.test"}, True, "alias"),
        ("m.room.canonical_alias", {"alt_aliases": ["#x:ici.test"]}, True, "alias"),
        ("m.room.canonical_alias", {}, True, ""),
        ("m.room.name", {"name": "184069912300233"}, True, "patient"),
        ("m.room.name", {"name": "1.84.06.2A.123.002.33"}, True, "patient"),
        ("x.custom", {"deep": [{"er": "1-84-06-99-123-002-33"}]}, True, "patient"),
        ("m.call.member", {"expires_ts": 1_760_000_000_000}, True, ""),
        ("m.room.power_levels", {"users": {"@p1234567890123:ici.test": 50}}, True, ""),
    ],
)
def test_events(kind, content, is_state, word):
    assert policy.event(GOOD, kind, content, "" if is_state else None).word == word


def test_a_states_key_names_no_patient():
    assert policy.event(GOOD, "x.custom", {}, "184069912300233").word == "patient"
    assert policy.event(GOOD, "m.room.member", {"membership": "ban"}, "@p1234567890123:ici.test").allowed


def test_who_is_seen():
    assert policy.see(GOOD, OTHER).allowed
    for shown in (person("p6", hidden=True), STRUCK, UNVERIFIED, STRANGER, BRIDGE):
        assert not policy.see(GOOD, shown).allowed
    assert not policy.see(UNVERIFIED, OTHER).allowed


def test_signing_in_is_what_verifies():
    assert policy.sign_in(UNVERIFIED).allowed
    for who in (STRUCK, SUSPENDED, STRANGER):
        assert not policy.sign_in(who).allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["m.room.name", "m.room.member", "m.room.join_rules", "m.room.canonical_alias", "x"]) | st.text(
    max_size=20
)


@settings(max_examples=50)
@given(
    config=st.dictionaries(st.sampled_from(["invite", "name", "initial_state", "creation_content", "preset"]), JSON),
    kind=KINDS,
    content=JSON,
)
def test_odd_input_is_decided_without_an_error(config, kind, content):
    assert policy.create(GOOD, config).sentence is not None
    for state_key in ("", None):
        assert policy.event(GOOD, kind, content, state_key).sentence is not None


def test_every_refusal_has_a_sentence():
    for word in ("many", "server", "blocked", "patient", "plain"):
        found = policy.refuse(word)
        assert found.sentence.endswith(".") and not found.allowed
