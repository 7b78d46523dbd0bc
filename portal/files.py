"""A file on its way to a browser: shown where that is harmless, saved otherwise; its name says nothing of anybody."""

from starlette.responses import Response

from portal.language import N_

# What browsers show by themselves; anything else is saved, never opened in our origin.
KINDS = {
    "application/pdf": "PDF",
    "image/jpeg": N_("photo"),
    "image/png": N_("image"),
    "image/tiff": N_("image"),
    "text/plain": N_("texte"),
    "application/rtf": N_("texte"),
    "text/xml": N_("données structurées"),
    "application/fhir+json": N_("données structurées"),
    "application/dicom": N_("image médicale"),
}
_FILE = N_("fichier")
SHOWN = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "text/plain": "txt"}
_SAVED = {
    "text/xml": "xml",
    "image/tiff": "tif",
    "application/rtf": "rtf",
    "application/dicom": "dcm",
    "application/fhir+json": "json",
}


def file_response(content: bytes, media_type: str, name: str) -> Response:
    """`name` without ending."""
    is_shown = media_type in SHOWN
    kind = media_type if is_shown else "application/octet-stream"
    place = "inline" if is_shown else "attachment"
    suffix = (SHOWN | _SAVED).get(media_type, "bin")
    headers = {
        "content-disposition": f'{place}; filename="{name}.{suffix}"',
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Response(content, media_type=kind, headers=headers)


def kind_of(media_type: str) -> str:
    """What people call such a file."""
    return KINDS.get(media_type, _FILE)
