"""The process that opens PDF files: the only one that runs pdfium, with little memory and nothing of ours in it.

It reads a length and that many bytes, answers a length and JSON, and waits for the next. A file that makes it hang, eat
memory or die costs one child, never the server. Run as a script by `record.unpack.pdf`; imports nothing of ours.
"""

import json
import resource
import struct
import sys
from contextlib import suppress
from typing import Any

import pypdfium2
from pypdfium2 import raw

Facts = dict[str, Any]


def facts_of(data: bytes, most_pages: int, most_text: int) -> Facts:
    """`pages`, `text`, `title` and whether it `carries` files; or `problem`, one word."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        encrypted = getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        return {"problem": "encrypted" if encrypted else "broken"}
    try:
        return _facts(document, most_pages, most_text)
    except pypdfium2.PdfiumError:
        return {"problem": "broken"}
    finally:
        document.close()


def _facts(document: pypdfium2.PdfDocument, most_pages: int, most_text: int) -> Facts:
    pages = len(document)
    if pages == 0:
        return {"problem": "broken"}
    if pages > most_pages:
        return {"problem": "too_many_pages"}
    if raw.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0:
        return {"problem": "active"}
    if raw.FPDF_GetSecurityHandlerRevision(document.raw) != -1:
        return {"problem": "encrypted"}
    title = document.get_metadata_value("Title") or ""
    carries = raw.FPDFDoc_GetAttachmentCount(document.raw) > 0
    return {"pages": pages, "text": _text(document, pages, most_text), "title": title[:300], "carries": carries}


def _text(document: pypdfium2.PdfDocument, pages: int, most: int) -> str:
    """The text layer, page by page, up to `most` characters."""
    found: list[str] = []
    left = most
    for number in range(pages):
        page = document[number]
        layer = page.get_textpage()
        text = layer.get_text_range(0, min(left, max(0, layer.count_chars())))
        layer.close()
        page.close()
        found.append(text)
        left -= len(text)
        if left <= 0:
            break
    return "\n".join(found).replace("\r\n", "\n").replace("\r", "\n")


def _limit(memory: int) -> None:
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the document
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _allow(seconds: int) -> None:
    """So many seconds of CPU from now on; beyond them the kernel ends this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + seconds, hard))


def main() -> None:
    memory, cpu_seconds, most_pages, most_text = (int(word) for word in sys.argv[1:5])
    _limit(memory)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(4)) == 4:
        data = source.read(struct.unpack(">I", head)[0])
        _allow(cpu_seconds)
        try:
            answer = facts_of(data, most_pages, most_text)
        except MemoryError:
            answer = {"problem": "too_slow"}
        packed = json.dumps(answer).encode()
        sink.write(struct.pack(">I", len(packed)) + packed)
        sink.flush()


if __name__ == "__main__":
    main()
