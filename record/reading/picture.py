"""Pictures and scanned pages, opened by a child process that may die: grey pages ready to be read, and their codes."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from record.unpack.facts import PDF

PAGES = 4  # a prescription longer than this is read by people
PIXELS = 40_000_000
MEMORY = 1536 * 1024 * 1024
CPU_SECONDS = 60
WALL_SECONDS = 180.0
SHARP = 0.15  # under this, edges are so soft that letters run together; phones in focus have 0.3
READABLE_SIDE = 800

_SCRIPT = Path(__file__).with_name("picture_child.py")
_AGAIN = "reprenez la photo"
TOO_SMALL = f"Photo trop petite pour être lue : {_AGAIN} de plus près, ordonnance à plat, en entier."
BLURRED = f"Photo floue : {_AGAIN} sans bouger, avec plus de lumière."
BLANK = f"Aucun texte visible : {_AGAIN}, ordonnance à plat et bien éclairée."
TOO_LARGE = f"Photo trop grande pour être lue : {_AGAIN} avec la définition normale de l'appareil."
BROKEN = f"Image illisible : {_AGAIN}, ou envoyez le fichier d'origine."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Grey:
    """One page of grey bytes, a byte for each pixel."""

    width: int
    height: int
    pixels: bytes

    def upside_down(self) -> "Grey":
        return Grey(self.width, self.height, self.pixels[::-1])

    def band(self, top: float, bottom: float) -> "Grey":
        """The rows between two heights, each a share of the whole."""
        first = max(0, int(top * self.height))
        last = min(self.height, max(first + 1, int(bottom * self.height)))
        return Grey(self.width, last - first, self.pixels[first * self.width : last * self.width])


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """A code as the picture shows it."""

    kind: str  # QRCode, DataMatrix, Aztec
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One page: for the reading, and for a second look at another size. `refused`: why not to try, in French."""

    grey: Grey
    second: Grey
    sharpness: float
    codes: tuple[Found, ...] = ()
    refused: str = ""


class Unopened(Exception):
    """The picture cannot be opened; `said` is for the one who sent it."""

    def __init__(self, said: str) -> None:
        super().__init__("picture not opened")
        self.said = said


def open_pages(data: bytes, media_type: str) -> tuple[Page, ...]:
    """The pages of a picture, or of a PDF as pictures. Raises Unopened."""
    facts, rest = _ask(data, media_type, "pages")
    found, at = [], 0
    for page in facts:
        greys = []
        for width, height in page["pages"]:
            greys.append(Grey(width, height, rest[at : at + width * height]))
            at += width * height
        found.append(Page(greys[0], greys[1], page["sharpness"], _codes(page), _fault(page, media_type)))
    return tuple(found)


def codes_on(data: bytes, media_type: str) -> tuple[Found, ...]:
    """Only the codes: of a file whose text needs no picture. Raises Unopened."""
    facts, _rest = _ask(data, media_type, "codes")
    return tuple(code for page in facts for code in _codes(page))


def _codes(page: dict[str, Any]) -> tuple[Found, ...]:
    return tuple(Found(code["kind"], code["text"]) for code in page["codes"])


def _fault(page: dict[str, Any], media_type: str) -> str:
    """What makes reading useless. A rendered PDF has the size that we gave it."""
    if media_type != PDF and max(page["width"], page["height"]) < READABLE_SIDE:
        return TOO_SMALL
    if page["sharpness"] == 0.0:
        return BLANK
    return BLURRED if page["sharpness"] < SHARP else ""


def _ask(data: bytes, media_type: str, purpose: str) -> tuple[list[dict[str, Any]], bytes]:
    kind = "pdf" if media_type == PDF else "image"
    command = [sys.executable, "-I", str(_SCRIPT), kind, purpose, *map(str, (MEMORY, CPU_SECONDS, PAGES, PIXELS))]
    try:
        done = subprocess.run(  # noqa: S603  our own script, no shell
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        log.warning("picture.too_slow")
        raise Unopened(BROKEN) from None
    head, _newline, rest = done.stdout.partition(b"\n")
    try:
        facts = json.loads(head)
    except ValueError:
        log.warning("picture.child_died", code=done.returncode)
        raise Unopened(BROKEN) from None
    if not isinstance(facts, list):
        raise Unopened(TOO_LARGE if facts == "too_large" else BROKEN)
    return facts, rest
