"""One entry: bytes, or an opened document, → a Reading. The order's draft and the command both come in here.

It proposes and refuses, and never decides: a bad photo gets a sentence for the patient, and no guess.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from core.errors import Temporary
from record.identity import matricules
from record.lines import Line, propose
from record.medicines.names import key, plain
from record.medicines.search import Index
from record.reading import cda_med
from record.reading.against import against_reference, agreed
from record.reading.codes import NUMBER, Code, shown
from record.reading.picture import Found, Grey, Page, Unopened, codes_on, open_pages
from record.reading.rapid import Rapid
from record.reading.tesseract import Tesseract, TextLine, mean_confidence
from record.reading.words import (
    MISSING_READER,
    NO_TEXT,
    NOT_NOW,
    ORIGINS,
    REFUSALS,
    UNREADABLE,
)
from record.unpack import Taken, unpack
from record.unpack.facts import CDA, IMAGES, PDF, Document

LEGIBLE = 0.6  # mean confidence of a page, 0 to 1: under it, what is read is guessed
DOUBTED = 0.8  # of one line: under it, name and strength are asked
MOST_CODES = 8
EVERYTHING = Taken()

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """What was read. `origin` is a key of ORIGINS; `refused` is a sentence in French, and empty when all went well;
    `missing` says what is not installed, and what that changes. `matricules` are those that stand on pictures."""

    origin: str = "photo"
    lines: tuple[Line, ...] = ()
    codes: tuple[Code, ...] = ()
    refused: str = ""
    missing: str = ""
    unread: bool = False  # pictures were left for later
    matricules: frozenset[str] = frozenset()


class Reader:
    """Reads prescriptions. `medicines` gives the reference index of the moment, or None."""

    def __init__(
        self,
        medicines: Callable[[], Index | None] = lambda: None,
        ocr: Tesseract | None = None,
        other: Rapid | None = None,
    ) -> None:
        """`other` is asked for the second look where the first was unsure."""
        self._medicines, self._ocr, self._other = medicines, ocr or Tesseract(), other

    def read(self, data: bytes, name: str = "", taken: Taken = EVERYTHING) -> Reading:
        """A file, whatever it is. Never raises on hostile bytes; raises DatabaseDown."""
        try:
            opened = unpack(data, "", name, taken)
        except Temporary:
            return Reading(refused=NOT_NOW)
        if opened.refused:
            problem = opened.problems[0] if opened.problems else ""
            return Reading(refused=REFUSALS.get(problem, NO_TEXT))
        return together(tuple(self.read_document(document) for document in opened.documents))

    def read_document(self, document: Document, *, signed: bool = False, pictures: bool = True) -> Reading:
        """One opened document. `signed`: a professional's signature that was checked covers it; without `pictures`
        no pixel is looked at, and it takes milliseconds. Raises DatabaseDown.
        """
        if document.media_type == CDA:
            return self._clinical(document, "signed" if signed else "structured")
        if is_picture(document):
            return self._pictures(document) if pictures else Reading(unread=True)
        origin = "pdf" if document.media_type == PDF else "text"
        if origin == "pdf" and signed:
            origin = "signed_pdf"
        lines = self._referred(propose(document.text), picture=False)
        drawn = document.media_type == PDF
        codes = self._codes(document) if drawn and pictures else ()
        return Reading(_with_codes(origin, codes), _of(lines, origin), codes, unread=drawn and not pictures)

    def _clinical(self, document: Document, origin: str) -> Reading:
        """Its structured lines, else those of its narrative; what it only wraps is a document of its own."""
        found = cda_med.read(document.data)
        lines = self._referred(found.lines or propose(document.text), picture=False)
        return Reading(origin, _of(lines, origin), (Code(NUMBER, found.number),) if found.number else ())

    def _codes(self, document: Document) -> tuple[Code, ...]:
        try:
            return shown(codes_on(document.data, document.media_type))[:MOST_CODES]
        except Unopened:
            return ()

    def _pictures(self, document: Document) -> Reading:
        try:
            pages = open_pages(document.data, document.media_type)
        except Unopened as fault:
            return Reading(refused=fault.said)
        codes = shown(_codes_of(pages))[:MOST_CODES]
        origin = _with_codes("photo", codes)
        if not self._ocr.installed:
            return Reading(origin, (), codes, _fault(pages), MISSING_READER)
        read = [self._page(page) for page in pages]
        lines = tuple(line for page in read for line in page.lines)
        refused = "" if lines else next((page.refused for page in read if page.refused), "")
        named = frozenset[str]().union(*(page.matricules for page in read))
        return Reading(origin, _of(lines, "photo"), codes, refused, matricules=named)

    def _page(self, page: Page) -> Reading:
        """The lines of one page, or why there are none."""
        if page.refused:
            return Reading(refused=page.refused)
        told, second = self._upright(page)
        if mean_confidence(told) < LEGIBLE:
            return Reading(refused=UNREADABLE if told else NO_TEXT)
        text = "\n".join(line.text for line in told)
        lines = propose(text)
        if lines:
            weighed = tuple(_weighed(line, told) for line in lines)
            lines = self._referred(agreed(weighed, self._second_look(second, told, lines)), picture=True)
        return Reading(lines=lines, matricules=matricules(text))

    def _upright(self, page: Page) -> tuple[tuple[TextLine, ...], Grey]:
        """As it stands; when that makes no sense, upside down. With the picture for the second look, turned alike."""
        told = self._ocr.read(page.grey)
        if mean_confidence(told) >= LEGIBLE:
            return told, page.second
        turned = self._ocr.read(page.grey.upside_down())
        if mean_confidence(turned) > mean_confidence(told) + 0.1:
            return turned, page.second.upside_down()
        return told, page.second

    def _second_look(self, second: Grey, told: tuple[TextLine, ...], lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """The part of the page from the first medicine on, read again at another size; where the first look was
        unsure, by another engine, if there is one: it errs elsewhere."""
        raws = {line.raw for line in lines}
        tops = [line.top for line in told if " ".join(line.text.split()) in raws]
        band = second.band(max(0.0, min(tops, default=0.0) - 0.02), 1.0)
        unsure = any(line.confidence < DOUBTED for line in told)
        reader = self._other if unsure and self._other and self._other.installed else self._ocr
        return propose("\n".join(line.text for line in reader.read(band)))

    def _referred(self, lines: tuple[Line, ...], *, picture: bool) -> tuple[Line, ...]:
        index = self._medicines() if lines else None
        return tuple(against_reference(line, index, picture=picture) for line in lines)


def is_picture(document: Document) -> bool:
    """Nothing but pixels: a photo, a scan, whatever wraps it."""
    return document.media_type in IMAGES | {PDF} and not document.text.strip()


def together(readings: tuple[Reading, ...]) -> Reading:
    """Several documents of one prescription: the best origin leads, a medicine that two of them have is one line.

    Within one document only what is the same word for word is (a duplicate's page): doses that change are two lines.
    """
    telling = [reading for reading in readings if reading.lines or reading.codes] or list(readings)
    silent = [reading for reading in readings if reading not in telling]
    ordered = sorted(telling, key=lambda reading: list(ORIGINS).index(reading.origin)) + silent
    lines: list[Line] = []
    for reading in ordered:
        known = {_meaning(line) for line in lines}
        lines += [line for line in _once(reading.lines) if _meaning(line) not in known]
    codes = tuple(dict.fromkeys(code for reading in ordered for code in reading.codes))
    refused = "" if lines else next((reading.refused for reading in ordered if reading.refused), "")
    missing = next((reading.missing for reading in ordered if reading.missing), "")
    origin = ordered[0].origin if ordered else "photo"
    unread = any(reading.unread for reading in ordered)
    named = frozenset[str]().union(*(reading.matricules for reading in ordered))
    return Reading(origin, tuple(lines), codes, refused, missing, unread, named)


def _once(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    found: dict[tuple[object, ...], Line] = {}
    for line in lines:
        taken = (line.dose, line.moments, line.frequency, line.intake, line.duration, line.quantity)
        found.setdefault((*_meaning(line), *taken), line)
    return tuple(found.values())


def _meaning(line: Line) -> tuple[str, str]:
    """A name and a strength as they are compared. A doubtful `75 µg ?` of a photo is the better document's 75 µg."""
    return key(line.name), plain(line.strength.removesuffix(" ?")).replace(" ", "")


def _weighed(line: Line, told: tuple[TextLine, ...]) -> Line:
    """The machine's own doubt about the words weighs on the line."""
    sure = next((one.confidence for one in told if " ".join(one.text.split()) == line.raw), LEGIBLE)
    asked = ("name", "strength") if sure < DOUBTED else ()
    to_confirm = tuple(dict.fromkeys((*line.to_confirm, *asked)))
    return replace(line, confidence=round(min(line.confidence, sure), 2), to_confirm=to_confirm)


def _with_codes(origin: str, codes: tuple[Code, ...]) -> str:
    """A code that may be the prescription's own raises a page above one without."""
    if origin in ("pdf", "text", "photo") and any(not code.is_address for code in codes):
        return "code"
    return origin


def _of(lines: tuple[Line, ...], origin: str) -> tuple[Line, ...]:
    return tuple(replace(line, origin=origin) for line in lines)


def _codes_of(pages: tuple[Page, ...]) -> tuple[Found, ...]:
    return tuple(code for page in pages for code in page.codes)


def _fault(pages: tuple[Page, ...]) -> str:
    return next((page.refused for page in pages if page.refused), "")
