"""One page for people of what a record holds: a PDF/A-1b of a document's words or picture, and of the synthesis."""

from datetime import UTC, datetime

from record.documents import DocumentMeta
from record.extracts import LABEL, Synthesis
from record.pack.pdfa import Block, Heading, Paragraph, Picture, pdfa
from record.unpack.cda_sections import sections
from record.unpack.facts import CDA, IMAGES, TEXT

COPY = "Copie pour la lecture, faite à partir du document d'origine, qui seul fait foi."


def paper(meta: DocumentMeta, content: bytes, at: datetime) -> bytes | None:
    """The page; None for what is a PDF already, or has none. Raises BadInput: a picture that cannot be read."""
    if meta.media_type in IMAGES:
        return _pdf(meta, [Picture(content)], at)
    if meta.media_type == TEXT:
        return _pdf(meta, [Paragraph(content.decode(errors="replace"))], at)
    if meta.media_type == CDA and (blocks := narrative(content)):
        return _pdf(meta, blocks, at)
    return None


def narrative(cda: bytes) -> list[Block]:
    """The sections of a level 3 CDA in their order (rule 2.1.5: header and narrative); empty for a level 1."""
    found: list[Block] = []
    for each in sections(cda):
        found += [Heading(each.title)] if each.title else []
        found.append(Paragraph(each.text))
    return found


def synthesis_paper(told: Synthesis, at: datetime) -> bytes:
    """The one page of extracts with their sources."""
    blocks: list[Block] = [Heading("Synthèse du dossier", 1), Paragraph(LABEL)]
    topic = ""
    for each in told.extracts:
        blocks += [Heading(each.topic)] if each.topic != topic else []
        topic = each.topic
        blocks.append(Paragraph(each.text + (" […]" if each.is_cut else "")))
        day = datetime.fromtimestamp(each.at / 1000, UTC).strftime("%d/%m/%Y")
        blocks.append(Paragraph(f"Source : {each.source or 'document'}, classé le {day}", small=True))
    if told.left:
        blocks.append(Paragraph(f"{told.left} autres extraits : voir les documents."))
    titles = [each.meta.title for each in told.silent if each.meta and each.meta.title]
    if titles:
        blocks += [Heading("À lire aussi : rien n'est cité de ces documents"), Paragraph("\n".join(titles))]
    return pdfa("Synthèse du dossier", blocks, at, LABEL.partition(".")[0])


def _pdf(meta: DocumentMeta, blocks: list[Block], at: datetime) -> bytes:
    title = meta.title or "Document"
    head: list[Block] = [Heading(title, 1)]
    head += [Paragraph("Auteurs : " + ", ".join(meta.authors))] if meta.authors else []
    return pdfa(title, [*head, *blocks, Paragraph(COPY, small=True)], at, title[:60])
