"""A program that is called, such as a pharmacy's software: a real HTTP server on loopback that keeps what it hears."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support import loopback_http


@dataclass
class Receiver:
    """`answers`: the statuses to give, one a call, the last one for ever; `says` is the body of each."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [204])
    says: bytes = b""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            self.send_response(status)
            if status == 302:
                self.send_header("location", receiver.url + "/elsewhere")
            self.send_header("content-length", str(len(receiver.says)))
            self.end_headers()
            self.wfile.write(receiver.says)

        def log_message(self, *_said: object) -> None:
            pass

    with loopback_http.serving(Handler) as base:
        receiver.url = f"{base}/pli?officine=1"
        yield receiver
