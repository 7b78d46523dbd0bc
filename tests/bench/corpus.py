"""Seeded corpora for the benches: plain or S/MIME-signed messages of a size, as `.eml` files."""

import random
from pathlib import Path

from crypto.identity import Identity
from crypto.sign import sign_message

LINE = 76
SIGNED_EXTRA = 3200  # octets of a signature with its certificates, in base64, and of the parts around it


def body(size: int, seed: int) -> bytes:
    """Text of about `size` octets in lines of 76."""
    dice = random.Random(seed)
    words = [bytes(dice.choices(b"abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 9))) for _ in range(500)]
    lines = []
    while size > 0:
        line = b" ".join(dice.choices(words, k=12))[: min(LINE - 2, max(1, size))]
        lines.append(line)
        size -= len(line) + 2
    return b"\r\n".join(lines) + b"\r\n"


def write_signed(folder: Path, who: Identity, sender: str, count: int, size: int, seed: int) -> None:
    """`count` messages of about `size` octets each, all different, signed by `who` as `sender`."""
    folder.mkdir(parents=True)
    text = body(max(200, size - SIGNED_EXTRA), seed)
    for number in range(count):
        headers = (
            f"From: <{sender}>\r\nTo: <box@bench.example>\r\nSubject: load test message\r\n"
            f"Date: Mon, 01 Jun 2026 10:00:00 +0200\r\nMessage-ID: <{seed}.{number}@bench.example>\r\n"
        ).encode()
        part = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n%d\r\n" % number + text
        message = sign_message(headers, part, who.key, who.certificate, who.chain)
        (folder / f"{number:06}.eml").write_bytes(message)
