"""Archives byte by byte: what two readers could read in two ways, or what would lead outside, is refused unread."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.unpack.facts import Problem, Unreadable
from record.unpack.limits import ARCHIVE_TOTAL
from record.unpack.zip_bounds import expand, members
from tests.support.hostile_files import GOOD, ZIP_FILES
from tests.support.xdm_files import Part, raw_zip, zipped


def problem_of(data: bytes) -> Problem:
    with pytest.raises(Unreadable) as caught:
        for member in members(data):
            expand(data, member, ARCHIVE_TOTAL)
    return caught.value.problem


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_the_standard_library_writes_is_read(method: int) -> None:
    files = {"INDEX.HTM": b"x" * 100, "A/": b"", "A/é.txt": "été".encode(), "vide.txt": b""}
    data = zipped(files, method)
    found = {member.name: expand(data, member, 1000) for member in members(data)}
    assert found == {name: content for name, content in files.items() if not name.endswith("/")}


def test_a_streaming_writer_gives_sizes_afterwards() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "first")
        archive.writestr("b.txt", "second")
    data = out.getvalue()
    assert [expand(data, member, 100) for member in members(data)] == [b"first", b"second"]


def test_the_maker_of_the_hostile_archives_makes_good_ones() -> None:
    data = raw_zip(GOOD, Part(b"./c.txt", b"stored", method=0), comment=b"bonjour")
    assert [member.name for member in members(data)] == ["a/b.txt", "c.txt"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("name", ZIP_FILES)
def test_hostile_archives(name: str) -> None:
    make, problem = ZIP_FILES[name]
    assert problem_of(make()) is problem


_NAMES = st.from_regex(r"[A-Z]{1,8}(/[A-Z0-9]{1,8}){0,2}\.[A-Z]{1,3}", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_NAMES, st.binary(max_size=300), max_size=6), st.sampled_from([0, 8]))
def test_we_agree_with_the_standard_library_on_good_archives(files: dict[str, bytes], method: int) -> None:
    data = zipped(files, method)
    found = {member.name: expand(data, member, 1000) for member in members(data)} if files else {}
    assert found == files


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=6), st.booleans())
def test_torn_archives_are_read_as_the_standard_library_does_or_refused(at: int, patch: bytes, cut: bool) -> None:
    good = bytearray(raw_zip(GOOD, Part(b"c.txt", b"stored", method=0), Part(b"d/e", b"x" * 50)))
    good[at : at + len(patch)] = patch
    data = bytes(good[:at]) if cut else bytes(good)
    try:
        found = {member.name: expand(data, member, 10_000) for member in members(data)}
    except Unreadable:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        judged = {
            info.filename.removeprefix("./"): archive.read(info) for info in archive.infolist() if not info.is_dir()
        }
    assert found == judged
