"""Nothing personal reaches a log: every event and every stdlib line passes here before it is written.

Three nets. Keys: what stands under `subject`, `name`, `to`… is masked whole. Patterns: matricules and mail addresses
are masked wherever they stand, also folded, spaced, percent-encoded or in another script's digits. Exceptions: only
those of our own kind keep their text (their authors may not put anything personal in it); of a foreign one, which may
quote anything, the type and the place remain.
"""

import logging
import re
import sys
import traceback
import unicodedata
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import unquote

import structlog

from core.errors import PliError
from core.logjson import as_json
from core.logstream import SteadyStream

MASK = "…"
_MASKED_ADDRESS = f"{MASK}@{MASK}"
DEPTH = 6  # nested values deeper than this are masked whole
LONGEST = 8192  # characters of one text; the rest is dropped
EDGE = 256  # so much is dropped at the cut, or one half of a matricule would pass

_PERSONAL = """
    subject name names address addresses login password secret token title filename family given surname firstname
    lastname birthdate birthday matricule ins nir patient sender recipient recipients mailbox phone body text payload
    display username nom prenom objet
"""
_WORDS = frozenset(_PERSONAL.split())
_WHOLE_KEYS = frozenset(
    {"to", "from", "cc", "bcc", "mail_from", "rcpt_to", "rcpt_tos", "reply_to", "birth_date", "user"}
)
_HARMLESS_KEYS = frozenset({"logger_name", "event_name", "task_name", "thread_name", "process_name", "host_name"})
_REFERENCES = frozenset({"id", "ids", "count", "kind", "state", "size", "bytes", "ok"})  # patient_id names nobody

_GAP = r"[\s.\-_\u00ad\u00b7\u200b-\u200f\u2060\ufeff]{0,4}"
_DIGITS = re.compile(rf"\d(?:{_GAP}(?:\d|(?<=2)[ABab](?={_GAP}\d)))*")
_ATEXT = r"[^\s<>()\[\]\\,;:\"@']"
_FOLD = r"[ \t]*(?:\r?\n[ \t]+)?"
_ADDRESS = re.compile(rf"(?<!{_ATEXT}){_ATEXT}++{_FOLD}@{_FOLD}[\w\-]++(?:\.{_FOLD}[\w\-]++)*")
_QUOTED = re.compile(r"\"[^\"\n]{1,128}\"@[\w.\-]+")
_SUSPECT = re.compile(r"[@%]|[^\x00-\x7f]|(?:\d\D*+){13}", re.DOTALL)


def redact_text(text: str) -> str:
    """The text with matricules and addresses masked; untouched (not even normalised) where it holds none."""
    if len(text) > LONGEST:
        return redact_text(text[:LONGEST])[:-EDGE] + MASK
    if (len(text) < 13 and text.isalnum() and text.isascii()) or not _SUSPECT.search(text):
        return text
    plain = _undisguised(text)
    masked = _ADDRESS.sub(_MASKED_ADDRESS, _QUOTED.sub(_MASKED_ADDRESS, plain)) if "@" in plain else plain
    masked = _DIGITS.sub(_mask_digits, masked)
    return text if masked == plain else masked


def redact_value(value: Any, depth: int = 0) -> Any:
    """Any value made fit for a log: strings masked, containers walked, other objects by their text."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_SHORT < value < _SHORT or _harmless_number(len(str(abs(value)))) else MASK
    if depth >= DEPTH:
        return MASK
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _by_key(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, depth + 1) for item in value]
    return _other(value)


def redact(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor: every key and value of the event, exceptions included."""
    if "exc_info" in event_dict:
        event_dict["exception"] = _exc_info(event_dict.pop("exc_info"))
    for key in list(event_dict):
        if not key.startswith("_"):  # structlog's own record and sentinels, removed before rendering
            event_dict[key] = _by_key(key, event_dict[key], 0)
    return event_dict


def exception_text(error: BaseException, trace: TracebackType | None = None) -> str:
    """Places and types down the chain of causes; text only of our own errors, and the number of an OSError."""
    lines = []
    for frame in traceback.extract_tb(trace or error.__traceback__)[-20:]:
        lines.append(f"{frame.filename}:{frame.lineno} {frame.name}")
    lines.append(_told(error))
    cause, steps = error.__cause__ or error.__context__, 0
    while cause is not None and steps < DEPTH:
        lines.append(f"from {_told(cause)}")
        cause, steps = cause.__cause__ or cause.__context__, steps + 1
    return "\n".join(lines)


class RedactingFormatter(logging.Formatter):
    """For handlers of libraries: the line as they would write it, masked, exceptions without foreign text."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have left the unmasked one
        return redact_text(super().format(record))

    def formatException(self, ei: Any) -> str:
        return redact_text(exception_text(ei[1], ei[2])) if ei and ei[1] else ""


class RedactingFilter(logging.Filter):
    """For a handler whose formatter is not ours: the record itself is masked before it is formatted."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact_text(_message(record)), None
        if record.exc_info and record.exc_info[1]:
            record.msg += "\n" + redact_text(exception_text(record.exc_info[1], record.exc_info[2]))
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)  # arguments that do not fit are dropped, not shown


def _by_key(key: str, value: Any, depth: int) -> Any:
    return MASK if value not in (None, "") and _is_personal(key.lower()) else redact_value(value, depth)


@lru_cache(maxsize=512)
def _is_personal(key: str) -> bool:
    if key in _WHOLE_KEYS or key in _WORDS:
        return True
    parts = key.replace("-", "_").split("_")
    return key not in _HARMLESS_KEYS and parts[-1] not in _REFERENCES and not _WORDS.isdisjoint(parts)


def _exc_info(value: Any) -> Any:
    error = sys.exc_info()[1] if value is True else value[1] if isinstance(value, tuple) else value
    return exception_text(error) if isinstance(error, BaseException) else None


def _other(value: Any) -> str:
    if isinstance(value, BaseException):
        return redact_text(_told(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return redact_text(str(value))


def _told(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, PliError):
        return f"{kind}: {error.cause}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind}: errno {error.errno}"
    return kind


def _undisguised(text: str) -> str:
    for _ in range(3):  # %2540 is a % encoded twice
        decoded = unquote(text, errors="replace") if "%" in text else text
        if decoded == text:
            break
        text = decoded
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _mask_digits(found: re.Match[str]) -> str:
    run = found.group()
    length = sum(1 for letter in run if letter.isalnum())
    one_number = length == len(run) and run.isdecimal()
    return run if length < 13 or (one_number and _harmless_number(length)) else MASK


_SHORT = 10**12


def _harmless_number(digits: int) -> bool:
    return digits < 13 or digits in (18, 19)  # our own ids have 18 or 19


def configure_logging(json: bool = True, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """One handler for both worlds, structlog's events and stdlib's lines; `stream` is standard error unless given.

    Called again, it replaces what it set before. Handlers of others on the root logger are removed.
    """
    shared: list[Any] = [structlog.stdlib.add_log_level, structlog.contextvars.merge_contextvars, redact]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)  # after `redact`, which would look at its digits
    renderer: Any = structlog.processors.JSONRenderer(as_json) if json else structlog.dev.ConsoleRenderer(colors=False)
    target: Any = SteadyStream(stream or sys.stderr)
    structlog.configure(
        processors=[*shared, stamp, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_handler(target, shared, stamp, renderer)]
    root.setLevel(level)
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


# aiosmtpd names recipients on `mail.log`, a child of our own logger `mail`; the others name what they carry, too.
# Celery says two lines a task, which ours say already.
_TALKERS = (
    *("mail.log", "mail.debug", "aioimaplib", "sqlalchemy", "kombu", "amqp", "asyncio", "multipart", "nio"),
    "celery",
)
_OWN_HANDLERS = ("uvicorn", "uvicorn.access", "uvicorn.error", "celery", "celery.task", "celery.redirected")


def _handler(target: Any, shared: list[Any], stamp: Any, renderer: Any) -> logging.Handler:
    handler = logging.StreamHandler(target)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, stamp],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    return handler
