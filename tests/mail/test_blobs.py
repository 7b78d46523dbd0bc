"""Body files: sealed, swept, discarded; the spool's two ways; the store's reading."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines import StoreBroken
from core.errors import DatabaseDown, StorageFull
from crypto.sealed import SealBroken, SealedReader
from mail.blobs import Blobs, disk_error
from mail.spool import HELD, Spool, body_aad, spool_bytes

TEXT = b"A: b\r\n\r\n" + b"secret\r\n" * 20_000


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    return Blobs(tmp_path_factory.mktemp("instance") / "blobs")


def found(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _swept(blobs: Blobs) -> None:
    blobs.sweep(lambda _ids: ())


def test_small_bodies_stay_in_memory(blobs: Blobs) -> None:
    body = spool_bytes(blobs, b"x" * 100, 100)
    assert body.storage == "row" and body.read() == b"x" * 100 and body.size == 100 and found(blobs) == []
    assert body.sealed() is not None and b"x" * 10 not in (body.sealed() or b"")
    body.keep()
    body.discard()


@pytest.mark.parametrize("held", [0, HELD])
def test_large_bodies_are_sealed_files(blobs: Blobs, held: int) -> None:
    body = spool_bytes(blobs, TEXT, 100, held)
    assert body.storage == "file" and body.sealed() is None and body.read() == TEXT
    assert len(found(blobs)) == (0 if held else 1)
    body.keep()
    body.keep()
    assert body.sha256 == hashlib.sha256(TEXT).digest()
    assert b"secret" not in b"".join(path.read_bytes() for path in found(blobs))
    assert found(blobs) == [blobs.path(body.body_id)] and body.read() == TEXT
    with blobs.open(body.body_id) as file:
        assert SealedReader(file, body.key, body_aad(body.body_id)).read_range(8, 6) == b"secret"
    assert blobs.path(body.body_id).stat().st_mode & 0o777 == 0o600
    body.discard()
    assert found(blobs) == []


def test_a_body_that_was_discarded_is_not_read(blobs: Blobs) -> None:
    body = spool_bytes(blobs, TEXT, 100, 0)
    body.discard()
    with pytest.raises(FileNotFoundError):
        body.read()


def test_a_body_does_not_open_under_another_number(blobs: Blobs) -> None:
    body = spool_bytes(blobs, TEXT, 100)
    body.keep()
    with blobs.open(body.body_id) as file, pytest.raises(SealBroken):
        SealedReader(file, body.key, body_aad(body.body_id + 1))


@pytest.mark.parametrize("cut", [0, 1, 101, 70_000])
def test_a_spool_can_be_dropped_at_any_time(blobs: Blobs, cut: int) -> None:
    spool = Spool(blobs, 100, 1000)
    spool.write(TEXT[:cut])
    spool.discard()
    spool.discard()
    assert found(blobs) == []


@pytest.mark.parametrize("held", [0, HELD])
def test_a_finished_body_survives_its_spool(blobs: Blobs, held: int) -> None:
    """The connection that brought it may end before the commit does."""
    spool = Spool(blobs, 100, held)
    spool.write(TEXT)
    body = spool.finish()
    body.keep()
    spool.discard()
    assert body.read() == TEXT


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 1000), st.integers(0, 2000))
def test_any_pieces_any_bound(blobs: Blobs, pieces: list[bytes], most: int, held: int) -> None:
    spool = Spool(blobs, most, held)
    for piece in pieces:
        spool.write(piece)
    body, whole = spool.finish(), b"".join(pieces)
    assert body.read() == whole and body.size == len(whole)
    assert (body.storage == "file") is (len(whole) > most)
    assert body.sha256 == hashlib.sha256(whole).digest()
    body.keep()
    if body.storage == "file":
        with blobs.open(body.body_id) as file:
            assert SealedReader(file, body.key, body_aad(body.body_id)).read_all() == whole
    body.discard()


def test_sweep_takes_what_no_row_speaks_of(blobs: Blobs) -> None:
    kept, lost = spool_bytes(blobs, TEXT, 100), spool_bytes(blobs, TEXT, 100)
    kept.keep()
    lost.keep()
    coming = spool_bytes(blobs, TEXT, 100, 0)
    assert coming.storage == "file" and len(found(blobs)) == 3
    assert blobs.sweep(lambda ids: [each for each in ids if each == kept.body_id]) == 2
    assert found(blobs) == [blobs.path(kept.body_id)]


def test_a_folder_that_went_away_is_no_false_success(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    body = spool_bytes(blobs, TEXT, 100)
    blobs.path(body.body_id).parent.rmdir()
    with pytest.raises(StoreBroken):
        body.keep()
    assert blobs.failed.is_set() and found(blobs) == []
    blobs.path(body.body_id).parent.mkdir()
    with pytest.raises(StoreBroken):  # nothing is acknowledged after a failed sync
        spool_bytes(blobs, TEXT, 100).keep()


def test_no_place_to_write(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    (blobs.root / "coming").rmdir()
    with pytest.raises(DatabaseDown):
        spool_bytes(blobs, TEXT, 100, 0)
    with pytest.raises(DatabaseDown):
        spool_bytes(blobs, TEXT, 100).keep()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StoreBroken)]
)
def test_disk_errors_in_our_words(number: int, kind: type[Exception]) -> None:
    error = disk_error(OSError(number, os.strerror(number), "/secret/path"))
    assert type(error) is kind and "secret" not in str(error) + error.public
