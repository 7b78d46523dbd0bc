"""A file on its way to a browser: shown where that is harmless, saved otherwise; its name says nothing of anybody."""

from starlette.responses import Response

# What browsers show by themselves; anything else is saved, never opened in our origin.
KINDS = {"application/pdf": "PDF", "image/jpeg": "photo", "image/png": "image", "text/plain": "texte"}
_SHOWN = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "text/plain": "txt"}


def file_response(content: bytes, media_type: str, name: str) -> Response:
    """`name` without ending."""
    suffix = _SHOWN.get(media_type)
    kind = media_type if suffix else "application/octet-stream"
    place = "inline" if suffix else "attachment"
    headers = {
        "content-disposition": f'{place}; filename="{name}.{suffix or "bin"}"',
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Response(content, media_type=kind, headers=headers)
