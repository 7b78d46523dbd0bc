"""`verify-data`: is everything that was kept still what it was?"""

from typing import Any

from ops.control import Progress
from ops.verify_data import verify
from ops.wiring import App


def verify_data(app: App, _arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Counts of what was checked, problems and notes in plain words."""
    report = verify(app.db, app.keyring, app.trail, app.blobs.root, progress)
    return {"checked": report.checked, "problems": list(report.problems), "notes": list(report.notes)}


COMMANDS = {"verify-data": verify_data}
