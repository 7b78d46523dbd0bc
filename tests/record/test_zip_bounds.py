"""Archives byte by byte: what two readers could read in two ways, or what would lead outside, is refused unread."""

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.unpack.facts import Problem, Unreadable
from record.unpack.limits import ARCHIVE_BYTES, ARCHIVE_FILES, ARCHIVE_TOTAL
from record.unpack.zip_bounds import expand, members
from tests.support.xdm_files import Part, raw_zip, zipped

GOOD = Part(b"a/b.txt", b"hello")
ZEROS = b"\0" * 1_000_000


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


HOSTILE = {
    "up": (raw_zip(Part(b"../x", b"x")), Problem.TRAVERSAL),
    "up in the middle": (raw_zip(Part(b"a/../../x", b"x")), Problem.TRAVERSAL),
    "absolute": (raw_zip(Part(b"/etc/passwd", b"x")), Problem.TRAVERSAL),
    "backslash": (raw_zip(Part(b"..\\x", b"x")), Problem.TRAVERSAL),
    "drive": (raw_zip(Part(b"C:/x", b"x")), Problem.TRAVERSAL),
    "up only in the other name": (
        raw_zip(Part(b"\xe9", b"x", extra=struct.pack("<HHBI", 0x7075, 9, 1, 0) + b"../x")),
        Problem.TRAVERSAL,
    ),
    "another name beside": (
        raw_zip(Part(b"a.txt", b"x", extra=struct.pack("<HHBI", 0x7075, 10, 1, 0) + b"b.txt")),
        Problem.AMBIGUOUS,
    ),
    "symlink": (raw_zip(Part(b"link", b"/etc/passwd", external=0o120777 << 16, maker=3 << 8)), Problem.SYMLINK),
    "symlink said to be of DOS": (raw_zip(Part(b"link", b"x", external=0o120777 << 16)), Problem.SYMLINK),
    "pipe": (raw_zip(Part(b"pipe", b"x", external=0o010666 << 16, maker=3 << 8)), Problem.AMBIGUOUS),
    "encrypted": (raw_zip(Part(b"a", b"x", flags=1)), Problem.ENCRYPTED),
    "strongly encrypted": (raw_zip(Part(b"a", b"x", flags=0x41)), Problem.ENCRYPTED),
    "masked directory": (raw_zip(Part(b"a", b"x", flags=0x2000)), Problem.ENCRYPTED),
    "unknown method": (raw_zip(Part(b"a", b"x", method=12)), Problem.TYPE_NOT_TAKEN),
    "ratio": (raw_zip(Part(b"a", ZEROS)), Problem.BOMB),
    "more than promised": (raw_zip(Part(b"a", ZEROS, size=100)), Problem.BOMB),
    "less than promised": (raw_zip(Part(b"a", b"x" * 10, size=20)), Problem.BROKEN),
    "total": (raw_zip(*(Part(b"%d" % n, size=2**31, packed=b"x" * (2**18)) for n in range(3))), Problem.BOMB),
    "count": (raw_zip(*(Part(b"%d" % n) for n in range(ARCHIVE_FILES + 1))), Problem.TOO_MANY_FILES),
    "count that lies": (raw_zip(GOOD, count=2), Problem.BROKEN),
    "an entry not counted": (raw_zip(GOOD, Part(b"hidden", b"x"), count=1), Problem.AMBIGUOUS),
    "two entries, one header": (raw_zip(GOOD, Part(b"a/b.txt2", b"hello", header_at=0, absent=True)), Problem.OVERLAP),
    "quoted overlap": (
        raw_zip(Part(b"a", b"y" * 200, method=0), Part(b"b", b"x", header_at=50, absent=True)),
        Problem.OVERLAP,
    ),
    "content runs into the directory": (
        raw_zip(Part(b"a", b"x", method=0)).replace(struct.pack("<II", 1, 1), struct.pack("<II", 99, 99)),
        Problem.OVERLAP,
    ),
    "another name in front": (raw_zip(Part(b"a.txt", b"x", local_name=b"b.txt")), Problem.AMBIGUOUS),
    "the same name twice": (raw_zip(GOOD, Part(b"A/B.TXT", b"other")), Problem.AMBIGUOUS),
    "bytes in front": (raw_zip(GOOD, front=b"MZ" + b"\0" * 50), Problem.AMBIGUOUS),
    "a file between": (raw_zip(GOOD, between=b"PK\3\4" + b"\0" * 40), Problem.AMBIGUOUS),
    "two ends": (raw_zip(GOOD, comment=b"PK\5\6" + b"\0" * 18), Problem.AMBIGUOUS),
    "wrong sum": (raw_zip(Part(b"a", b"x", crc=1)), Problem.BROKEN),
    "torn": (raw_zip(GOOD)[:-10], Problem.BROKEN),
    "no name": (raw_zip(Part(b"", b"x")), Problem.AMBIGUOUS),
    "control in the name": (raw_zip(Part(b"a\0.pdf", b"x")), Problem.AMBIGUOUS),
    "right to left": (raw_zip(Part("a\u202efdp.exe".encode(), b"x", flags=0x800)), Problem.AMBIGUOUS),
    "long name": (raw_zip(Part(b"a" * 256, b"x")), Problem.AMBIGUOUS),
    "wide sizes": (raw_zip(Part(b"a", b"x", size=0xFFFFFFFF)), Problem.AMBIGUOUS),
    "folder with content": (raw_zip(Part(b"a/", b"x")), Problem.AMBIGUOUS),
    "nothing": (b"", Problem.BROKEN),
    "too large": (b"PK\3\4" + b"\0" * ARCHIVE_BYTES, Problem.TOO_LARGE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(name: str) -> None:
    data, problem = HOSTILE[name]
    assert problem_of(data) is problem


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
