"""What the pages say, as gettext sees it: the sentences of templates and code, and those that lower rooms hand up."""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from crypto.verdict import Reason, reason_text_fr
from portal.language import LANGUAGES, SOURCE
from portal.preferences import TEMPLATES
from record.break_glass import NO_PROFESSIONAL, NO_REASON, OBJECTED, OWN, REVIEWED, TOO_MANY
from record.order_detail import ALERTS, PROVENANCE
from record.orders import LABELS
from record.reading.against import WARNINGS
from record.reading.words import NO_TEXT, REFUSALS
from tests.support.house import ROOT

PORTAL = ROOT / "portal"
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_EMPTY_HEADERS = (b'"Project', b'"Report', b'"POT-', b'"PO-R', b'"Last', b'"Language-Team', b'"Generated')
MessageId = str | tuple[str, ...]


def said() -> dict[MessageId, str]:
    """Each sentence → where it stands."""
    found: dict[MessageId, str] = {}
    options = {"templates/**.html": {"newstyle_gettext": "true"}}
    for name, line, message, _comments, _context in extract_from_dir(
        str(PORTAL), METHODS, options, KEYWORDS, callback=None
    ):
        found.setdefault(tuple(message) if isinstance(message, tuple | list) else message, f"{name}:{line}")
    return found | dict.fromkeys(handed_up(), "a lower room")


def handed_up() -> Iterator[str]:
    """Tables of lower rooms that pages show as they are."""
    yield from LABELS.values()
    yield from (*PROVENANCE.values(), *ALERTS.values())
    yield from WARNINGS.values()
    yield from (reason_text_fr(reason) for reason in Reason)
    yield from (title for title, _text in TEMPLATES.values())
    yield from REFUSALS.values()
    yield NO_TEXT
    yield from (NO_PROFESSIONAL, NO_REASON, OBJECTED, OWN, REVIEWED, TOO_MANY)  # of an emergency


def catalogue(language: str) -> Catalog:
    with Path(PORTAL / "locale" / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language)


def renewed(language: str) -> Catalog:
    """The catalogue with what is said today: new sentences empty, what nobody says any more left out."""
    old = catalogue(language)
    new = Catalog(locale=language, header_comment=old.header_comment, fuzzy=False)
    for message in sorted(said(), key=str):
        if message:
            kept = old.get(message if isinstance(message, str) else message[0])
            new.add(message, kept.string if kept else "")
    return new


def write(language: str) -> None:
    """Into its file, with only those headers that say something."""
    made = io.BytesIO()
    write_po(made, renewed(language), width=120, ignore_obsolete=True)
    lines = made.getvalue().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(_EMPTY_HEADERS)]
    (PORTAL / "locale" / f"{language}.po").write_bytes(b"".join(kept))


if __name__ == "__main__":  # after new sentences: python -m tests.support.catalogue, then fill in what is empty
    for each in LANGUAGES:
        if each != SOURCE:
            write(each)
