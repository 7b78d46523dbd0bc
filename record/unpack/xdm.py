"""IHE_XDM.zip, read tolerantly: any set folder, several sets, paths resolved both ways, bytes before declared types.

IHE ITI-32 and DOMAIN.md §7. What would lead outside the archive is refused with the whole of it; what is merely missing
or unreadable is told beside the documents that are there.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

from record.unpack.facts import Document, Problem, Rejected, Unpacked, Unreadable
from record.unpack.limits import ENTRIES, METADATA_BYTES, METADATA_DEPTH
from record.unpack.wrapping import Opener, wrap
from record.unpack.xdm_metadata import Line, read_metadata
from record.unpack.zip_bounds import Member, check_path, expand, members

METADATA = "metadata.xml"
_FILED = frozenset({".xml", ".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".txt", ".rtf", ".dcm"})


def read_xdm(data: bytes, open_file: Opener, most_bytes: int) -> Unpacked:
    """The documents of all sets, in the order of METADATA.XML; `part` is their number, from 1.

    Raises Unreadable for the archive as a whole: every word of `zip_bounds`, NOT_XDM, and those of METADATA.XML.
    """
    files = {member.name.casefold(): member for member in members(data)}
    sets = [name for name in files if _is_metadata(name)]
    if not sets:
        raise Unreadable(Problem.NOT_XDM)
    archive = _Archive(data, files, open_file, most_bytes)
    for name in sorted(sets):
        archive.read_set(name)
    return archive.unpacked()


def _is_metadata(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == METADATA and len(path.parts) <= METADATA_DEPTH


class _Archive:
    def __init__(self, data: bytes, files: dict[str, Member], open_file: Opener, most_bytes: int) -> None:
        self._data, self._files, self._open, self._most = data, files, open_file, most_bytes
        self._documents: list[Document] = []
        self._rejected: list[Rejected] = []
        self._problems: list[Problem] = []
        self._spoken_of: set[str] = set()
        self._folders: list[str] = []
        self._count = 0

    def read_set(self, name: str) -> None:
        """One METADATA.XML and the documents it announces."""
        self._spoken_of.add(name)
        folder = name.rpartition("/")[0]
        self._folders.append(folder)
        announced = read_metadata(expand(self._data, self._files[name], METADATA_BYTES))
        if announced.repaired:
            self._problems.append(Problem.REPAIRED)
        if self._count + len(announced.lines) > ENTRIES:
            raise Unreadable(Problem.TOO_MANY_FILES)
        for line in announced.lines:
            self._count += 1
            self._take(line, folder, str(self._count))

    def unpacked(self) -> Unpacked:
        """All of it; without one document or rejected file there is nothing to file."""
        self._rejected += self._forgotten()
        remarks = tuple(remark for document in self._documents for remark in document.remarks)
        problems = tuple(dict.fromkeys((*self._problems, *remarks)))
        if not self._documents:
            reason = self._rejected[0].problem if self._rejected else Problem.NO_DOCUMENT
            problems = (reason, *problems)
        return Unpacked(tuple(self._documents), problems, tuple(self._rejected))

    def _take(self, line: Line, folder: str, part: str) -> None:
        member = self._find(line.uri, folder)
        if member is None:
            missing = Problem.OUTSIDE_BODY if "://" in line.uri else Problem.MISSING_FILE
            self._rejected.append(Rejected(part, line.entry.title, missing, line.entry))
            return
        self._spoken_of.add(member.name.casefold())
        name, content = PurePosixPath(member.name).name, b""
        try:
            content = expand(self._data, member, self._most)
            opened = self._open(content, line.entry.media_type, name)
        except Unreadable as refusal:
            self._rejected.append(Rejected(part, name, refusal.problem, line.entry, content))
            return
        self._documents += wrap(opened, line.entry, part, name, content)

    def _find(self, uri: str, folder: str) -> Member | None:
        """Relative to the set, to IHE_XDM, to the top; else the only file of that name in the set's folder.

        Raises Unreadable: TRAVERSAL.
        """
        if "://" in uri or not uri:
            return None
        path = check_path(unquote(check_path(uri), errors="strict" if uri.isascii() else "replace")).casefold()
        above = folder.rpartition("/")[0]
        for base in dict.fromkeys((folder, above, "")):
            if found := self._files.get(f"{base}/{path}" if base else path):
                return found
        same = [name for name in self._below(folder) if PurePosixPath(name).name == PurePosixPath(path).name]
        return self._files[same[0]] if len(same) == 1 else None

    def _below(self, folder: str) -> list[str]:
        return [name for name in self._files if not folder or name.startswith(folder + "/")]

    def _forgotten(self) -> Iterator[Rejected]:
        """Documents in a set's folder that no METADATA.XML speaks of: shown, not opened."""
        names = sorted({name for folder in self._folders if folder for name in self._below(folder)} - self._spoken_of)
        for name in names[:ENTRIES]:
            path = PurePosixPath(self._files[name].name)
            if path.suffix.lower() in _FILED:
                self._count += 1
                yield Rejected(str(self._count), path.name, Problem.UNDECLARED_FILE)
