"""Sealed streams: whole and by ranges; no chunk moves, none is lost, none is added."""

import errno
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.committing import HEAD_BYTES
from crypto.sealed import CHUNK_BYTES, SealBroken, SealedReader, SealedWriter, new_key, object_aad
from crypto.stream import START, TAG_BYTES

KEY = bytes(range(32))
AAD = object_aad("body", 11)
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
SIZES = [0, 1, 15, 16, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]


def sealed(data: bytes, key: bytes = KEY, aad: bytes = AAD, step: int | None = None) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, key, aad)
    for start in range(0, len(data), step or max(1, len(data))):
        writer.write(data[start : start + (step or max(1, len(data)))])
    assert writer.finish() == len(data)
    return file.getvalue()


def text(size: int) -> bytes:
    return (b"0123456789abcdefghijklmnopqrstuvwxy" * (size // 35 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [None, 1000, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000])
def test_what_is_written_is_read(size, step):
    reader = SealedReader(sealed(text(size), step=step), KEY, AAD)
    assert reader.size == size
    assert reader.read_all() == text(size)


def test_it_reads_from_a_file_as_from_bytes(tmp_path):
    path = tmp_path / "body"
    with path.open("wb") as file:
        writer = SealedWriter(file, KEY, AAD)
        writer.write(text(150_000))
        writer.finish()
    with path.open("rb") as file:
        reader = SealedReader(file, KEY, AAD)
        assert reader.read_range(65_530, 20) == text(150_000)[65_530:65_550]
        assert reader.read_all() == text(150_000)


WHOLE = text(3 * CHUNK_BYTES + 100)
BOX = sealed(WHOLE)


@settings(max_examples=200)
@given(st.integers(0, len(WHOLE) + 10), st.integers(0, len(WHOLE) + 10))
def test_every_range_is_the_slice(offset, length):
    assert SealedReader(BOX, KEY, AAD).read_range(offset, length) == WHOLE[offset : offset + length]


def test_negative_ranges_are_our_mistake():
    with pytest.raises(ValueError, match="not negative"):
        SealedReader(BOX, KEY, AAD).read_range(-1, 5)
    with pytest.raises(ValueError, match="not negative"):
        SealedReader(BOX, KEY, AAD).read_range(0, -5)


def read_whole(box: bytes, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    return SealedReader(box, key, aad).read_all()


@settings(max_examples=150)
@given(st.integers(0, len(BOX) * 8 - 1))
def test_any_flipped_bit_is_refused(place):
    box = bytearray(BOX)
    box[place // 8] ^= 1 << place % 8
    with pytest.raises(SealBroken):
        read_whole(bytes(box))


@settings(max_examples=100)
@given(st.integers(0, len(BOX) - 1))
def test_any_truncation_is_refused_on_opening(length):
    with pytest.raises(SealBroken):
        SealedReader(BOX[:length], KEY, AAD)


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_a_cut_between_chunks_is_refused_on_opening(chunks):
    with pytest.raises(SealBroken):
        SealedReader(BOX[: START + chunks * SEALED_CHUNK], KEY, AAD)


@given(st.binary(min_size=1, max_size=100))
def test_an_extension_is_refused(more):
    with pytest.raises(SealBroken):
        SealedReader(BOX + more, KEY, AAD)


def chunks_of(box: bytes) -> list[bytes]:
    return [box[i : i + SEALED_CHUNK] for i in range(START, len(box), SEALED_CHUNK)]


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 2, 3], [0, 1, 1, 3], [0, 2, 3], [1, 2, 3], [3]])
def test_swapped_repeated_or_dropped_chunks_are_refused(order):
    pieces = chunks_of(BOX)
    with pytest.raises(SealBroken):
        read_whole(BOX[:START] + b"".join(pieces[index] for index in order))


def test_an_appended_copy_of_the_last_chunk_is_refused():
    full = sealed(text(2 * CHUNK_BYTES))
    with pytest.raises(SealBroken):
        read_whole(full + chunks_of(full)[-1])


def test_a_chunk_of_another_stream_of_the_same_key_is_refused():
    other = sealed(WHOLE)
    for index in range(4):
        pieces = chunks_of(BOX)
        pieces[index] = chunks_of(other)[index]
        with pytest.raises(SealBroken):
            read_whole(BOX[:START] + b"".join(pieces))


@pytest.mark.parametrize("size", SIZES)
def test_another_key_or_binding_is_refused(size):
    box = sealed(text(size))
    with pytest.raises(SealBroken):
        read_whole(box, key=new_key())
    with pytest.raises(SealBroken):
        read_whole(box, aad=object_aad("body", 12))


def test_the_commitment_of_another_key_is_refused():
    foreign = sealed(WHOLE, key=new_key())
    with pytest.raises(SealBroken):
        read_whole(BOX[:24] + foreign[24:HEAD_BYTES] + BOX[HEAD_BYTES:])


@given(st.binary(max_size=400))
def test_random_bytes_never_open(noise):
    for attempt in (noise, b"PliFlow1" + noise):
        with pytest.raises(SealBroken):
            SealedReader(attempt, KEY, AAD)


def test_a_stream_that_was_not_finished_never_opens():
    file = io.BytesIO()
    SealedWriter(file, KEY, AAD).write(text(200_000))
    with pytest.raises(SealBroken):
        SealedReader(file.getvalue(), KEY, AAD)


def test_a_finished_writer_takes_no_more():
    writer = SealedWriter(io.BytesIO(), KEY, AAD)
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="finished"):
        writer.finish()


def test_a_range_reads_only_the_chunks_it_needs():
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            got = super().read(size)
            self.taken += len(got)
            return got

    file = Counting(BOX)
    reader = SealedReader(file, KEY, AAD)
    file.taken = 0
    reader.read_range(10, 20)
    assert file.taken == SEALED_CHUNK


def test_the_writer_keeps_at_most_one_chunk_back():
    file = io.BytesIO()
    writer = SealedWriter(file, KEY, AAD)
    writer.write(text(5 * CHUNK_BYTES + 3))
    assert file.tell() == START + 5 * SEALED_CHUNK


class Filling(io.BytesIO):
    """A raw file on a disk with `room` octets left: it takes what fits, says how much, and fails when nothing does."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: object, /) -> int:
        part = bytes(data)[: self.room]  # type: ignore[call-overload]
        if not part:
            raise OSError(errno.ENOSPC, "full")
        self.room -= len(part)
        return super().write(part)


@pytest.mark.parametrize("missing", [1, TAG_BYTES, SEALED_CHUNK, SEALED_CHUNK + 1])
def test_a_write_that_was_cut_short_is_never_taken_for_a_whole_one(missing: int) -> None:
    content = text(2 * CHUNK_BYTES)
    file = Filling(START + 2 * SEALED_CHUNK - missing)
    with pytest.raises(OSError, match="full"):
        writer = SealedWriter(file, KEY, AAD)
        writer.write(content)
        writer.finish()


def test_a_file_that_takes_little_at_a_time_gets_all() -> None:
    class Sipping(io.BytesIO):
        def write(self, data: object, /) -> int:
            return super().write(bytes(data)[:1000])  # type: ignore[call-overload]

    file, content = Sipping(), text(CHUNK_BYTES + 5)
    writer = SealedWriter(file, KEY, AAD)
    writer.write(content)
    writer.finish()
    assert SealedReader(file.getvalue(), KEY, AAD).read_all() == content
