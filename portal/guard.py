"""Before and after every page: who may ask at all, how much may be sent, which headers protect the answer.

An unsafe request must come from our own pages: Sec-Fetch-Site says so, in older browsers Origin does. The form's token
is checked besides, by the doors.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from core.errors import BadInput

LARGEST_BODY = 128 * 1024  # octets of a form
LARGEST_UPLOAD = 20 * 1024 * 1024  # of one with a patient's files: only for somebody who is signed in
UPLOADS = ("/p/envoyer/documents", "/p/repondre/")
UPLOADS_AT_ONCE = 12
_SAFE = frozenset({"GET", "HEAD"})
_UNSAFE = frozenset({"POST"})
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
# The demonstration shows two of our own pages side by side: they may be framed, by us alone.
_FRAMED = {
    "content-security-policy": _HEADERS["content-security-policy"].replace(
        "frame-ancestors 'none'", "frame-src 'self'; frame-ancestors 'self'"
    ),
    "x-frame-options": "SAMEORIGIN",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
ErrorPage = Callable[[Request, int], Response]
log = structlog.get_logger()


class TooLarge(BadInput):
    """More was sent than any form of ours holds."""

    def __init__(self) -> None:
        super().__init__("Ce que vous envoyez est trop volumineux.", "request body too large")


class Guard:
    """ASGI middleware around all pages. `error_page(request, status)` makes the page of a refusal."""

    def __init__(
        self,
        app: Application,
        hosts: frozenset[str],
        https: bool,
        error_page: ErrorPage,
        may_upload: Callable[[Request], bool],
        framed: bool = False,
    ) -> None:
        self._app = app
        self._headers = _HEADERS | (_FRAMED if framed else {})
        self._may_upload = may_upload
        self._uploading = 0
        self._hosts = hosts
        self._https = https
        self._error_page = error_page

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, self._https, self._headers, headless=scope["method"] == "HEAD")
        began = time.monotonic()
        uploads = await self._uploads(scope)
        largest = LARGEST_UPLOAD if uploads else LARGEST_BODY
        status = self._refusal(scope, largest)
        self._uploading += uploads
        try:
            if status:
                await self._error_page(Request(scope), status)(scope, receive, answer)
            else:
                await self._app(_asked(scope), _bounded(receive, largest), answer)
        except Exception:
            log.exception("web.failed", route=_route(scope))
            if not answer.status:
                await self._error_page(Request(scope), 500)(scope, receive, answer)
        finally:
            self._uploading -= uploads
        ms = int((time.monotonic() - began) * 1000)
        log.info("web.request", method=_method(scope), route=_route(scope), status=answer.status, ms=ms)

    async def _uploads(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether this may be a large form: a signed-in person's, and not too many at once (each lies in memory)."""
        wanted = scope["method"] == "POST" and scope["path"].startswith(UPLOADS)
        if not wanted or self._uploading >= UPLOADS_AT_ONCE:
            return False
        return await run_in_threadpool(self._may_upload, Request(scope))

    def _refusal(self, scope: MutableMapping[str, Any], largest: int) -> int:
        """0 when the request may pass, else the status of the refusal."""
        headers, method = Headers(scope=scope), scope["method"]
        if _host(headers.get("host", "")) not in self._hosts:
            return 400
        by_key = scope["path"].startswith("/api/")
        if method not in _SAFE | _UNSAFE and not by_key:
            return 405
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:12]) > largest or len(length) > 12:
            return 413
        # the interface for software looks at no cookie: nothing that another site could make a browser lend it
        return 0 if method in _SAFE or by_key or _is_programs(scope["path"]) or self._is_ours(headers) else 403

    def _is_ours(self, headers: Headers) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site != "same-origin":
            return False
        if origin is None:
            return site == "same-origin"
        return origin == f"{'https' if self._https else 'http'}://{headers.get('host', '')}"


def _is_programs(path: str) -> bool:
    """Where programs post, and no cookie is looked at: a search (FHIR R4 §3.1.1.1.1), which changes nothing, and the
    homeserver's request for a token, which brings its own secret."""
    return path == "/oidc/jeton" or (path.startswith("/fhir/v2/") and path.endswith("/_search"))


def _asked(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """HEAD is GET whose answer ends at its head (RFC 9110 §9.3.2): whatever can be got can be asked so."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


class _Answer:
    """Adds what protects the page to the head of the answer; `headless` ends there, also where a stream would begin."""

    def __init__(self, send: Send, https: bool, protecting: Mapping[str, str], *, headless: bool) -> None:
        self._send = send
        self._protecting = protecting
        self._https = https
        self._headless = headless
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._protecting.items():
                headers.setdefault(name, value)
            if self._https:
                headers.setdefault("strict-transport-security", "max-age=63072000")
        elif self._headless:
            return
        await self._send(message)
        if self._headless:
            await self._send({"type": "http.response.body", "body": b""})


def _bounded(receive: Receive, largest: int) -> Receive:
    """Counts what comes, for whoever does not say a length or lies about it."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            raise TooLarge
        return message

    return counted


def _host(text: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is none."""
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _route(scope: MutableMapping[str, Any]) -> str:
    """The route's pattern, never the path: a path may say something of a person."""
    return str(getattr(scope.get("route"), "path", "") or "none")


def _method(scope: MutableMapping[str, Any]) -> str:
    return scope["method"] if scope["method"] in _SAFE | _UNSAFE else "other"
