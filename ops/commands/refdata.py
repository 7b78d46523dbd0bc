"""`refdata.*`: public reference data into the instance."""

from pathlib import Path
from typing import Any

from core.errors import BadInput
from ops.control import Progress
from ops.wiring import App
from record.medicines.import_bdpm import import_folder


def import_bdpm(app: App, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The medicines of a folder into use; the same files twice change nothing. Raises BadInput, StorageFull."""
    folder = Path(arguments["folder"])
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder")
    done = import_folder(app.db, folder, app.clock.now(), progress)
    files = {
        name: {"encoding": encoding, "used": done.report.used[name], "rejected": done.report.rejected[name]}
        for name, encoding in done.report.encodings.items()
    }
    counts = {"medicines": done.medicines, "packs": done.packs, "changed": done.changed}
    return counts | {"files": files, "missing": done.report.missing}


COMMANDS = {"refdata.import-bdpm": import_bdpm}
