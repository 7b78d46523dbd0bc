"""A mail as a page shows it: its plain text; without one its HTML, washed, for a frame that may do nothing."""

import nh3

from mail.bounds import MimeBounds
from mail.content import text_of
from mail.part import Part, leaves

LONGEST = 100_000  # characters shown of one mail
_TEXT = ("p", "br", "b", "strong", "i", "em", "u", "sub", "sup", "span", "div", "h1", "h2", "h3", "h4", "hr")
_BLOCKS = ("ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "table", "thead", "tbody", "tr", "td", "th")
_TAGS = {*_TEXT, *_BLOCKS}


def shown(raw: bytes, tree: Part) -> tuple[str, str]:
    """The plain text, or the HTML with everything out of it that loads, runs or leads elsewhere; one is empty.

    Only for a frame with an empty `sandbox`, and never as part of a page.
    """
    html = ""
    for _number, part in leaves(tree):
        if part.disposition is not None and part.disposition.kind == b"attachment":
            continue
        try:
            if part.media == "text/plain":
                return text_of(raw, part)[:LONGEST].replace("\r\n", "\n").strip(), ""
            if part.media == "text/html" and not html:
                html = nh3.clean(text_of(raw, part)[: 2 * LONGEST], tags=_TAGS, attributes={}, link_rel=None)
        except MimeBounds:
            continue
    return "", html
