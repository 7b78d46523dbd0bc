"""Whatever octets, however cut: the reader agrees with the slow reading of RFC 5321 that is written out here."""

from hypothesis import given
from hypothesis import strategies as st

from mail.data_reader import DataReader
from tests.support.slow_reader import BOUNDS, reference

SOUP = st.lists(
    st.sampled_from(
        [b"\r\n", b".", b"\r", b"\n", b"\0", b"a", b"From: b\r\n", b"\r\n.", b"x" * 17, b"\xff", b"\r\n.\r\n"]
    ),
    max_size=60,
).map(b"".join)
HONEST = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a", b"longer line", b"\xe9t\xe9"]), max_size=30)


def split(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def run(pieces: list[bytes]) -> tuple[bytes | None, bytes] | None:
    kept: list[bytes] = []
    reader = DataReader(kept.append, BOUNDS)
    for number, piece in enumerate(pieces):
        rest = reader.feed(piece)
        if rest is not None:
            message = b"".join(kept) if reader.fault is None else None
            return message, rest + b"".join(pieces[number + 1 :])
    return None


@given(SOUP, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_octets_any_cut(data: bytes, places: list[int]) -> None:
    assert run(split(data, places)) == reference(data)


@given(SOUP)
def test_octet_by_octet(data: bytes) -> None:
    assert run([data[at : at + 1] for at in range(len(data))]) == reference(data)


@given(HONEST, st.lists(st.integers(0, 10_000), max_size=12))
def test_what_is_sent_is_what_is_kept(lines: list[bytes], places: list[int]) -> None:
    message = b"From: b\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
    wire = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in message.split(b"\r\n")[:-1])
    assert run(split(wire + b".\r\nRSET\r\n", places)) == (message, b"RSET\r\n")
