"""One whole command read into its value: a table from verb to reader. RFC 3501 §6."""

import binascii
import re
from collections.abc import Callable
from typing import Final, TypeAlias

from mail.imap import commands as c
from mail.imap.errors import ImapBad
from mail.imap.grammar import Cursor
from mail.imap.parse_acl import ACL_VERBS
from mail.imap.parse_messages import NUMBERED, uid_set
from mail.limits import IMAP_ID_FIELDS, IMAP_ID_NAME, IMAP_ID_VALUE, IMAP_PATTERNS

Reader: TypeAlias = Callable[[Cursor, str], c.Command]

STATUS_ITEMS: Final = frozenset(
    {
        "MESSAGES",
        "RECENT",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "HIGHESTMODSEQ",
        "SIZE",
        "DELETED",
        "DELETED-STORAGE",
        "MAILBOXID",
        "APPENDLIMIT",
    }
)  # RFC 3501 §6.3.10, RFC 7162 §3.1.7, RFC 8438, RFC 9051 §6.3.11, RFC 8474 §4.3, 7889 §4, 9208 §4.1.4
SPECIAL_USES: Final = {
    use.lower(): use for use in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
}  # RFC 6154 §2
_SELECTION: Final = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})  # RFC 5258 §3.1, RFC 6154 §5
_RETURNS: Final = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE"})  # RFC 5258 §3.2
QUOTA_RESOURCES: Final = 4  # RFC 9208 §5 names so many
_BASE64 = re.compile(rb"(?>(?:[A-Za-z0-9+/]{4})*)(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_USE = re.compile(rb"\\[A-Za-z]++")


def parse_command(wire: bytes, *, utf8: bool = False, unlabelled: bool = False) -> c.Command:
    """Read a command, literals in place, without its last line end; `utf8`: mailbox names are UTF-8; `unlabelled`:
    search strings are, and name no charset (RFC 9755 §3).

    Raises ImapBad, which carries the tag.
    """
    cursor = Cursor(wire, utf8=utf8, unlabelled=unlabelled)
    tag = cursor.tag()
    try:
        cursor.space()
        reader = _reader(cursor, _VERBS)
        command = reader(cursor, tag)
        cursor.end()
    except ImapBad as bad:
        bad.tag = tag
        raise
    return command


def parse_append_head(wire: bytes, *, utf8: bool = False) -> c.Append | None:
    """Read an APPEND up to where its message literal begins; None when `wire` is another command, or when the literal
    that follows is the mailbox name. Raises ImapBad, which carries the tag."""
    cursor = Cursor(wire, utf8=utf8)
    try:
        tag = cursor.tag()
    except ImapBad:
        return None
    if not (cursor.accept(b" ") and cursor.accept_word(b"APPEND") and cursor.accept(b" ")) or cursor.at_end:
        return None
    try:
        return _append_head(cursor, tag)
    except ImapBad as bad:
        bad.tag = tag
        raise


def parse_append_more(line: bytes, before: c.Append) -> c.Append | None:
    """What stands between two messages of one APPEND (RFC 3502 §6.3.11); None when it is no such thing."""
    cursor = Cursor(line)
    if before.utf8 and not cursor.accept(b")"):
        return None
    try:
        cursor.space()
        return _append_tail(cursor, before.tag, before.mailbox)
    except ImapBad:
        return None


def decode_base64(text: bytes) -> bytes:
    """A SASL answer. Strict (RFC 4648 §3.5 left aside): no line ends, no tabs, whole padding. Raises ImapBad."""
    if not _BASE64.fullmatch(text):
        raise ImapBad("base64 was expected")
    return binascii.a2b_base64(text)


def _reader(cursor: Cursor, verbs: dict[str, Reader]) -> Reader:
    reader = verbs.get(cursor.word("a command"))
    if reader is None:
        raise ImapBad("no such command")
    return reader


# --- arguments --------------------------------------------------------------------------------------------------------


def _authenticate(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    mechanism = cursor.word("a mechanism")
    if not cursor.accept(b" "):
        return c.Authenticate(tag, mechanism, None)
    rest = cursor.wire[cursor.at :]
    if not rest:
        raise ImapBad("an initial response was expected")
    cursor.at = len(cursor.wire)
    return c.Authenticate(tag, mechanism, b"" if rest == b"=" else decode_base64(rest))  # RFC 4959 §3: "=" is empty


def _login(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    user = cursor.astring()
    cursor.space()
    return c.Login(tag, user, cursor.astring())


def _id(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    if cursor.accept_word(b"NIL"):
        return c.Id(tag, ())
    return c.Id(tag, cursor.listed(lambda: _id_field(cursor), IMAP_ID_FIELDS, empty=True))


def _id_field(cursor: Cursor) -> tuple[str, str | None]:
    name = cursor.string()
    cursor.space()
    value = cursor.nstring()
    if len(name) > IMAP_ID_NAME or len(value or b"") > IMAP_ID_VALUE:
        raise ImapBad("an ID field is too long")
    return name.decode("utf-8", "replace").lower(), None if value is None else value.decode("utf-8", "replace")


def _mailbox(cursor: Cursor) -> str:
    cursor.space()
    return cursor.mailbox()


def _select(cursor: Cursor, tag: str, read_only: bool) -> c.Command:
    mailbox = _mailbox(cursor)
    if not cursor.accept(b" "):
        return c.Select(tag, mailbox, read_only)
    found = cursor.listed(lambda: _select_parameter(cursor), 4)
    known = next((one for one in found if one is not None), None)
    return c.Select(tag, mailbox, read_only, condstore=True, known=known)


def _select_parameter(cursor: Cursor) -> c.Known | None:
    """`CONDSTORE`, or `QRESYNC (uidvalidity modseq [uids [(numbers uids)]])`. RFC 7162 §7.

    The last pair would only shorten what we say about UIDs that are gone: it is read and makes no difference.
    """
    if cursor.accept_word(b"CONDSTORE"):
        return None
    if not cursor.accept_word(b"QRESYNC"):
        raise ImapBad("no such select parameter")
    cursor.space()
    cursor.expect(b"(", "a parenthesis")
    uidvalidity = cursor.number()
    cursor.space()
    modseq = cursor.number(2**63 - 1)
    uids = None
    if cursor.accept(b" ") and cursor.peek() != b"(":
        uids = cursor.sequence_set()
        cursor.accept(b" ")
    if cursor.accept(b"("):
        cursor.sequence_set()
        cursor.space()
        cursor.sequence_set()
        cursor.expect(b")", "a closing parenthesis")
    cursor.expect(b")", "a closing parenthesis")
    return c.Known(uidvalidity, modseq, uids)


def _create(cursor: Cursor, tag: str) -> c.Command:
    mailbox = _mailbox(cursor).removesuffix("/")
    uses: tuple[str, ...] = ()
    if cursor.accept(b" "):
        cursor.expect(b"(", "a parenthesis")
        if not cursor.accept_word(b"USE"):
            raise ImapBad("no such create parameter")
        cursor.space()
        uses = cursor.listed(lambda: _use(cursor), len(SPECIAL_USES), empty=True)
        cursor.expect(b")", "a closing parenthesis")
    return c.Create(tag, mailbox, uses)


def _use(cursor: Cursor) -> str:
    use = SPECIAL_USES.get(cursor.match(_USE, "a special use")[0].decode("ascii").lower())
    if use is None:  # RFC 6154 §3
        raise ImapBad("this special use is not supported", condition="NO", code="USEATTR")
    return use


def _rename(cursor: Cursor, tag: str) -> c.Command:
    mailbox = _mailbox(cursor)
    return c.Rename(tag, mailbox, _mailbox(cursor))


def _lsub(cursor: Cursor, tag: str) -> c.Command:
    reference = _mailbox(cursor)
    cursor.space()
    return c.Lsub(tag, reference, cursor.list_mailbox())


def _list(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    selection: tuple[str, ...] = ()
    if cursor.peek() == b"(":
        selection = cursor.listed(lambda: _one_of(cursor, _SELECTION), len(_SELECTION), empty=True)
        if "RECURSIVEMATCH" in selection and not {"SUBSCRIBED", "SPECIAL-USE"} & set(selection):  # RFC 5258 §3.1
            raise ImapBad("RECURSIVEMATCH stands with another option")
        cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    many = cursor.peek() == b"("
    patterns = cursor.listed(cursor.list_mailbox, IMAP_PATTERNS) if many else (cursor.list_mailbox(),)
    returns, status = _list_returns(cursor) if cursor.accept(b" ") else ((), ())
    return c.List(tag, reference, patterns, selection, returns, status)


def _list_returns(cursor: Cursor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not cursor.accept_word(b"RETURN"):
        raise ImapBad("RETURN was expected")
    cursor.space()
    status: tuple[str, ...] = ()

    def option() -> str:
        nonlocal status
        if not cursor.accept_word(b"STATUS"):  # RFC 5819 §2
            return _one_of(cursor, _RETURNS)
        cursor.space()
        status = _status_items(cursor)
        return "STATUS"

    return cursor.listed(option, 8, empty=True), status


def _one_of(cursor: Cursor, words: frozenset[str]) -> str:
    word = cursor.word("an option")
    if word not in words:
        raise ImapBad("no such option")
    return word


def _status(cursor: Cursor, tag: str) -> c.Command:
    mailbox = _mailbox(cursor)
    cursor.space()
    return c.Status(tag, mailbox, _status_items(cursor))


def _status_items(cursor: Cursor) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cursor.listed(lambda: _one_of(cursor, STATUS_ITEMS), 2 * len(STATUS_ITEMS))))


def _quota(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    return c.GetQuota(tag, cursor.astring().decode("utf-8", "replace"))


def _set_quota(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    cursor.astring()
    cursor.space()
    cursor.listed(lambda: _limit(cursor), QUOTA_RESOURCES, empty=True)
    return c.SetQuota(tag)


def _limit(cursor: Cursor) -> None:
    cursor.word("a resource")
    cursor.space()
    cursor.number(2**63 - 1)


def _append(cursor: Cursor, tag: str) -> c.Command:
    """Only reached when no literal followed: the reader of the connection takes APPEND apart itself."""
    cursor.space()
    _append_head(cursor, tag)
    raise ImapBad("a message literal was expected")


def _append_head(cursor: Cursor, tag: str) -> c.Append:
    mailbox = cursor.mailbox()
    cursor.space()
    return _append_tail(cursor, tag, mailbox)


def _append_tail(cursor: Cursor, tag: str, mailbox: str) -> c.Append:
    """`(flags) "date" ` and where the literal begins."""
    flags: tuple[str, ...] = ()
    if cursor.peek() == b"(":
        flags = cursor.flags()
        cursor.space()
    moment = None
    if cursor.peek() == b'"':
        moment = cursor.date_time()
        cursor.space()
    utf8 = cursor.accept_word(b"UTF8")
    if utf8:
        cursor.expect(b" (", "a parenthesis")
    if not cursor.at_end:
        raise ImapBad("a message literal was expected")
    return c.Append(tag, mailbox, flags, moment, utf8)


def _enable(cursor: Cursor, tag: str) -> c.Command:
    words: list[str] = []
    while cursor.accept(b" "):
        words.append(cursor.word("a capability"))
    if not words:
        raise ImapBad("a capability was expected")
    return c.Enable(tag, tuple(words))


def _uid(cursor: Cursor, tag: str) -> c.Command:
    cursor.space()
    return _reader(cursor, _UID_VERBS)(cursor, tag)


def _bare(kind: type[c.Command]) -> Reader:
    return lambda _, tag: kind(tag)


def _with_uid(read: Callable[[Cursor, str, bool], c.Command], uid: bool) -> Reader:
    return lambda cursor, tag: read(cursor, tag, uid)


_UID_VERBS: Final[dict[str, Reader]] = {
    **{verb: _with_uid(read, True) for verb, read in NUMBERED.items()},
    "EXPUNGE": lambda cursor, tag: c.Expunge(tag, uid_set(cursor)),
}
_VERBS: Final[dict[str, Reader]] = {
    **{verb: _with_uid(read, False) for verb, read in NUMBERED.items()},
    **ACL_VERBS,
    **{
        kind.__name__.upper(): _bare(kind)
        for kind in (
            *(c.Capability, c.Noop, c.Logout, c.StartTls, c.Idle, c.Namespace),
            *(c.Check, c.Close, c.Unselect, c.Expunge),
        )
    },
    "APPEND": _append,
    "AUTHENTICATE": _authenticate,
    "CREATE": _create,
    "DELETE": lambda cursor, tag: c.Delete(tag, _mailbox(cursor)),
    "ENABLE": _enable,
    "EXAMINE": _with_uid(_select, True),
    "GETQUOTA": _quota,
    "GETQUOTAROOT": lambda cursor, tag: c.GetQuotaRoot(tag, _mailbox(cursor)),
    "ID": _id,
    "LIST": _list,
    "LOGIN": _login,
    "LSUB": _lsub,
    "RENAME": _rename,
    "SELECT": _with_uid(_select, False),
    "SETQUOTA": _set_quota,
    "STATUS": _status,
    "SUBSCRIBE": lambda cursor, tag: c.Subscribe(tag, _mailbox(cursor), on=True),
    "UID": _uid,
    "UNSUBSCRIBE": lambda cursor, tag: c.Subscribe(tag, _mailbox(cursor), on=False),
}
