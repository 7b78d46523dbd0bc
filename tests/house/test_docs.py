"""What README and docs name exists: commands with their options, make targets, paths, links."""

import re
from dataclasses import dataclass

import pytest

from tests.support.commands import leaves, options, root
from tests.support.house import ROOMS, ROOT, name_of

PLACES = (*ROOMS, "tests", "docs", "requirements", ".ci")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PLI = re.compile(r"(?:^|[\s$;&|/(])pli ((?:[a-z][\w-]*|--?[a-z][\w-]*)(?: [^\n|;&#)]*)?)")
MAKE = re.compile(r"(?:^|[\s$;&|(])make ([a-z][\w-]*)")
PATH = re.compile(rf"^(?:{'|'.join(map(re.escape, PLACES))})/[\w./*-]*$")


@dataclass(frozen=True)
class Said:
    page: str
    code: str


def pages():
    return [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))) if path.exists()]


def said():
    """Every piece of code of every page: lines of shell blocks, and words in backquotes."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for language, body in FENCE.findall(text):
            if language in ("", "sh", "bash", "console", "shell"):
                yield from (Said(name_of(page), line) for line in body.replace("\\\n", " ").splitlines())
        yield from (Said(name_of(page), code) for code in INLINE.findall(FENCE.sub("", text)))


def split(command, words):
    """Walks down the groups; the command reached, and what is left of the words."""
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def wrong_command(command, text):
    for alternative in re.split(r"\s*\|\s*(?=[a-z-]+\b)", text):  # `serve | migrate` names two
        found, rest = split(command, alternative.replace("…", "").split())
        if hasattr(found, "commands") and rest and not rest[0].startswith("-"):
            return f"no command {rest[0]}"
        unknown = [
            word for word in rest if word.startswith("--") and word.partition("=")[0].rstrip(",.") not in options(found)
        ]
        if unknown:
            return f"no option {unknown[0]}"
    return None


def test_every_pli_command_exists():
    command = root()
    wrong = []
    for piece in said():
        for text in PLI.findall(" " + piece.code):
            if fault := wrong_command(command, text):
                wrong.append(f"{piece.page}: {piece.code!r}: {fault}")
    assert not wrong


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert not [piece for piece in said() for target in MAKE.findall(piece.code) if target not in targets]


def test_every_path_exists():
    missing = []
    for piece in said():
        for word in piece.code.split():
            bare = word.rstrip(".,:;").partition("::")[0]
            if PATH.match(bare) and not list(ROOT.glob(bare.rstrip("/"))):
                missing.append(f"{piece.page}: {bare}")
    assert not missing


def test_every_link_leads_somewhere():
    broken = []
    for page in pages():
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{name_of(page)}: {target}")
    assert not broken


def test_every_command_explains_itself_and_takes_a_home():
    command = root()
    silent = []
    for words, leaf in leaves(command):
        if not (leaf.help or "").strip() or "--home" not in options(leaf):
            silent.append(" ".join(words))
    assert not silent


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("demo --headless --json", None),
        ("account bulk --count 3", None),
        ("demo --hedless", "no option --hedless"),
        ("acount bulk", "no command acount"),
        ("account bulc", "no command bulc"),
        ("demo | serve", None),
        ("demo | sreve", "no command sreve"),
        ("--help", None),
    ],
)
def test_the_check_itself_sees_misspellings(text, fault):
    import typer

    app, account = typer.Typer(), typer.Typer()

    @app.command()
    def demo(headless: bool = typer.Option(False, "--headless"), json: bool = typer.Option(False, "--json")): ...

    @app.command()
    def serve(): ...

    @account.command()
    def bulk(count: int = 1): ...

    @account.command()
    def add(): ...

    app.add_typer(account, name="account")
    assert wrong_command(typer.main.get_command(app), text) == fault


def test_the_check_itself_finds_commands_in_a_line():
    assert PLI.findall("$ .venv/bin/pli demo --json") == ["demo --json"]
    assert PLI.findall(" pli serve | tee x") == ["serve "]
    assert not PLI.findall(" a pli is a fold")[1:]
