"""A web server that publishes one revocation list, with validators; counts what it was asked and what it sent whole."""

from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Self

from tests.support import loopback_http


class Publisher:
    """`body` and `status` are what the next question gets; listens on a free port until it is closed."""

    def __init__(self) -> None:
        self.body, self.status, self.asked, self.whole = b"", 200, 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                tag = f'"{hash(outer.body)}"'
                fresh = outer.status == 200 and self.headers.get("If-None-Match") == tag
                self.send_response(304 if fresh else outer.status)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", "0" if fresh else str(len(outer.body)))
                self.end_headers()
                if not fresh:
                    outer.whole += 1
                    self.wfile.write(outer.body)

            def log_message(self, *_args: object) -> None:
                return

        self._serving = ExitStack()
        self.url = f"{self._serving.enter_context(loopback_http.serving(Handler))}/liste.crl"

    def close(self) -> None:
        """Nobody answers any more."""
        self._serving.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
