"""The house as its own tests see it: every file of ours, and what each imports, wherever in the file it does so."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"core": 0, "crypto": 0, "directory": 1, "mail": 2, "record": 3, "instant": 3, "portal": 4, "ops": 5}
ROOMS = tuple(FLOORS)


@dataclass(frozen=True)
class Import:
    """One imported module, such as `core.db`, and where. For `from core import db` both readings are listed."""

    path: str
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    @property
    def room(self) -> str:
        return self.path.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def sources(*places: str) -> list[Path]:
    """Python files below these folders, the rooms by default."""
    found = [path for place in places or ROOMS for path in (ROOT / place).rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the file's syntax tree, from the top."""
    return tuple(ast.walk(tree_of(path)))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of the file, also inside functions, and by name through importlib."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    name = name_of(path)
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (Import(name, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node)
            yield Import(name, node.lineno, base)
            yield from (Import(name, node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _is_dynamic(node.func) and node.args:
            yield from _named(name, node)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    folder = path.relative_to(ROOT).parts[: -node.level]
    return ".".join((*folder, *((node.module,) if node.module else ())))


def _is_dynamic(function: ast.expr) -> bool:
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return called in {"import_module", "__import__"}


def _named(name: str, node: ast.Call) -> Iterator[Import]:
    first = node.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield Import(name, node.lineno, first.value)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tracked(*suffixes: str) -> list[Path]:
    """Files that git knows or would take, by suffix."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in sorted(set(listed)) if name.endswith(suffixes) and (ROOT / name).is_file()]


def leads_nowhere(found: Import) -> bool:
    """Whether a module of ours that is imported does not exist."""
    if found.top not in FLOORS:
        return False
    parent, _, last = found.module.rpartition(".")
    if _is_module(found.module) or (ROOT / f"{parent.replace('.', '/')}.py").exists():
        return False
    opening = ROOT / parent.replace(".", "/") / "__init__.py"
    return not (opening.exists() and re.search(rf"\b{last}\b", text_of(opening)))


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
