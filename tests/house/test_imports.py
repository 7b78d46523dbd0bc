"""Imports go downwards only, wherever in a file they stand, and never in a circle."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

from tests.support.house import (
    FLOORS,
    ROOMS,
    ROOT,
    imports,
    leads_nowhere,
    module_of,
    name_of,
    sources,
    text_of,
)


def ours():
    for path in sources():
        for found in imports(path):
            if found.top in FLOORS and found.top != found.room:
                yield found


def test_imports_go_downwards_and_never_to_a_sibling():
    climbing = [str(found) for found in ours() if FLOORS[found.top] >= FLOORS[found.room]]
    assert not climbing


def test_the_ground_floor_stands_alone():
    assert not [str(found) for found in ours() if found.room in ("core", "crypto")]


def test_mail_knows_neither_record_nor_instant_nor_do_they_know_each_other():
    pairs = {("mail", "record"), ("mail", "instant"), ("record", "instant"), ("instant", "record")}
    assert not [str(found) for found in ours() if (found.room, found.top) in pairs]


def test_nobody_climbs_under_cover_of_type_checking():
    cover = "TYPE_" + "CHECKING"
    assert not [name_of(path) for path in sources() if cover in text_of(path)]


def test_the_house_does_not_import_its_tests():
    assert not [str(found) for path in sources() for found in imports(path) if found.top in ("tests", "pytest")]


def test_tests_stand_alone():
    """What several of them use is in tests/support: no test is collected, or run, for the sake of another's helper."""
    borrowed = [
        str(found)
        for path in sources("tests")
        for found in imports(path)
        if found.module.startswith("tests.") and ".test_" in found.module
    ]
    assert not borrowed


def test_no_circle():
    modules = {module_of(path): path for path in sources()}
    graph = {
        name: {found.module for found in imports(path)} & modules.keys() - {name} for name, path in modules.items()
    }
    for name, known in graph.items():  # a package that only re-exports its own modules is no circle
        if modules[name].name == "__init__.py":
            known -= {other for other in known if other.startswith(name + ".")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_every_import_of_ours_leads_somewhere():
    nowhere = [str(found) for path in sources() for found in imports(path) if leads_nowhere(found)]
    assert not nowhere


def test_every_package_at_the_top_is_a_room_or_the_tests():
    top = {name_of(path).partition("/")[0] for path in sources(".") if not name_of(path).startswith((".", "var/"))}
    assert top <= {*ROOMS, "tests"}


def test_commands_start_without_the_house():
    """A command that asks the running server must not wait for libraries that only the server needs."""
    heavy = ("sqlalchemy", "pydantic", "cryptography", "lxml", "fastapi", "PIL", "nio", "alembic")
    program = f"import sys, ops.cli; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
