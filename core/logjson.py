"""An event as one line of JSON, whatever stands in it: a line of a log must never fail."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec.json import encode


def as_json(event: Mapping[str, Any], **_options: Any) -> str:
    """structlog's `serializer`: ASCII, so that nothing said by others ends a line or commands a terminal. Half a
    surrogate pair, numbers beyond 64 bits: as Python writes them."""
    try:
        line = encode(event).decode()
    except (TypeError, ValueError, OverflowError):
        return json.dumps(event, default=repr)
    return line if line.isascii() else json.dumps(json.loads(line))
