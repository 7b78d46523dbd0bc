"""What the amnesia file system holds: files and folders in RAM, and what of them has reached the backing disk."""

import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096
HIDDEN = ".fuse_hidden"  # libfuse renames an open file to this when it is unlinked


@dataclass
class File:
    """A file's content as programs see it, and which pages differ from the synced copy at `synced`."""

    synced: Path
    mode: int
    data: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)
    mtime: int = field(default_factory=time.time_ns)
    kind: int = stat.S_IFREG  # or a socket, which no power cut leaves behind

    def read(self, size: int, offset: int) -> bytes:
        return bytes(self.data[offset : offset + size])

    def write(self, data: bytes, offset: int) -> int:
        if offset > len(self.data):
            self.truncate(offset)
        self.data[offset : offset + len(data)] = data
        self._touch(offset, offset + len(data))
        return len(data)

    def truncate(self, length: int) -> None:
        before = len(self.data)
        if length < before:
            del self.data[length:]
        else:
            self.data.extend(bytes(length - before))
        self._touch(min(before, length), length)

    def _touch(self, start: int, end: int) -> None:
        self.dirty.update(range(start // PAGE, (end + PAGE - 1) // PAGE))
        self.mtime = time.time_ns()

    def sync(self) -> None:
        with self.synced.open("r+b", buffering=0) as disk:
            for page in sorted(self.dirty):
                disk.seek(page * PAGE)
                disk.write(self.data[page * PAGE : (page + 1) * PAGE])
            disk.truncate(len(self.data))
        self.synced.chmod(self.mode & 0o7777)
        self.dirty.clear()


@dataclass
class Folder:
    """A folder's entries as programs see them (`now`), as last synced (`durable`), and its place on the backing disk.

    `disk` is None while the folder's own name is not durable: then a sync of it is remembered, not yet written.
    """

    mode: int
    disk: Path | None = None
    now: dict[str, "Node"] = field(default_factory=dict)
    durable: dict[str, "Node"] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    mtime: int = field(default_factory=time.time_ns)

    def put(self, name: str, node: "Node | None") -> None:
        if node is None:
            del self.now[name]
        else:
            self.now[name] = node
        self.changed.add(name)
        self.mtime = time.time_ns()

    def sync(self) -> None:
        names, self.changed = self.changed, set()
        for name in names:
            node = self.now.get(name)
            if node is None or name.startswith(HIDDEN) or (isinstance(node, File) and node.kind != stat.S_IFREG):
                self.durable.pop(name, None)
            else:
                self.durable[name] = node
            if self.disk:
                store(self.disk / name, self.durable.get(name))

    def place(self, disk: Path) -> None:
        """The folder's name has become durable: write what it has synced so far."""
        disk.mkdir(exist_ok=True)
        disk.chmod(self.mode & 0o7777)
        self.disk = disk
        for name, node in self.durable.items():
            store(disk / name, node)


Node = File | Folder


def store(path: Path, node: Node | None) -> None:
    """Make the backing disk hold `node` at `path`, in one step for files, or nothing."""
    if isinstance(node, File):
        step = node.synced.with_suffix(".step")
        step.hardlink_to(node.synced)
        step.rename(path)
        step.unlink(missing_ok=True)  # rename(2) does nothing when both names are the same file already
    elif isinstance(node, Folder):
        node.place(path)
    elif path.is_dir():
        for child in path.iterdir():
            store(child, None)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
