"""What source texts do not say, and what stands in no function."""

import ast
import re

from tests.support.house import name_of, nodes_of, sources, text_of, tracked, tree_of

THIS = "tests/house/test_comments.py"
LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplemented")
# How and where it was made is nobody's business: paths of a workplace, tools, accounts of who did what.
WORKPLACE = re.compile(
    r"(?<![\w.~-])/work/|/tmp/pli/|\bBRIEF\.md|\b(?:ChatGPT|Claude|Copilot|Anthropic|OpenAI|LLM)\b|language model"
    r"|AI[- ]generated|sub-?agents?\b|session id [0-9a-f]"
)
TEXTS = (".py", ".md", ".toml", ".html", ".css", ".sh", ".txt", ".cfg", ".yml", ".yaml", "Makefile", ".mako", "run")
VENDORED = ("portal/static/", "requirements/")


def texts():
    for path in tracked(*TEXTS):
        name = name_of(path)
        if name != THIS and not name.startswith(VENDORED):
            yield name, path.read_text(encoding="utf-8", errors="replace")


def hits(pattern, named):
    return [
        f"{name}:{number} {found.group()}"
        for name, text in named
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_nothing_is_left_for_later():
    assert not hits(LATER, ((name_of(path), text_of(path)) for path in sources()))


def test_no_text_speaks_of_the_workplace():
    assert not hits(WORKPLACE, texts())


def test_no_function_is_an_empty_promise():
    assert not list(stubs())


def stubs():
    """Functions of nothing but `...` outside a Protocol and without @overload or @abstractmethod."""
    for path in sources():
        promised = {id(child) for node in nodes_of(path) if is_protocol(node) for child in ast.walk(node)}
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and id(node) not in promised:
                if is_empty(node) and not node.decorator_list:
                    yield f"{name_of(path)}:{node.lineno} {node.name}"


def is_protocol(node):
    return isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)


def is_empty(function):
    last = function.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is ...


def test_every_file_says_what_it_is():
    silent = [name_of(path) for path in sources() if text_of(path).strip() and not ast.get_docstring(tree_of(path))]
    assert not [name for name in silent if not name.endswith("__init__.py")]


def test_no_group_is_repeated_possessively():
    """Python 3.11.0 to 3.11.4, Debian 12's among them, read such a pattern wrongly; an atomic group says the same."""
    possessive = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+")
    assert not hits(possessive, ((name_of(path), text_of(path)) for path in sources()))


def test_no_test_is_skipped_or_mocked():
    ways = re.compile(r"mark\.(?:skip|xfail)|pytest\.(?:skip|xfail|importorskip)\(|unittest\.(?:mock|skip)|\bmocker\b")
    tests = ((name_of(path), text_of(path)) for path in sources("tests") if name_of(path) != THIS)
    assert not hits(ways, ((name, text) for name, text in tests if name != "tests/house/test_libraries.py"))
