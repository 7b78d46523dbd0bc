"""Reading an edition in its schema. By itself: PostgreSQL's driver is loaded where PostgreSQL is used."""

from collections.abc import Sequence
from typing import Any

from core.asking import Asking


class PostgresStatements:
    """Asks by connections that are closed by whoever made them. A list of values is one value, so that the server knows
    a statement again, whatever their number."""

    def __init__(self, asking: Asking, schema: str) -> None:
        self._asking = asking
        self._prefix = f"{schema}."

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._asking.rows(sql.format(t=self._prefix).replace("?", "%s"), values)

    def among(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        kind = "bigint" if isinstance(values[0], int) else "text"
        return self.rows(f"{sql} = ANY(?::{kind}[])", (values,))

    def close(self) -> None:
        """Nothing of its own is open."""
