"""Bytes from where the operator says: a file of this machine, or an address; bounded in size and in time."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from core.errors import BadInput, Temporary

TIMEOUT_S = 20.0  # of one step
WHOLE_S = 300.0  # of an answer
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_WEB = ("https://", "http://")


class NotFetched(Temporary):
    """It is not there, does not answer, or is larger than it may be."""


def is_address(place: str) -> bool:
    """Whether the place is on the network, not a file."""
    return place.lower().startswith(_WEB)


def fetch(place: str | Path, most: int, *, signed: bool = False) -> bytes:
    """At most `most` octets. `signed`: what comes carries a signature of its own, so plain http will do.

    Raises NotFetched, BadInput (plain http for what is not signed).
    """
    if isinstance(place, Path) or not is_address(place):
        return _file(Path(place), most)
    if not signed:
        check_secure(place)
    try:
        with httpx2.stream("GET", place, timeout=TIMEOUT_S, follow_redirects=False) as answer:
            return _body(answer, most)
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
        raise NotFetched("the address does not answer", f"fetch failed: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True)
class Tag:
    """By which a place knows what we have (RFC 9110 §8.8): validators of the network, or size and time of a file."""

    etag: str = ""
    modified: str = ""


def fetch_newer(place: str, most: int, tag: Tag | None) -> tuple[bytes | None, Tag]:
    """As `fetch` for what is signed, but None where nothing is newer than what `tag` was given for (RFC 9110 §13.1)."""
    if not is_address(place):
        return _newer_file(Path(place), most, tag)
    asked = {"If-None-Match": tag.etag if tag else "", "If-Modified-Since": tag.modified if tag else ""}
    headers = {name: value for name, value in asked.items() if value}
    try:
        with httpx2.stream("GET", place, timeout=TIMEOUT_S, follow_redirects=False, headers=headers) as answer:
            if answer.status_code == 304 and headers:
                return None, tag or Tag()
            found = Tag(answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))
            return _body(answer, most), found
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
        raise NotFetched("the address does not answer", f"fetch failed: {type(error).__name__}") from None


def _newer_file(path: Path, most: int, tag: Tag | None) -> tuple[bytes | None, Tag]:
    try:
        state = path.stat()
    except OSError as error:
        raise NotFetched("the file cannot be read", f"file: {error.strerror}") from None
    found = Tag(str(state.st_size), str(state.st_mtime_ns))
    return (None if found == tag else _file(path, most)), found


def post_form(place: str, fields: Mapping[str, str], secret: tuple[str, str], most: int) -> bytes:
    """The answer to a form sent with HTTP Basic authentication. Raises NotFetched, BadInput."""
    check_secure(place)
    try:
        with httpx2.stream(
            "POST",
            place,
            data=dict(fields),
            auth=secret,
            timeout=TIMEOUT_S,
            follow_redirects=False,
            headers={"Accept": "application/json"},
        ) as answer:
            return _body(answer, most)
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
        raise NotFetched("the address does not answer", f"post failed: {type(error).__name__}") from None


def check_secure(place: str) -> None:
    """https, or this very machine. Raises BadInput."""
    parts = urlsplit(place)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise BadInput("the address must be https", "plain http to another machine")


def _body(answer: httpx2.Response, most: int) -> bytes:
    """Bounded in size, and in time however slowly it drips."""
    until = time.monotonic() + WHOLE_S
    if answer.status_code != 200:
        raise NotFetched("the address refuses", f"fetch answered {answer.status_code}")
    got = bytearray()
    for piece in answer.iter_bytes(65536):
        got += piece
        if len(got) > most:
            raise NotFetched("the answer is too large", "fetched more than the bound")
        if time.monotonic() > until:
            raise NotFetched("the answer takes too long", "fetch took longer than the bound")
    return bytes(got)


def _file(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            got = file.read(most + 1)
    except OSError as error:
        raise NotFetched("the file cannot be read", f"file: {error.strerror}") from None
    if len(got) > most:
        raise NotFetched("the file is too large", "file larger than the bound")
    return got
