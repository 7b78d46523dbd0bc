"""Our own logging for a while, into a text: afterwards the tests' logging is as it was before."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from core.redact import configure_logging


@contextmanager
def own_logging(json: bool = True) -> Iterator[io.StringIO]:
    """What both worlds write from here on, structlog's events and the libraries' lines."""
    told, stream = structlog.get_config(), io.StringIO()
    loggers = [logging.getLogger(), *(one for one in _known() if isinstance(one, logging.Logger))]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    configure_logging(json=json, stream=stream)
    try:
        yield stream
    finally:
        structlog.configure(**told)
        for one, handlers, level, propagate in before:
            one.handlers[:], one.propagate = handlers, propagate
            one.setLevel(level)


def _known() -> list[logging.Logger | logging.PlaceHolder]:
    return list(logging.Logger.manager.loggerDict.values())
