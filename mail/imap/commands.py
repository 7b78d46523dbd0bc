"""The commands of a client as values. They print their kind and tag only: arguments hold passwords, names, subjects."""

from dataclasses import dataclass
from datetime import datetime

from mail.imap.fetch_items import FetchItem
from mail.imap.search_keys import Query
from mail.imap.sequence import SequenceSet
from mail.rights import Rights


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """What every command has: its tag."""

    tag: str

    @property
    def name(self) -> str:
        """The kind, for logs and counters."""
        return type(self).__name__.lower()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.tag})"


# --- any state, RFC 3501 §6.1; RFC 2971 -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Capability(Command):
    """CAPABILITY."""


@dataclass(frozen=True, slots=True, repr=False)
class Noop(Command):
    """NOOP."""


@dataclass(frozen=True, slots=True, repr=False)
class Logout(Command):
    """LOGOUT."""


@dataclass(frozen=True, slots=True, repr=False)
class Id(Command):
    """ID: what the client says of itself, names in lower case; empty for NIL."""

    fields: tuple[tuple[str, str | None], ...]


# --- not authenticated, §6.2 ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class StartTls(Command):
    """STARTTLS."""


@dataclass(frozen=True, slots=True, repr=False)
class Authenticate(Command):
    """AUTHENTICATE. `initial` is the decoded initial response (RFC 4959), None when there is none."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True, repr=False)
class Login(Command):
    """LOGIN."""

    user: bytes
    password: bytes


# --- authenticated, §6.3 ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """QRESYNC: the UIDVALIDITY and modseq that the client knows of, and the UIDs, when it says which."""

    uidvalidity: int
    modseq: int
    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Select(Command):
    """SELECT, or EXAMINE when `read_only`. `condstore`: RFC 7162 §3.1.8. `known`: what the client has, §3.2.5."""

    mailbox: str
    read_only: bool
    condstore: bool = False
    known: "Known | None" = None


@dataclass(frozen=True, slots=True, repr=False)
class Create(Command):
    """CREATE. `special_use`: attributes such as \\Archive (RFC 6154 §3). A trailing delimiter is gone (§6.3.3)."""

    mailbox: str
    special_use: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Delete(Command):
    """DELETE."""

    mailbox: str


@dataclass(frozen=True, slots=True, repr=False)
class Rename(Command):
    """RENAME."""

    mailbox: str
    to: str


@dataclass(frozen=True, slots=True, repr=False)
class Subscribe(Command):
    """SUBSCRIBE, or UNSUBSCRIBE when not `on`."""

    mailbox: str
    on: bool


@dataclass(frozen=True, slots=True, repr=False)
class List(Command):
    """LIST. Options in capitals: RFC 5258, RFC 5819 (`status`), RFC 6154."""

    reference: str
    patterns: tuple[str, ...]
    selection: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    status: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Lsub(Command):
    """LSUB."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True, repr=False)
class Status(Command):
    """STATUS."""

    mailbox: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Append(Command):
    """APPEND as far as a literal. `internal_at` is in UTC; None: now. `utf8`: it stands in `UTF8 (…)`, RFC 6855 §4."""

    mailbox: str
    flags: tuple[str, ...]
    internal_at: datetime | None
    utf8: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Idle(Command):
    """IDLE, RFC 2177. It ends with a raw line DONE."""


@dataclass(frozen=True, slots=True, repr=False)
class GetQuota(Command):
    """GETQUOTA, RFC 9208 §4.1.1."""

    root: str


@dataclass(frozen=True, slots=True, repr=False)
class GetQuotaRoot(Command):
    """GETQUOTAROOT, RFC 9208 §4.1.2."""

    mailbox: str


@dataclass(frozen=True, slots=True, repr=False)
class SetQuota(Command):
    """SETQUOTA, RFC 9208 §4.1.3; what it asks for is read and refused."""


@dataclass(frozen=True, slots=True, repr=False)
class GetAcl(Command):
    """GETACL, RFC 4314 §3.3."""

    mailbox: str


@dataclass(frozen=True, slots=True, repr=False)
class SetAcl(Command):
    """SETACL, RFC 4314 §3.1. `mode` is "+", "-" or "="; virtual rights stand as their members."""

    mailbox: str
    identifier: bytes
    mode: str
    rights: Rights


@dataclass(frozen=True, slots=True, repr=False)
class DeleteAcl(Command):
    """DELETEACL, RFC 4314 §3.2."""

    mailbox: str
    identifier: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ListRights(Command):
    """LISTRIGHTS, RFC 4314 §3.4."""

    mailbox: str
    identifier: bytes


@dataclass(frozen=True, slots=True, repr=False)
class MyRights(Command):
    """MYRIGHTS, RFC 4314 §3.5."""

    mailbox: str


@dataclass(frozen=True, slots=True, repr=False)
class Namespace(Command):
    """NAMESPACE, RFC 2342."""


@dataclass(frozen=True, slots=True, repr=False)
class Enable(Command):
    """ENABLE, RFC 5161. Unknown capabilities are ignored by the server."""

    capabilities: tuple[str, ...]


# --- selected, §6.4 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Check(Command):
    """CHECK."""


@dataclass(frozen=True, slots=True, repr=False)
class Close(Command):
    """CLOSE."""


@dataclass(frozen=True, slots=True, repr=False)
class Unselect(Command):
    """UNSELECT, RFC 3691."""


@dataclass(frozen=True, slots=True, repr=False)
class Expunge(Command):
    """EXPUNGE, or UID EXPUNGE (RFC 4315 §2.1) with a set."""

    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Search(Command):
    """SEARCH or UID SEARCH."""

    uid: bool
    query: Query


@dataclass(frozen=True, slots=True, repr=False)
class Sort(Command):
    """SORT or UID SORT, RFC 5256 §3. Each key with whether it is reversed."""

    uid: bool
    keys: tuple[tuple[str, bool], ...]
    query: Query


@dataclass(frozen=True, slots=True, repr=False)
class Thread(Command):
    """THREAD or UID THREAD, RFC 5256 §3."""

    uid: bool
    algorithm: str
    query: Query


@dataclass(frozen=True, slots=True, repr=False)
class Fetch(Command):
    """FETCH or UID FETCH. `changed_since`: RFC 7162 §3.1.4.1; `vanished`: §3.2.6."""

    uid: bool
    set: SequenceSet
    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    vanished: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Store(Command):
    """STORE or UID STORE. `mode` is "+", "-" or "=". `unchanged_since`: RFC 7162 §3.1.3."""

    uid: bool
    set: SequenceSet
    mode: str
    silent: bool
    flags: tuple[str, ...]
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Copy(Command):
    """COPY or UID COPY."""

    uid: bool
    set: SequenceSet
    mailbox: str


@dataclass(frozen=True, slots=True, repr=False)
class Move(Command):
    """MOVE or UID MOVE, RFC 6851."""

    uid: bool
    set: SequenceSet
    mailbox: str
