"""The arithmetic of rights. RFC 4314 §2.1, §3.1, §4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.acl import ANYONE, Acl
from mail.folder_rows import OURS, Change, merged
from mail.rights import ALL, LETTERS, NONE, VIRTUAL, UnknownRight, changed, letters, may_store, parse_rights, told

RIGHTS = st.frozensets(st.sampled_from(LETTERS))
FLAG = st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "\\Draft", "mot", "$SignaturePass"])
FLAGS = st.lists(FLAG, unique=True, max_size=6)
CHANGE = st.sampled_from(Change)
NEEDS = {"\\Seen": "s", "\\Deleted": "t"}


def kept(flags: list[str]) -> str:
    return " ".join(sorted(flags))


@given(RIGHTS)
def test_what_is_told_is_read_as_the_same_or_as_more_of_the_same_kind(rights: frozenset[str]) -> None:
    """A virtual right stands for all its members: whoever sends back what they were told may widen only those."""
    again = parse_rights(told(rights))
    assert again >= rights
    assert all(any({extra} | rights & members == members for members in VIRTUAL.values()) for extra in again - rights)
    assert parse_rights(letters(rights)) == rights


@given(RIGHTS, RIGHTS)
def test_adding_and_taking_away(before: frozenset[str], given_rights: frozenset[str]) -> None:
    assert changed(before, "+", given_rights) == before | given_rights
    assert changed(before, "-", given_rights) == before - given_rights
    assert changed(before, "=", given_rights) == given_rights
    assert changed(changed(before, "+", given_rights), "-", given_rights) == before - given_rights


@given(st.text(max_size=80))
def test_only_known_letters_are_rights(text: str) -> None:
    if len(text) <= 64 and all(letter in LETTERS + "cd" for letter in text):
        assert parse_rights(text) <= ALL
    else:
        with pytest.raises(UnknownRight):
            parse_rights(text)


def test_the_rights_of_rfc_2086() -> None:
    assert parse_rights("c") == frozenset("kx")
    assert parse_rights("d") == frozenset("te")
    assert told(frozenset("lk")) == "lkc"
    assert told(NONE) == ""


@given(FLAGS, CHANGE, FLAGS, RIGHTS)
def test_store_touches_only_flags_that_the_rights_reach(
    before: list[str], change: Change, names: list[str], rights: frozenset[str]
) -> None:
    after = set(merged(kept(before), change, names, rights).split())
    for flag in after ^ set(before):
        assert NEEDS.get(flag, "w") in rights
        assert flag.lower() not in OURS
    if after != set(before) and change is not Change.SET:
        assert may_store(rights, names)


@given(FLAGS, RIGHTS)
def test_a_store_that_reaches_none_of_the_flags_it_names_is_refused(names: list[str], rights: frozenset[str]) -> None:
    """Also one that would put them in the place of flags that it does reach (§4: "at least one flag specified")."""
    reached = [name for name in names if NEEDS.get(name, "w") in rights]
    assert may_store(rights, names) == (bool(reached) if names else bool(rights & set("swt")))


@given(FLAGS, CHANGE, FLAGS)
def test_with_every_right_nothing_is_held_back(before: list[str], change: Change, names: list[str]) -> None:
    assert merged(kept(before), change, names, ALL) == merged(kept(before), change, names)
    assert may_store(ALL, names)


@given(st.dictionaries(st.integers(0, 4), RIGHTS, max_size=5), st.integers(1, 4), st.integers(1, 4))
def test_the_owner_has_all_the_others_what_is_closest(
    rows: dict[int, frozenset[str]], owner: int, account: int
) -> None:
    found = Acl(rows, owner)
    assert found.of(owner) == ALL
    if not rows:
        assert found.of(account) == ALL
    elif account != owner:
        assert found.of(account) == rows.get(account, rows.get(ANYONE, NONE))
