"""The gate's door: POST of one JSON question with the shared secret, on loopback only. An ASGI application."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from instant.gate import Gate
from instant.policy import Decision

MOST_OCTETS = 256 * 1024
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

log = structlog.get_logger()


class GateDoor:
    """Answers {"allowed", "sentence"} to {"question", …}; 401 without the secret, 400 for what is no question."""

    def __init__(self, gate: Gate, secret: str) -> None:
        self._gate = gate
        self._expected = f"Bearer {secret}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):
            await _answer(send, 401, {})
            return
        facts = _facts(await _body(receive))
        if facts is None:
            await _answer(send, 400, {})
            return
        decision: Decision = await asyncio.to_thread(self._gate.answer, str(facts.get("question")), facts)
        if not decision.allowed:
            log.info("chat.refused", word=decision.word)
        await _answer(send, 200, {"allowed": decision.allowed, "sentence": decision.sentence})


async def _body(receive: Receive) -> bytes:
    found, more = b"", True
    while more and len(found) <= MOST_OCTETS:
        part = await receive()
        found += part.get("body", b"")
        more = part.get("more_body", False)
    return found


def _facts(body: bytes) -> dict[str, Any] | None:
    if len(body) > MOST_OCTETS:
        return None
    try:
        facts = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


async def _answer(send: Send, status: int, value: Mapping[str, Any]) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
