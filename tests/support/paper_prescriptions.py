"""Prescriptions on paper, invented: layouts over labels of medicines, then what a scanner or a phone does to them.

Seeded: the same seed gives the same pictures. Patients and prescribers do not exist.
"""

import io
import math
import random
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = "/usr/share/fonts/truetype/dejavu/"
FAMILIES = {"sans": "DejaVuSans", "condensed": "DejaVuSansCondensed", "serif": "DejaVuSerif", "mono": "DejaVuSansMono"}
LAYOUTS = ("plain", "numbered", "inline", "serif", "mono", "dense")
DEGRADATIONS = ("clean", "scan", "phone", "small", "bad", "hand")
PAGE = (1654, 2339)  # A4 at 200 dpi
MARGIN = 150
WHO = ("Docteur Anaïs Inventée", "Médecine générale - RPPS 99000000192", "12 rue des Écoles 35999 BOURG-INVENTÉ")
PATIENT = "Mme Maëlys Dupré, née le 28/03/1979"
POSOLOGIES = (
    ("1 comprimé matin et soir", "1 comprimé"),
    ("1 comprimé le matin", "1 comprimé"),
    ("2 comprimés 3 fois par jour", "2 comprimés"),
    ("1 gélule le soir au coucher", "1 gélule"),
    ("1 sachet matin, midi et soir", "1 sachet"),
    ("1 comprimé toutes les 8 heures", "1 comprimé"),
)
DURATIONS = ("pendant 5 jours", "pendant 28 jours", "pendant 10 jours", "QSP 1 mois", "QSP 3 mois", "pendant 7 jours")
RENEWALS = (("", None), ("", None), (", à renouveler 2 fois", 2), (", AR 5", 5))


@dataclass(frozen=True)
class Prescribed:
    """The truth of one line: what is printed, and what has to come out."""

    label: str
    name: str
    strength: str
    posology: str
    dose: str
    duration: str
    renewals: int | None


@dataclass(frozen=True)
class Sheet:
    """One prescription: its lines, its layout, and what happens to the paper."""

    lines: tuple[Prescribed, ...]
    layout: str
    degradation: str
    seed: int


def prescribed(label: str, name: str, strength: str, draw: random.Random) -> Prescribed:
    """The label with an invented posology."""
    how, dose = draw.choice(POSOLOGIES)
    long, (again, renewals) = draw.choice(DURATIONS), draw.choice(RENEWALS)
    duration = long.removeprefix("pendant ").removeprefix("QSP ")
    return Prescribed(label, name, strength, f"{how} {long}{again}", dose, duration, renewals)


def rows(sheet: Sheet) -> list[str]:
    """The text of the page, row by row; empty rows are gaps."""
    found = [*WHO, "", PATIENT, "Le 12 juin 2026", "", "ORDONNANCE", ""]
    for number, line in enumerate(sheet.lines, 1):
        start = {"numbered": f"{number}. ", "dense": "- "}.get(sheet.layout, "")
        if sheet.layout == "inline":
            found += [f"{line.label} : {line.posology}", ""]
        else:
            found += [start + line.label, "   " + line.posology, *([] if sheet.layout == "dense" else [""])]
    return [*found, "", "Signature"]


def drawn(sheet: Sheet) -> Image.Image:
    """The page as printed, at 200 dpi."""
    if sheet.degradation == "hand":
        return _by_hand(sheet)
    family = {"serif": "serif", "mono": "mono", "dense": "condensed"}.get(sheet.layout, "sans")
    font, page = _font(family, 30), Image.new("L", PAGE, 255)
    pen, y = ImageDraw.Draw(page), MARGIN
    for row in rows(sheet):
        for piece in _wrapped(row, font, PAGE[0] - 2 * MARGIN):
            pen.text((MARGIN, y), piece, fill=15, font=font)
            y += 44
        y += 0 if row else 30
    return page


def _font(family: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(f"{FONTS}{FAMILIES[family]}.ttf", size)


def _wrapped(row: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    found, line = [], ""
    for word in row.split(" "):
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width:
            found.append(line)
            longer = "   " + word
        line = longer
    return [*found, line]


def _by_hand(sheet: Sheet) -> Image.Image:
    """As if written by hand: letters of strokes that no reader of print knows. It must not be guessed."""
    draw, page = random.Random(sheet.seed), Image.new("L", PAGE, 255)
    pen, y = ImageDraw.Draw(page), MARGIN + 200
    for line in sheet.lines:
        for text in (line.label, line.posology):
            x = MARGIN + draw.uniform(0, 60)
            for letter in text[:60]:
                if letter != " ":
                    _scrawl(pen, draw, x, y + draw.uniform(-9, 9), ord(letter))
                x += draw.uniform(14, 22)
            y += 74
    return page


def _scrawl(pen: ImageDraw.ImageDraw, draw: random.Random, x: float, y: float, shape: int) -> None:
    turns = [step / 5 for step in range(14)]
    points = [
        (x + 9 * math.sin(t * (1 + shape % 3)) + 5 * t, y + 24 * math.cos(t * (1 + shape % 4) + shape) * 0.6)
        for t in turns
    ]
    pen.line([(a + draw.uniform(-2, 2), b + draw.uniform(-2, 2)) for a, b in points], fill=40, width=3, joint="curve")


def picture(sheet: Sheet) -> bytes:
    """The file as it is sent."""
    draw, page = random.Random(sheet.seed), drawn(sheet)
    if sheet.degradation == "clean":
        return _file(page, "PNG")
    if sheet.degradation == "scan":
        turned = page.rotate(draw.uniform(-1.5, 1.5), Image.Resampling.BICUBIC, fillcolor=255)
        return _file(_noisy(turned, draw, 0.05), "JPEG", 70)
    if sheet.degradation in ("phone", "hand"):
        return _file(_photographed(page, draw, 1650, 0.8), "JPEG", 75)
    if sheet.degradation == "small":
        return _file(_photographed(page, draw, 1150, 0.6), "JPEG", 70)
    return _file(_photographed(page, draw, 900, 2.6), "JPEG", 45)


def _photographed(page: Image.Image, draw: random.Random, long_side: int, blur: float) -> Image.Image:
    """Seen a little from the side, turned, on a table, in the light of a lamp, not quite in focus."""
    height = int(long_side * 0.92)
    width = int(height * page.width / page.height)
    sheet = page.resize((width, height), Image.Resampling.LANCZOS).point(lambda level: 30 + level * 215 // 255)
    scene = Image.new("L", (int(long_side * 0.78), long_side), draw.randrange(60, 120))
    slant = [draw.uniform(-0.02, 0.02) for _ in range(4)]
    numbers = (1 + slant[0], slant[1], -40 + draw.uniform(-10, 10), slant[2], 1 + slant[3], -30 + draw.uniform(-9, 9))
    held = sheet.transform(scene.size, Image.Transform.AFFINE, numbers, Image.Resampling.BICUBIC, fillcolor=90)
    light = Image.linear_gradient("L").resize(scene.size).rotate(draw.choice((0, 180)))
    shaded = Image.composite(held, held.point(lambda level: int(level * 0.55)), light)
    return _noisy(shaded.filter(ImageFilter.GaussianBlur(blur)), draw, 0.04)


def _noisy(page: Image.Image, draw: random.Random, share: float) -> Image.Image:
    grain = Image.frombytes("L", page.size, draw.randbytes(page.width * page.height))
    return Image.blend(page, grain.filter(ImageFilter.GaussianBlur(0.6)), share)


def _file(page: Image.Image, form: str, quality: int = 90) -> bytes:
    kept = io.BytesIO()
    page.save(kept, form, **({"quality": quality} if form == "JPEG" else {}))
    return kept.getvalue()


def in_layout(sheet: Sheet, layout: str) -> Sheet:
    return replace(sheet, layout=layout)
