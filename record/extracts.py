"""One page of a record made of extracts alone: what sections of documents say, word for word, each with its source.

Nothing is summed up, concluded or left out in silence; no model and no network take part.
"""

from dataclasses import dataclass

from record.access import Shown
from record.unpack.cda_sections import sections
from record.unpack.facts import CDA

LABEL = "Extraits de documents, mot pour mot. Ce n'est ni un résumé ni un avis : ouvrez la source avant de décider."
# LOINC codes of sections, as IPS and CI-SIS have them; the order is that of the page.
TOPICS = {
    "48765-2": "Allergies et intolérances",
    "11450-4": "Problèmes en cours",
    "46240-8": "Problèmes en cours",
    "11348-0": "Antécédents",
    "10160-0": "Médicaments",
    "18776-5": "Plan de soins",
    "11369-6": "Vaccinations",
    "30954-2": "Résultats",
    "46264-8": "Dispositifs",
    "47519-4": "Actes",
}
EACH, IN_ALL = 700, 40


@dataclass(frozen=True, slots=True, repr=False)
class Extract:
    """`is_cut`: the source says more."""

    topic: str
    code: str
    text: str
    is_cut: bool
    document_id: int
    source: str  # title, authors
    at: int  # when it was filed


@dataclass(frozen=True, slots=True, repr=False)
class Synthesis:
    """`left`: how many extracts the page had no room for; `silent`: documents that no section was read from."""

    extracts: tuple[Extract, ...]
    left: int
    silent: tuple[Shown, ...]


def synthesis(documents: tuple[tuple[Shown, bytes | None], ...]) -> Synthesis:
    """Documents with their contents (None where it was not opened) → the page, newest first in each topic. Pure."""
    found: list[Extract] = []
    silent: list[Shown] = []
    for shown, content in sorted(documents, key=lambda pair: -pair[0].row.filed_at):
        told = _of(shown, content) if content is not None and shown.meta and shown.meta.media_type == CDA else []
        found += told
        silent += [] if told else [shown]
    order = list(TOPICS)
    found.sort(key=lambda each: (order.index(each.code), -each.at))
    return Synthesis(tuple(found[:IN_ALL]), max(0, len(found) - IN_ALL), tuple(silent))


def _of(shown: Shown, content: bytes) -> list[Extract]:
    meta, row = shown.meta, shown.row
    source = " — ".join(part for part in ((meta.title, ", ".join(meta.authors)) if meta else ()) if part)
    return [
        Extract(TOPICS[each.code], each.code, each.text[:EACH], len(each.text) > EACH, row.id, source, row.filed_at)
        for each in sections(content)
        if each.code in TOPICS
    ]
