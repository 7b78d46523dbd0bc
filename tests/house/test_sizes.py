"""Small files, small functions. Run with `-s` to read the figures."""

import ast
from statistics import median

from tests.support.house import name_of, nodes_of, sources, text_of

FILE_LINES, FUNCTION_LINES, MEDIAN_LINES = 400, 50, 10
ALL = ("core", "crypto", "directory", "mail", "record", "instant", "portal", "ops", "tests")


def functions(*places):
    """Name and length of each function, from its `def` to its last line, docstring included."""
    for path in sources(*places):
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name_of(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_files_are_short():
    lengths = {name_of(path): text_of(path).count("\n") + 1 for path in sources(*ALL)}
    print(f"\n{len(lengths)} files, {sum(lengths.values())} lines, longest {max(lengths.values())}")
    assert not {name: length for name, length in lengths.items() if length > FILE_LINES}


def test_functions_are_short():
    lengths = dict(functions(*ALL))
    assert not {name: length for name, length in lengths.items() if length > FUNCTION_LINES}


def test_most_functions_are_very_short():
    lengths = sorted(length for _, length in functions())
    middle = median(lengths)
    print(f"\n{len(lengths)} functions, median {middle}, nine in ten within {lengths[len(lengths) * 9 // 10]}")
    assert middle <= MEDIAN_LINES
