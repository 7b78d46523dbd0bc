"""Small values that are made for every message and never changed. msgspec makes one, or a copy with some fields changed
(`replace`), by one call, where a frozen dataclass makes one for each field."""

from msgspec import Struct
from msgspec import field as field  # noqa: PLC0414  said again for those who use it
from msgspec.structs import replace as replace  # noqa: PLC0414


class Value(Struct, frozen=True):
    """Said in a text by its kind alone: what it holds may be personal."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
