"""Where a command runs: in the server that is up, over its control socket, otherwise here, alone on the instance.

The house itself is imported only where it is needed: a command to a running server answers at once.
"""

import logging
import sys
from pathlib import Path
from typing import Any

from ops.control import Progress, ask


def run_anywhere(home: Path, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """In the server that is up, else here. Raises PliError."""
    try:
        return ask(home, name, arguments, progress)
    except (FileNotFoundError, ConnectionRefusedError):
        return _run_here(home, name, arguments, progress)


def _run_here(home: Path, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    from core.clock import SystemClock
    from core.redact import configure_logging
    from core.settings import Settings
    from ops.commands.table import run
    from ops.instance import check_made
    from ops.lock import HomeLock
    from ops.wiring import build

    settings = Settings.load(home)
    configure_logging(settings.logs.json_lines, sys.stderr, logging.WARNING)  # the answer alone is on standard output
    check_made(home)
    with HomeLock(home):
        app = build(settings, SystemClock())
        try:
            return run(app, name, arguments, progress)
        finally:
            app.close()
