"""What `pli verify` does: reads anchors, intermediates, lists and messages, and asks the strict profile."""

import json
import re
import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import BadInput
from crypto.trust import BadTrust, readable
from crypto.verdict import Verdict
from ops.cli.moment import moment
from ops.fence import Fence, TrustFiles

PEM_MARK = b"-----BEGIN"
_BARE_LF = re.compile(rb"(?<!\r)\n")


class CannotJudge(BadInput):
    """Something that is needed to judge cannot be read. One line, for the one who asked."""


def judge_files(
    messages: list[Path],
    anchors: Path,
    intermediates: Path | None,
    crls: Path | None,
    at: str,
    binding: bool,
) -> Iterator[dict[str, Any]]:
    """One verdict a message, in order. Raises CannotJudge, before the first."""
    try:
        trust = _trust(anchors, intermediates, crls)
        when = moment(at)
        raws = [(path, _as_sent(path.read_bytes())) for path in messages]
    except (OSError, BadTrust, BadInput) as error:
        raise CannotJudge(_why(error)) from None
    return _judged_all(raws, trust, when, binding)


def as_line(judged: dict[str, Any], as_json: bool) -> str:
    """For programs, or for people."""
    if as_json:
        return json.dumps(judged, ensure_ascii=False)
    return f"{judged['signature']:<10} {judged['reason']:<24} {judged['file']}"


def _judged_all(
    raws: list[tuple[Path, bytes]], trust: TrustFiles, at: datetime, binding: bool
) -> Iterator[dict[str, Any]]:
    fence = Fence(trust, processes=1, start="fork")  # one thread here: a fork is safe, and starts at once
    try:
        fence.judge(b"", None, at)  # so that the first message does not wait for the lists to be read
        for path, raw in raws:
            began = time.perf_counter()
            verdict = fence.judge(raw, None, at, binding=binding)
            yield _line(path, verdict, time.perf_counter() - began)
    finally:
        fence.close()


def _as_sent(raw: bytes) -> bytes:
    """A file kept with Unix line ends gets those of the wire. `openssl cms -sign` writes such files, with CRLF in the
    signed part only; where a CR stands in the header, the file is taken as it is."""
    header, blank, _body = raw.partition(b"\n\n")
    return _BARE_LF.sub(b"\r\n", raw) if blank and b"\r" not in header else raw


def _line(path: Path, verdict: Verdict, seconds: float) -> dict[str, Any]:
    return {
        "file": str(path),
        "signature": verdict.signature.value,
        "reason": verdict.reason.value,
        "signer": {"email": verdict.signer_email, "subject": verdict.signer_subject},
        "seconds": round(seconds, 6),
    }


def _trust(anchors: Path, intermediates: Path | None, crls: Path | None) -> TrustFiles:
    """Raises OSError, BadTrust. In folders, what cannot be read is left out: nobody is trusted for it."""
    above = b"".join(pem for data in _files(intermediates) if readable(pem := _as_pem(data)))
    files = TrustFiles(_as_pem(anchors.read_bytes()), above, None if crls is None else tuple(_files(crls)))
    files.load()
    return files


def _files(folder: Path | None) -> Iterator[bytes]:
    """The files of a folder, in the order of their names."""
    for path in sorted(folder.iterdir()) if folder else ():
        if path.is_file():
            yield path.read_bytes()


def _as_pem(data: bytes) -> bytes:
    return data if PEM_MARK in data else ssl.DER_cert_to_PEM_cert(data).encode()


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
