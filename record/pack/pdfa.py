"""Text and pictures → PDF/A-1b (ISO 19005-1) by fpdf2: fonts inside, sRGB output intent, XMP, no transparency.

Pure but for the fonts, which lie beside this file.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF, XPos, YPos
from PIL import Image, ImageOps

from core.errors import BadInput

MOST_BLOCKS, MOST_CHARACTERS, MOST_PIXELS = 20_000, 5_000_000, 40_000_000
_FONTS = Path(str(files("record.pack").joinpath("fonts")))
_FACES = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf"}
_BODY, _MARGIN, _WIDEST, _TALLEST = 10.0, 18.0, 1600, 2200  # points, millimetres, pixels
_UNKNOWN = "\ufffd"


@dataclass(frozen=True, slots=True, repr=False)
class Heading:
    """`level` 1 is the page's title, 2 a chapter, 3 a remark in bold."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True, repr=False)
class Paragraph:
    """Lines are kept, long ones are folded. `small`: for sources and remarks."""

    text: str
    small: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """JPEG, PNG or TIFF; turned as its EXIF says, laid on white, made as wide as the page at most."""

    data: bytes
    caption: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Break:
    """A new page."""


Block = Heading | Paragraph | Picture | Break


def pdfa(title: str, blocks: Iterable[Block], at: datetime, footer: str = "") -> bytes:
    """A4 pages; `footer` stands on each beside its number. `at` (with a zone) is the time of creation.

    A character that the fonts lack is shown as U+FFFD. Raises BadInput: too much, or a picture that cannot be read.
    """
    page = _Page(title, at, _shown(footer))
    characters = 0
    for number, block in enumerate(blocks):
        characters += len(getattr(block, "text", ""))
        if number >= MOST_BLOCKS or characters > MOST_CHARACTERS:
            raise BadInput("le document est trop long pour un PDF", "too much for one PDF")
        page.put(block)
    return page.bytes()


class _Page(FPDF):
    def __init__(self, title: str, at: datetime, footer: str) -> None:
        super().__init__(format="A4", enforce_compliance="PDF/A-1B")
        self._foot = footer
        for style, name in _FACES.items():
            self.add_font("dejavu", style, _FONTS / name)
        self.set_title(_shown(title))
        self.set_lang("fr-FR")
        self.set_creator("Pli")
        self.set_producer("Pli")
        self.set_creation_date(at)
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, _MARGIN)
        self.add_page()

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-_MARGIN + 4)
        self.set_font("dejavu", "", 7)
        self.cell(0, 4, f"{self._foot} — {self.page_no()}" if self._foot else str(self.page_no()), align="C")

    def put(self, block: Block) -> None:
        if isinstance(block, Break):
            self.add_page()
        elif isinstance(block, Picture):
            self._picture(block)
        elif isinstance(block, Heading):
            self._text(block.text, "B", {1: 16.0, 2: 12.5}.get(block.level, _BODY), before=3)
        else:
            self._text(block.text, "", 8.0 if block.small else _BODY)

    def bytes(self) -> bytes:
        return bytes(self.output())

    def _text(self, text: str, style: str, size: float, before: float = 0) -> None:
        self.set_font("dejavu", style, size)
        self.ln(before)
        self.multi_cell(0, size * 0.5, _shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1.5)

    def _picture(self, picture: Picture) -> None:
        image = _flat(picture.data)
        width = min(self.epw, image.width * 25.4 / 96)
        height = width * image.height / image.width
        if height > self.eph - 12:
            height = self.eph - 12
            width = height * image.width / image.height
        if self.will_page_break(height):
            self.add_page()
        self.image(image, w=width, h=height)
        if picture.caption:
            self._text(picture.caption, "", 8.0)


def _flat(data: bytes) -> Image.Image:
    """RGB without an alpha channel, no larger than a page needs."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF")) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise BadInput("l'image est trop grande", "too many pixels")
            opened.draft("RGB", (_WIDEST, _TALLEST))
            turned = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise BadInput("l'image est illisible", "unreadable picture") from None
    turned.thumbnail((_WIDEST, _TALLEST))
    white = Image.new("RGB", turned.size, "white")
    white.paste(turned, mask=turned.getchannel("A"))
    return white


def _shown(text: str) -> str:
    """What the fonts can draw; tabs as spaces, other control characters left out."""
    drawn = _drawn()
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(c if c == "\n" or ord(c) in drawn else _UNKNOWN for c in plain if c == "\n" or c.isprintable())


@cache
def _drawn() -> frozenset[int]:
    """The code points that both faces hold."""
    faces = [TTFont(_FONTS / name, lazy=True) for name in _FACES.values()]
    return frozenset.intersection(*(frozenset(face.getBestCmap()) for face in faces))
