"""A client of our pages in this very process: no socket, and one event loop for all requests, as a server has.

Starlette's own client starts a loop and its threads anew for each request, which takes longer than most pages do.
"""

import asyncio
import threading
from functools import cache

from fastapi import FastAPI
from httpx2 import ASGITransport, BaseTransport, ByteStream, Client, Request, Response


class Inside(BaseTransport):
    """Hands requests to the application; what it raises is raised here."""

    def __init__(self, app: FastAPI) -> None:
        self._asgi = ASGITransport(app, client=("testclient", 50_000))

    def handle_request(self, request: Request) -> Response:
        request.read()
        return asyncio.run_coroutine_threadsafe(self._answered(request), _loop()).result()

    async def _answered(self, request: Request) -> Response:
        answer = await self._asgi.handle_async_request(request)
        sent = b"".join([piece async for piece in answer.aiter_raw()])  # compressed, if it travels so
        return Response(answer.status_code, headers=answer.headers.raw, stream=ByteStream(sent))


def client_of(app: FastAPI, base: str) -> Client:
    """Keeps cookies and follows no redirection."""
    return Client(transport=Inside(app), base_url=base, headers={"user-agent": "testclient"})


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Runs until the process ends."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="inside", daemon=True).start()
    return loop
