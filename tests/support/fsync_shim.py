"""Builds fsync_shim.c with gcc and gives the variables that load it."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("fsync_shim.c")


def build(folder: Path) -> Path:
    """Compile the shim into `folder`; returns the library. Raises CalledProcessError when gcc refuses it."""
    library = folder / "fsync_shim.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def switches(
    library: Path,
    *,
    fail_at: int = 0,
    once: bool = False,
    noop: bool = False,
    arm: Path | None = None,
    log: Path | None = None,
) -> dict[str, str]:
    """The variables that load the shim and set it; their meaning is told in fsync_shim.c."""
    values = {
        "LD_PRELOAD": str(library),
        "FSYNC_FAIL_AT": str(fail_at) if fail_at else "",
        "FSYNC_FAIL_ONCE": "1" if once else "",
        "FSYNC_NOOP": "1" if noop else "",
        "FSYNC_ARM": str(arm or ""),
        "FSYNC_LOG": str(log or ""),
    }
    return {name: value for name, value in values.items() if value}
