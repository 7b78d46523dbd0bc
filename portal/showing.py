"""A document of the record as its reader's browser can show it: a CDA by what it carries or says, never as bare XML."""

from datetime import datetime

from starlette.responses import Response

from core.errors import BadInput
from portal.files import SHOWN, file_response
from record.access import ReadDocument
from record.pack.papers import paper
from record.unpack.cda import read_cda
from record.unpack.facts import CDA, PDF, Unreadable
from record.unpack.sniff import sniff


def document_response(read: ReadDocument, at: datetime) -> Response:
    """The file itself where browsers show it, a CDA's page as a PDF, else the file to be saved. `at`: for that page."""
    content, media_type = _readable(read, at)
    return file_response(content, media_type, f"document-{read.row.id}")


def _readable(read: ReadDocument, at: datetime) -> tuple[bytes, str]:
    media_type = read.meta.media_type
    if media_type != CDA:
        return read.content, media_type
    try:
        if (carried := read_cda(read.content)[1]) and (kind := sniff(carried)) in SHOWN:
            return carried, kind
        made = paper(read.meta, read.content, at)
    except (BadInput, Unreadable):  # damaged since, or of a form that was taken by earlier rules: at least it is given
        made = None
    return (made, PDF) if made else (read.content, media_type)
