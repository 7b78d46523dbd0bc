"""A FUSE file system that forgets: what was not synced is gone after a power cut.

Everything lives in the RAM of the file system's process. The backing folder holds only what a program made durable:

- data, length and mode of a file: at fsync or fdatasync of that file;
- names (create, rename, unlink, mkdir): at fsync of the folder that holds them. A fsync of a new file does NOT save
  its name. ext4 would save it; POSIX and other file systems do not promise it, so the stricter rule is the one tested.
  A name saved before its file was synced stands for an empty file, as after delayed allocation.

`AmnesiaFs.power_cut()` kills the process: RAM is lost, the backing folder is the disk as found after the cut. A kill in
the middle of a sync leaves part of its pages written, as a disk would. A clean `close()` syncs all, as an unmount does.
"""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mfusepy

from tests.support.amnesia_disk import HIDDEN, PAGE, File, Folder, Node, store

ROOT = Path(__file__).resolve().parents[2]
SYNCED = ".synced"  # in the backing folder: one file per inode, with the content that was synced


class Amnesia(mfusepy.Operations):
    """The file system itself; runs single-threaded in its own process."""

    use_ns = True

    def __init__(self, backing: Path) -> None:
        self.synced = backing / SYNCED
        if self.synced.exists():
            store(self.synced, None)
        self.synced.mkdir()
        self.inodes = 0
        self.root = self._load_folder(backing)

    def _load_folder(self, path: Path) -> Folder:
        folder = Folder(path.stat().st_mode, path)
        for child in path.iterdir():
            if child.is_dir() and child != self.synced:
                folder.now[child.name] = self._load_folder(child)
            elif child.is_file():
                folder.now[child.name] = self._load_file(child)
        folder.durable = dict(folder.now)
        return folder

    def _load_file(self, path: Path) -> File:
        node = File(self._new_inode(), path.stat().st_mode, bytearray(path.read_bytes()))
        node.synced.hardlink_to(path)
        return node

    def _new_inode(self) -> Path:
        self.inodes += 1
        return self.synced / str(self.inodes)

    def _node(self, path: str) -> Node:
        node: Node = self.root
        for name in path.split("/"):
            if name:
                child = node.now.get(name) if isinstance(node, Folder) else None
                if child is None:
                    raise mfusepy.FuseOSError(errno.ENOENT)
                node = child
        return node

    def _file(self, path: str) -> File:
        node = self._node(path)
        if not isinstance(node, File):
            raise mfusepy.FuseOSError(errno.EISDIR)
        return node

    def _folder(self, path: str) -> Folder:
        node = self._node(path)
        if not isinstance(node, Folder):
            raise mfusepy.FuseOSError(errno.ENOTDIR)
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def init_with_config(self, conn_info: Any, config_3: Any) -> None:
        print("mounted", flush=True)

    def destroy(self, path: str) -> None:
        self._sync_all(self.root)

    def _sync_all(self, folder: Folder) -> None:
        folder.sync()
        for node in folder.now.values():
            self._sync_all(node) if isinstance(node, Folder) else node.sync()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        node = self._node(path)
        times = {f"st_{kind}time": node.mtime for kind in "amc"}
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        if isinstance(node, Folder):
            return {"st_mode": stat.S_IFDIR | node.mode & 0o7777, "st_nlink": 2, **owner, **times}
        size = len(node.data)
        blocks = {"st_size": size, "st_blocks": (size + 511) // 512, "st_blksize": PAGE}
        return {"st_mode": node.kind | node.mode & 0o7777, "st_nlink": 1, **blocks, **owner, **times}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(name for name in self._folder(path).now if not name.startswith(HIDDEN))]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        folder, name = self._parent(path)
        node = File(self._new_inode(), mode)
        node.synced.touch(mode & 0o7777)
        folder.put(name, node)
        return 0

    def mknod(self, path: str, mode: int, dev: int) -> int:
        self.create(path, mode)
        self._file(path).kind = stat.S_IFMT(mode)
        return 0

    def open(self, path: str, flags: int) -> int:
        self._file(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return self._file(path).read(size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return self._file(path).write(data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._file(path).truncate(length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._file(path).sync()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._folder(path).sync()
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        folder, name = self._parent(path)
        folder.put(name, Folder(mode))
        return 0

    def unlink(self, path: str) -> int:
        folder, name = self._parent(path)
        folder.put(name, None)
        return 0

    def rmdir(self, path: str) -> int:
        if self._folder(path).now:
            raise mfusepy.FuseOSError(errno.ENOTEMPTY)
        return self.unlink(path)

    def rename(self, old: str, new: str) -> int:
        node, (source, old_name), (target, new_name) = self._node(old), self._parent(old), self._parent(new)
        source.put(old_name, None)
        target.put(new_name, node)
        return 0

    def link(self, target: str, source: str) -> int:
        folder, name = self._parent(target)
        folder.put(name, self._file(source))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._node(path).mode = mode
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        self._node(path).mtime = times[1] if times else time.time_ns()
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        free = 1 << 20
        return {
            "f_bsize": PAGE,
            "f_frsize": PAGE,
            "f_blocks": free,
            "f_bfree": free,
            "f_bavail": free,
            "f_namemax": 255,
        }


class AmnesiaFs:
    """A mounted amnesia file system: `with AmnesiaFs(backing, mountpoint) as fs: ... fs.power_cut(); fs.mount()`.

    `backing` and `mountpoint` are two folders, made when missing; `backing` may already hold files.
    """

    def __init__(self, backing: Path, mountpoint: Path) -> None:
        self.backing, self.mountpoint = backing, mountpoint
        self._process: subprocess.Popen[str] | None = None

    def mount(self) -> None:
        self.backing.mkdir(parents=True, exist_ok=True)
        self.mountpoint.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.support.amnesia", str(self.backing), str(self.mountpoint)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout
        if self._process.stdout.readline() != "mounted\n":
            raise OSError("the amnesia file system did not mount")

    def power_cut(self) -> None:
        """Lose all that is not synced. The mount is gone; programs still on it get errors. `mount()` again to look."""
        assert self._process
        self._process.kill()
        self._gone()

    def close(self) -> None:
        """Unmount cleanly: everything becomes durable, as with any file system."""
        if self._process:
            self._gone()

    def _gone(self) -> None:
        assert self._process and self._process.stdout
        subprocess.run(["fusermount3", "-u", "-z", "-q", str(self.mountpoint)], check=False)
        self._process.wait(60)
        self._process.stdout.close()
        self._process = None

    def __enter__(self) -> "AmnesiaFs":
        self.mount()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


if __name__ == "__main__":
    mfusepy.FUSE(
        Amnesia(Path(sys.argv[1])),
        sys.argv[2],
        foreground=True,
        nothreads=True,
        kernel_cache=True,  # every change comes through this kernel, so its cache is always right
        default_permissions=True,
    )
