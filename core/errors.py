"""Two kinds of failure, two texts: `public` for them, `cause` for our log.

Neither text ever holds a name, a matricule, an address or a subject.
"""


class PliError(Exception):
    """A failure that was foreseen. `str(error)` is the cause, for our log only."""

    def __init__(self, public: str, cause: str = "") -> None:
        super().__init__(cause or public)
        self.public = public
        self.cause = cause or public


class Temporary(PliError):
    """The same request may succeed later: SMTP 4yz, HTTP 503."""


class Permanent(PliError):
    """The same request will fail again: SMTP 5yz, HTTP 4xx."""


class BadInput(Permanent):
    """The bytes or words given are not of the form that is asked for."""


class NotFound(Permanent):
    """What is named does not exist, or not for the one who asks."""


class Refused(Permanent):
    """A rule forbids it."""


class StorageFull(Temporary):
    """No room left to keep what was sent: SMTP 452."""


class DatabaseDown(Temporary):
    """The database does not answer: SMTP 451."""
