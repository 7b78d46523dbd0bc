"""What a client is told when a command cannot be read. Never its own words: an error text may be logged."""

from core.errors import BadInput


class ImapBad(BadInput):
    """Answered as `<tag> <condition> [<code>] <public>`. RFC 3501 §7.1.

    `condition` is BAD for what breaks the grammar, NO for what is well formed and refused. `tag` is "*" until known.
    """

    def __init__(self, public: str, *, condition: str = "BAD", code: str = "", tag: str = "*") -> None:
        super().__init__(public)
        self.condition = condition
        self.code = code
        self.tag = tag
