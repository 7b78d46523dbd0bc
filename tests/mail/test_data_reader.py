"""The end of the data and everything that only looks like it. RFC 5321 §4.1.1.4, §4.5.2, §2.3.8."""

import tracemalloc

import pytest

from core.errors import StorageFull
from mail.data_reader import READ_AWAY, Bounds, DataReader, Flood
from tests.support.smtp_dialogue import FALSE_ENDS

SMUGGLED = b"MAIL FROM:<x@evil.test>\r\nRCPT TO:<y@cabinet.example>\r\nDATA\r\nFrom: x\r\n\r\nx"


def read(pieces: list[bytes], **bounds: int) -> tuple[DataReader, bytes, bytes | None]:
    """The reader, what it wrote, what it left over (None: it still waits)."""
    kept: list[bytes] = []
    reader = DataReader(kept.append, Bounds(**bounds))
    rest = None
    for number, piece in enumerate(pieces):
        rest = reader.feed(piece)
        if rest is not None:
            return reader, b"".join(kept), rest + b"".join(pieces[number + 1 :])
    return reader, b"".join(kept), rest


def cuts(data: bytes) -> list[list[bytes]]:
    """Whole, cut once at every octet, and octet by octet."""
    twice = [[data[:at], data[at:]] for at in range(1, len(data))]
    return [[data], *twice, [data[at : at + 1] for at in range(len(data))]]


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_false_end_is_no_end(false_end: bytes) -> None:
    data = b"From: a\r\n\r\nx" + false_end + SMUGGLED + b"\r\n.\r\nQUIT\r\n"
    for pieces in cuts(data):
        reader, _kept, rest = read(pieces)
        assert rest == b"QUIT\r\n"
        assert reader.fault is not None and reader.fault.code == 550


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_false_end_alone_leaves_the_reader_waiting(false_end: bytes) -> None:
    for pieces in cuts(b"From: a\r\n\r\nx" + false_end + b"QUIT\r\n"):
        assert read(pieces)[2] is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
        (b"a\r\n...b\r\n.\r\n", b"a\r\n..b\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n\r\n..\r\n..\r\n.\r\n", b"a\r\n\r\n.\r\n.\r\n"),
    ],
)
def test_dots(sent: bytes, kept: bytes) -> None:
    for pieces in cuts(sent):
        reader, wrote, rest = read(pieces)
        assert (wrote, rest, reader.fault, reader.size) == (kept, b"", None, len(kept))


@pytest.mark.parametrize("bad", [b"\r", b"\n", b"\0", b"\n\r", b"\r\r\n", b"\r\n\n"])
def test_bare_octets_are_refused(bad: bytes) -> None:
    for pieces in cuts(b"From: a\r\n\r\nx" + bad + b"y\r\n.\r\n"):
        reader, _kept, rest = read(pieces)
        assert rest == b"" and reader.fault is not None and reader.fault.enhanced == "5.6.0"


@pytest.mark.parametrize(("octets", "fits"), [(998, True), (999, False)])
def test_line_length(octets: int, fits: bool) -> None:
    message = b"From: a\r\n\r\n" + b"x" * octets + b"\r\nshort\r\n"
    for size in (1, 7, 999, 5000):
        pieces = [(message + b".\r\n")[at : at + size] for at in range(0, len(message) + 3, size)]
        reader, kept, rest = read(pieces)
        assert (reader.fault is None) is fits and rest == b""
        assert not fits or kept == message


def test_line_length_does_not_count_the_stuffed_dot() -> None:
    reader, kept, _rest = read([b"From: a\r\n\r\n.." + b"x" * 997 + b"\r\n.\r\n"])
    assert reader.fault is None and len(kept.split(b"\r\n")[2]) == 998


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_message_size(size: int, fits: bool) -> None:
    message = b"A: b\r\n\r\n" + b"x" * 500 + b"\r\n"
    message += b"y" * (size - len(message) - 2) + b"\r\n"
    reader, _kept, rest = read([message, b".\r\n"], message=1000)
    assert (reader.fault is None) is fits and rest == b""
    assert fits or (reader.fault is not None and reader.fault.code == 552)


@pytest.mark.parametrize(("octets", "fits"), [(100, True), (101, False)])
def test_header_size(octets: int, fits: bool) -> None:
    header = b"A: b\r\n" * 10
    header += b"X: " + b"x" * (octets - len(header) - 7) + b"\r\n\r\n"
    assert len(header) == octets
    for pieces in cuts(header + b"body is free" * 20 + b"\r\n.\r\n"):
        assert (read(pieces, header=100)[0].fault is None) is fits


def test_header_that_never_ends() -> None:
    reader, _kept, rest = read([b"A: b\r\n" * 50, b".\r\n"], header=100)
    assert rest == b"" and reader.fault is not None and reader.fault.code == 552


def test_message_without_header() -> None:
    assert read([b"\r\n" + b"x" * 300 + b"\r\n.\r\n"], header=2)[0].fault is None


def test_full_disk_is_remembered_to_the_end() -> None:
    def full(_data: bytes) -> None:
        raise StorageFull("no room")

    reader = DataReader(full, Bounds())
    assert reader.feed(b"A: b\r\n\r\nx\r\n") is None
    assert reader.feed(b"y\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert reader.fault is not None and (reader.fault.code, reader.fault.enhanced) == (452, "4.3.1")


def test_flood_after_a_refusal_is_cut() -> None:
    reader = DataReader(lambda _data: None, Bounds(message=10))
    reader.seen = READ_AWAY
    with pytest.raises(Flood):
        reader.feed(b"x" * 2000)


def test_memory_is_one_piece_whatever_comes() -> None:
    reader, piece = DataReader(lambda _data: None, Bounds()), b"x" * 65536
    reader.feed(piece)
    tracemalloc.start()
    for _ in range(800):
        reader.feed(piece)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1024 * 1024
