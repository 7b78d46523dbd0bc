"""What every test may ask for."""

import os

import structlog
from hypothesis import settings

pytest_plugins = ["tests.support.databases"]

# Time is never judged, a slow machine is no failure. `PLI_EXAMPLES=1000` looks longer.
settings.register_profile("pli", deadline=None, max_examples=int(os.environ.get("PLI_EXAMPLES", "40")))
settings.load_profile("pli")

# Rich draws a traceback with all its variables, which takes seconds; a plain one tells as much here.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S"),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
