"""A mail as a room shows it: who wrote, what was found about the signature, its text, its files, its original. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from instant.names import PART, VERDICT
from mail.bounds import MimeBounds
from mail.content import decode_part, filename, text_of
from mail.headers import Headers
from mail.meta import MessageMeta
from mail.part import Part, numbered

MOST_TEXT, MOST_HEADER = 24_000, 3_000  # octets as JSON: an event holds 64 KiB, sealed and encoded
MOST_FILES = 30
_SEALS = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_IDS = re.compile(r"<([^<>\s]{1,900})>")
_WORDS = {
    "pass": "signature vérifiée",
    "fail": "SIGNATURE NON VALABLE : ne vous fiez pas à ce message",
    "permerror": "SIGNATURE ILLISIBLE : ne vous fiez pas à ce message",
    "temperror": "signature pas encore vérifiée",
    "none": "message non signé",
}


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """An attachment; `part` is its number (RFC 9051 §6.4.5)."""

    part: str
    name: str
    media: str
    data: bytes


def text_content(meta: MessageMeta, raw: bytes) -> dict[str, Any]:
    """The event of a mail's text: sender, verdict in words, subject, text."""
    verdict = _WORDS.get(meta.verdict, _WORDS["temperror"])
    who = f"{meta.from_name} <{meta.from_}>" if meta.from_name else meta.from_
    text = _bounded(plain_text(raw, meta.tree), MOST_TEXT, "\n[…] La suite est dans le message d'origine, joint.")
    who, subject = _bounded(who, MOST_HEADER), _bounded(meta.subject, MOST_HEADER)
    body = f"✉ De : {who} — {verdict}\nObjet : {subject or '(sans objet)'}\n\n{text}"
    found = {"result": meta.verdict, "reason": meta.reason, "signer": meta.signer}
    return {"msgtype": "m.text", "body": body, VERDICT: found}


def _bounded(text: str, most: int, end: str = "[…]") -> str:
    """At most so many octets as nio writes JSON, where a letter with an accent is six, a pictogram twelve."""
    if len(json.dumps(text)) <= most:
        return text
    low, high = 0, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(json.dumps(text[:middle])) <= most else (low, middle - 1)
    return text[:low] + end


def file_content(part: str, name: str, media: str, size: int, file: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a file that was uploaded encrypted."""
    kind = "m.image" if media in ("image/jpeg", "image/png", "image/gif", "image/webp") else "m.file"
    info = {"mimetype": media, "size": size}
    return {"msgtype": kind, "body": name, "filename": name, "info": info, "file": dict(file), PART: part}


def file_parts(tree: Part) -> list[str]:
    """Numbers of the parts that are files, at most thirty."""
    return [number for number, _part in _files(tree)][:MOST_FILES]


def file_of(raw: bytes, tree: Part, number: str) -> File | None:
    """One file of a mail; None where its encoding passes a bound."""
    for found, part in _files(tree):
        if found == number:
            try:
                data = decode_part(raw, part)
            except MimeBounds:
                return None
            return File(number, filename(part) or f"piece-{number}", part.media, data)
    return None


def mail_ids(raw: bytes, tree: Part) -> tuple[str, list[str]]:
    """The mail's own Message-ID, and those that it answers: In-Reply-To, then References from the right."""
    headers = Headers(raw[: tree.body])
    own = _ids(headers, b"message-id")
    answered = _ids(headers, b"in-reply-to") + _ids(headers, b"references")[::-1]
    return own[0] if own else "", list(dict.fromkeys(answered))[:100]


def reference_chain(raw: bytes, tree: Part) -> list[str]:
    """What an answer to this mail says in References (RFC 5322 §3.6.4): its references, then itself."""
    headers = Headers(raw[: tree.body])
    chain = _ids(headers, b"references") or _ids(headers, b"in-reply-to")[:1]
    return [*chain[-30:], *_ids(headers, b"message-id")[:1]]


def plain_text(raw: bytes, tree: Part) -> str:
    """The first text to read: plain where there is one, else what a page says."""
    parts = [part for _path, part in numbered(tree) if part.main == b"text" and not _attached(part)]
    for wanted in (b"plain", b"html"):
        for part in parts:
            if part.sub == wanted:
                try:
                    text = text_of(raw, part)
                except MimeBounds:
                    return "(texte illisible : voir le message d'origine)"
                return (text if wanted == b"plain" else _from_page(text)).replace("\r\n", "\n").strip()
    return ""


def answer_text(content: Mapping[str, Any]) -> str:
    """What a person wrote, without the quotation that clients put before it ("Rich replies": fallback)."""
    body = content.get("body")
    text = body if isinstance(body, str) else ""
    lines = text.split("\n")
    if lines and lines[0].startswith("> <@"):
        while lines and lines[0].startswith(">"):
            lines.pop(0)
        if lines and not lines[0].strip():
            lines.pop(0)
    return "\n".join(lines).strip()


class _Page(HTMLParser):
    """Collects the words of a page, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in ("script", "style", "head"):
            self._hidden += 1
        elif tag in ("p", "br", "div", "tr", "li"):
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "head") and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _from_page(text: str) -> str:
    page = _Page()
    page.feed(text[: 4 * MOST_TEXT])
    return re.sub(r"\n\s*\n+", "\n\n", "".join(page.words))


def _ids(headers: Headers, name: bytes) -> list[str]:
    return _IDS.findall((headers.first(name) or b"").decode("utf-8", "replace"))


def _files(tree: Part) -> Iterator[tuple[str, Part]]:
    inside: tuple[int, ...] | None = None
    for path, part in numbered(tree):
        if inside and path[: len(inside)] == inside:
            continue
        if part.message is not None:
            inside = path
        text = part.main == b"text" and part.sub in (b"plain", b"html") and not _attached(part) and not filename(part)
        if part.main != b"multipart" and part.media not in _SEALS and not text:
            yield ".".join(map(str, path)), part


def _attached(part: Part) -> bool:
    return part.disposition is not None and part.disposition.kind == b"attachment"
