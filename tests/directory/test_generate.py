"""Invented entries: the same seed, the same file; nobody real."""

from stdnum import luhn

from directory.extracts.entry import Entry
from directory.extracts.mssante import parse_lines
from directory.generate import finess, generate, rpps


def test_same_seed_same_file_and_other_seed_another() -> None:
    assert generate(50, 5, seed=3) == generate(50, 5, seed=3)
    assert generate(50, 5, seed=3) != generate(50, 5, seed=4)


def test_every_line_is_an_entry() -> None:
    made = generate(300, 40)
    read = list(parse_lines(line.encode() for line in made.text.splitlines(keepends=True)))
    assert len(read) == 340 and all(isinstance(item, Entry) for item in read)
    assert len({item.address for item in read}) == 340
    assert [item.kind for item in read].count("ORG") == 40
    assert {item.structure_id for item in read[:40]} == set(made.sectors)


def test_accents_and_particles_are_there_and_addresses_have_none() -> None:
    made = generate(300, 0)
    assert all(word in made.text for word in ("DE LA FÈRE", "ŒUVRARD", "N'DIAYE", "Héloïse"))
    addresses = [line.split("|")[1] for line in made.text.splitlines()[1:]]
    assert all(address.isascii() and address.endswith(".test") for address in addresses)


def test_numbers_are_in_the_invented_range_with_right_keys() -> None:
    for n in (1, 42, 99_999):
        assert rpps(n).startswith("99") and len(rpps(n)) == 11 and luhn.is_valid(rpps(n))
        assert finess(n).startswith("99") and len(finess(n)) == 9 and luhn.is_valid(finess(n))
