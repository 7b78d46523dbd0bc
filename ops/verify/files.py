"""Stored files that no row speaks of: left by a crash before the commit, swept when the server starts. No damage."""

from ops.leftovers import ASKED, known_files
from ops.verify.context import Context


def check_files(context: Context) -> None:
    """Count them."""
    orphans = 0
    for folder in sorted(context.blobs.glob("??")):
        names = [int(file.name) for file in folder.iterdir() if file.name.isdigit()]
        for start in range(0, len(names), ASKED):
            chunk = names[start : start + ASKED]
            orphans += len(set(chunk) - context.db.read(known_files, chunk))
    if orphans:
        context.findings.note(f"{orphans} stored files belong to no row; the server removes them when it starts")
