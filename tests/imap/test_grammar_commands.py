"""Each command, well formed and not. RFC 3501 §6 and §9."""

from datetime import UTC, date, datetime

import pytest

from mail.imap import commands as c
from mail.imap.errors import ImapBad
from mail.imap.fetch_items import BodyItem, Item
from mail.imap.parse import decode_base64, parse_append_head, parse_command
from mail.imap.search_keys import (
    All,
    Everything,
    HasFlag,
    InBody,
    InHeader,
    InText,
    ModSeq,
    Not,
    Numbers,
    Or,
    Order,
    Query,
    Received,
    Sent,
    Size,
)
from mail.imap.sequence import STAR, SequenceSet
from mail.sections import Partial, Section

S = SequenceSet
ONE = S(((1, 1),))


@pytest.mark.parametrize(
    ("wire", "command"),
    [
        (b"a CAPABILITY", c.Capability("a")),
        (b"a noop", c.Noop("a")),
        (b"a LOGOUT", c.Logout("a")),
        (b"a STARTTLS", c.StartTls("a")),
        (b"a IDLE", c.Idle("a")),
        (b"a NAMESPACE", c.Namespace("a")),
        (b"a CHECK", c.Check("a")),
        (b"a CLOSE", c.Close("a")),
        (b"a UNSELECT", c.Unselect("a")),
        (b"a EXPUNGE", c.Expunge("a")),
        (b"a UID EXPUNGE 1", c.Expunge("a", ONE)),
        (b"a AUTHENTICATE PLAIN", c.Authenticate("a", "PLAIN", None)),
        (b"a AUTHENTICATE plain AGEAYg==", c.Authenticate("a", "PLAIN", b"\0a\0b")),
        (b"a AUTHENTICATE EXTERNAL =", c.Authenticate("a", "EXTERNAL", b"")),
        (b"a LOGIN ana pass", c.Login("a", b"ana", b"pass")),
        (b'a LOGIN "ana" "p\\"w\\\\"', c.Login("a", b"ana", b'p"w\\')),
        (b"a LOGIN {3}\r\nana {4+}\r\npa s", c.Login("a", b"ana", b"pa s")),
        (b"a LOGIN a] b]", c.Login("a", b"a]", b"b]")),
        (b"a SELECT inbox", c.Select("a", "INBOX", False)),
        (b"a EXAMINE Inbox/x", c.Select("a", "INBOX/x", True)),
        (b"a SELECT inboxes (CONDSTORE)", c.Select("a", "inboxes", False, condstore=True)),
        (b"a SELECT &AMk-t&AOk-", c.Select("a", "Été", False)),
        (b"a CREATE a/b/", c.Create("a", "a/b")),
        (b"a CREATE a (USE (\\archive \\Junk))", c.Create("a", "a", ("\\Archive", "\\Junk"))),
        (b"a DELETE {1}\r\nx", c.Delete("a", "x")),
        (b'a RENAME "a b" c', c.Rename("a", "a b", "c")),
        (b"a SUBSCRIBE x", c.Subscribe("a", "x", on=True)),
        (b"a UNSUBSCRIBE x", c.Subscribe("a", "x", on=False)),
        (b'a LIST "" *', c.List("a", "", ("*",))),
        (b'a LIST "" "%/x"', c.List("a", "", ("%/x",))),
        (b'a LSUB "" *', c.Lsub("a", "", "*")),
        (b'a LIST (SPECIAL-USE) "" %', c.List("a", "", ("%",), selection=("SPECIAL-USE",))),
        (
            b'a LIST () "" (a b*) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
            c.List("a", "", ("a", "b*"), (), ("CHILDREN", "STATUS"), ("MESSAGES", "UNSEEN")),
        ),
        (b"a STATUS x (MESSAGES uidnext MESSAGES)", c.Status("a", "x", ("MESSAGES", "UIDNEXT"))),
        (b"a ID NIL", c.Id("a", ())),
        (b'a ID ("Name" "x" "os" NIL)', c.Id("a", (("name", "x"), ("os", None)))),
        (b"a ENABLE CONDSTORE utf8=accept", c.Enable("a", ("CONDSTORE", "UTF8=ACCEPT"))),
        (b"a COPY 1 x", c.Copy("a", False, ONE, "x")),
        (b"a UID COPY 1 x", c.Copy("a", True, ONE, "x")),
        (b"a MOVE 1 x", c.Move("a", False, ONE, "x")),
        (b"a UID MOVE 1:* x", c.Move("a", True, S(((1, STAR),)), "x")),
        (b"a STORE 1 FLAGS ()", c.Store("a", False, ONE, "=", False, ())),
        (b"a STORE 1 +FLAGS \\seen", c.Store("a", False, ONE, "+", False, ("\\Seen",))),
        (b"a STORE 1 -flags.silent (\\Deleted x \\DELETED)", c.Store("a", False, ONE, "-", True, ("\\Deleted", "x"))),
        (b"a STORE 1 FLAGS $a b", c.Store("a", False, ONE, "=", False, ("$a", "b"))),
        (b"a UID STORE 1 (UNCHANGEDSINCE 12) FLAGS (x)", c.Store("a", True, ONE, "=", False, ("x",), 12)),
    ],
)
def test_commands(wire: bytes, command: c.Command) -> None:
    assert parse_command(wire) == command


@pytest.mark.parametrize(
    ("items", "parsed"),
    [
        (b"FAST", (Item.FLAGS, Item.INTERNALDATE, Item.SIZE)),
        (b"all", (Item.FLAGS, Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE)),
        (b"FULL", (Item.FLAGS, Item.INTERNALDATE, Item.SIZE, Item.ENVELOPE, Item.BODY)),
        (b"(UID flags UID)", (Item.UID, Item.FLAGS)),
        (b"BODYSTRUCTURE", (Item.BODYSTRUCTURE,)),
        (b"MODSEQ", (Item.MODSEQ,)),
        (b"BODY[]", (BodyItem(Section()),)),
        (b"body.peek[]<0.10>", (BodyItem(Section(), True, Partial(0, 10)),)),
        (b"BODY[HEADER]", (BodyItem(Section((), "HEADER")),)),
        (b"BODY[1.2.MIME]", (BodyItem(Section((1, 2), "MIME")),)),
        (b"BODY[1.TEXT]", (BodyItem(Section((1,), "TEXT")),)),
        (b'BODY[header.fields (From "To")]', (BodyItem(Section((), "HEADER.FIELDS", (b"From", b"To"))),)),
        (b"BODY[2.HEADER.FIELDS.NOT ({4}\r\nFrom)]", (BodyItem(Section((2,), "HEADER.FIELDS.NOT", (b"From",))),)),
        (b"RFC822", (BodyItem(Section(), name=b"RFC822"),)),
        (
            b"(RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
            (
                BodyItem(Section((), "HEADER"), True, name=b"RFC822.HEADER"),
                BodyItem(Section((), "TEXT"), name=b"RFC822.TEXT"),
                Item.SIZE,
            ),
        ),
    ],
)
def test_fetch_items(items: bytes, parsed: tuple[object, ...]) -> None:
    assert parse_command(b"a FETCH 1 " + items) == c.Fetch("a", False, ONE, parsed)  # type: ignore[arg-type]


def test_uid_fetch_asks_for_the_uid_and_changedsince_for_the_modseq() -> None:
    command = parse_command(b"a UID FETCH 1 FLAGS (CHANGEDSINCE 9)")
    assert command == c.Fetch("a", True, ONE, (Item.UID, Item.FLAGS, Item.MODSEQ), 9)


DAY = date(1994, 2, 1)
SEEN = HasFlag("\\Seen")


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (b"ALL", Everything()),
        (b"unseen", Not(SEEN)),
        (b"NEW", All((HasFlag("\\Recent"), Not(SEEN)))),
        (b"OLD", Not(HasFlag("\\Recent"))),
        (b"SEEN DRAFT", All((SEEN, HasFlag("\\Draft")))),
        (b"KEYWORD $x UNKEYWORD y", All((HasFlag("$x"), Not(HasFlag("y"))))),
        (b"OR SEEN NOT ALL", Or(SEEN, Not(Everything()))),
        (b"(SEEN (ALL))", All((SEEN, Everything()))),
        (b"1:3,5 UID 7", All((Numbers(False, S(((1, 3), (5, 5)))), Numbers(True, S(((7, 7),)))))),
        (b"*", Numbers(False, S(((STAR, STAR),)))),
        (b"BEFORE 1-Feb-1994", Received(Order.BELOW, DAY)),
        (b'ON "01-feb-1994"', Received(Order.EQUAL, DAY)),
        (b"SINCE 1-FEB-1994", Received(Order.NOT_BELOW, DAY)),
        (b"SENTBEFORE 1-Feb-1994", Sent(Order.BELOW, DAY)),
        (b"SENTON 1-Feb-1994 SENTSINCE 1-Feb-1994", All((Sent(Order.EQUAL, DAY), Sent(Order.NOT_BELOW, DAY)))),
        (b"LARGER 5 SMALLER 6", All((Size(Order.ABOVE, 5), Size(Order.BELOW, 6)))),
        (b'FROM "x y"', InHeader(b"from", "x y")),
        (b"SUBJECT {2}\r\n\xc3\xa9", InHeader(b"subject", "é")),
        (b'HEADER X-Mss-Mes ""', InHeader(b"x-mss-mes", "")),
        (b"CHARSET utf-8 BODY {2}\r\n\xc3\xa9 TEXT x", All((InBody("é"), InText("x")))),
        (b"MODSEQ 5", ModSeq(5)),
        (b'MODSEQ "/flags/\\\\seen" all 5', ModSeq(5)),
    ],
)
def test_search_keys(keys: bytes, key: object) -> None:
    assert parse_command(b"a SEARCH " + keys) == c.Search("a", False, Query(key))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "returns"), [(b"RETURN (MIN max) ", ("MIN", "MAX")), (b"RETURN () ", ("ALL",)), (b"", None)]
)
def test_search_returns(words: bytes, returns: tuple[str, ...] | None) -> None:
    assert parse_command(b"a UID SEARCH " + words + b"ALL") == c.Search("a", True, Query(Everything(), returns))


@pytest.mark.parametrize(
    ("head", "command"),
    [
        (b"a APPEND inbox ", c.Append("a", "INBOX", (), None)),
        (b"a append {1}\r\nx (\\Seen) ", c.Append("a", "x", ("\\Seen",), None)),
        (
            b'a APPEND x () " 1-Feb-1994 21:52:25 -0800" ',
            c.Append("a", "x", (), datetime(1994, 2, 2, 5, 52, 25, tzinfo=UTC)),
        ),
        (b"a APPEND ", None),  # the literal that follows is the mailbox
        (b"a LOGIN ", None),
        (b"", None),
    ],
)
def test_append_heads(head: bytes, command: c.Append | None) -> None:
    assert parse_append_head(head) == command


@pytest.mark.parametrize(
    "head",
    [
        b"a APPEND x (\\Recent) ",
        b"a APPEND x  ",
        b"a APPEND x ~",
        b'a APPEND x "1-Feb-1994" ',
        b"a APPEND x",
        b"a APPEND \xff ",
    ],
)
def test_broken_append_heads(head: bytes) -> None:
    with pytest.raises(ImapBad) as bad:
        parse_append_head(head)
    assert bad.value.tag == "a"


@pytest.mark.parametrize(
    "wire",
    [
        b"a",
        b"a ",
        b"a  NOOP",
        b"a NOOP ",
        b"a NOOP x",
        b"a XYZZY",
        b"a UID",
        b"a UID NOOP",
        b"a UID FETCH",
        b"a \xff",
        b"a LOGIN x",
        b"a LOGIN x y z",
        b'a LOGIN "x y',
        b'a LOGIN "x\\y" z',
        b"a LOGIN {3}\r\nab",
        b"a LOGIN {2}\r\na\0 b",
        b"a LOGIN () x",
        b"a AUTHENTICATE",
        b"a AUTHENTICATE PLAIN a",
        b"a AUTHENTICATE PLAIN AGEA\tYg==",
        b"a AUTHENTICATE PLAIN AGEAYg",
        b"a AUTHENTICATE PLAIN ",
        b"a SELECT",
        b"a SELECT \xc3\xa9",
        b'a SELECT "\xc3\xa9"',
        b"a SELECT &",
        b"a SELECT &AGE-",
        b"a SELECT &2AA-",
        b"a SELECT &AAo-",
        b'a SELECT "a\r\nb"',
        b"a SELECT x (QRESYNC)",
        b"a SELECT x ()",
        b"a SELECT " + b"x" * 513,
        b"a SELECT *",
        b"a SELECT %",
        b"a FETCH 0 FLAGS",
        b"a FETCH 1:0 FLAGS",
        b"a FETCH 1, FLAGS",
        b"a FETCH ,1 FLAGS",
        b"a FETCH 4294967296 FLAGS",
        b"a FETCH 01 FLAGS",
        b"a FETCH 1 ()",
        b"a FETCH 1 (FLAGS",
        b"a FETCH 1 (FAST)",
        b"a FETCH 1 FLAGS UID",
        b"a FETCH 1 BODY[",
        b"a FETCH 1 BODY[MIME]",
        b"a FETCH 1 BODY[1.]",
        b"a FETCH 1 BODY[0]",
        b"a FETCH 1 BODY[1.0]",
        b"a FETCH 1 BODY[HEADER.FIELDS]",
        b"a FETCH 1 BODY[HEADER.FIELDS ()]",
        b"a FETCH 1 BODY[HEADER.FIELDS (a:b)]",
        b'a FETCH 1 BODY[HEADER.FIELDS ("a\r\nb")]',
        b"a FETCH 1 BODY[]<>",
        b"a FETCH 1 BODY[]<0.0>",
        b"a FETCH 1 BODY[]<1.4294967296>",
        b"a FETCH 1 ENVELOPE[]",
        b"a FETCH 1 (FLAGS) (CHANGEDSINCE x)",
        b"a FETCH 1 FLAGS (CHANGEDSINCE)",
        b"a STORE 1 FLAGS",
        b"a STORE 1 FLAGS (\\Recent)",
        b"a STORE 1 FLAGS (\\X)",
        b"a STORE 1 *FLAGS (x)",
        b"a STORE 1 FLAGS (x",
        b"a STORE 1 FLAGS (x  y)",
        b"a STORE 1 +FLAGS (" + b"x" * 65 + b")",
        b"a SEARCH",
        b"a SEARCH ",
        b"a SEARCH X",
        b"a SEARCH ALL ",
        b"a SEARCH (ALL",
        b"a SEARCH ()",
        b"a SEARCH OR ALL",
        b"a SEARCH NOT",
        b"a SEARCH ON 31-Feb-2000",
        b"a SEARCH ON 1-Xyz-2000",
        b"a SEARCH ON 2000-01-01",
        b"a SEARCH CHARSET UTF-8",
        b"a SEARCH FROM",
        b"a SEARCH BODY {1}\r\n\xff",
        b"a SEARCH HEADER",
        b'a SEARCH HEADER "" x',
        b"a SEARCH KEYWORD \\Seen",
        b"a SEARCH LARGER -1",
        b"a SEARCH RETURN (X) ALL",
        b"a STATUS x",
        b"a STATUS x ()",
        b"a STATUS x (X)",
        b"a LIST",
        b'a LIST ""',
        b'a LIST "" () RETURN ()',
        b'a LIST (X) "" *',
        b'a LIST "" * RETURN (X)',
        b'a LIST (RECURSIVEMATCH) "" *',
        b"a ID",
        b"a ID (x y)",
        b'a ID ("x")',
        b"a ENABLE",
        b"a APPEND x",
        b"a APPEND x {1}\r\ny",
        b"a CREATE x (USE (\\X))",
    ],
)
def test_broken_commands_keep_their_tag_and_are_not_repeated(wire: bytes) -> None:
    with pytest.raises(ImapBad) as bad:
        parse_command(wire)
    assert bad.value.tag == "a"
    assert bad.value.public.isascii()


@pytest.mark.parametrize("wire", [b"", b" ", b"+ NOOP", b"(a) NOOP", b"\r\n", b"x" * 200 + b" NOOP", b"\xff NOOP"])
def test_without_a_tag_it_is_untagged(wire: bytes) -> None:
    with pytest.raises(ImapBad) as bad:
        parse_command(wire)
    assert bad.value.tag == "*"


@pytest.mark.parametrize(
    ("wire", "condition", "code"),
    [
        (b"a SEARCH CHARSET KOI8-R ALL", "NO", "BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)"),
        (b"a CREATE x (USE (\\Nonsense))", "NO", "USEATTR"),
        (b"a NONSENSE", "BAD", ""),
    ],
)
def test_conditions_and_codes(wire: bytes, condition: str, code: str) -> None:
    with pytest.raises(ImapBad) as bad:
        parse_command(wire)
    assert (bad.value.condition, bad.value.code) == (condition, code)


@pytest.mark.parametrize(
    "wire", [b"a LOGIN secret secret", b"a SELECT secret", b"a SEARCH FROM secret", b"a AUTHENTICATE PLAIN c2VjcmV0"]
)
def test_a_command_does_not_print_its_arguments(wire: bytes) -> None:
    command = parse_command(wire)
    assert "secret" not in repr(command) + str(command)
    assert command.tag in repr(command)


def test_base64_is_strict() -> None:
    assert decode_base64(b"YQ==") == b"a"
    for text in (b"YQ", b"YQ=", b"Y Q=", b"YQ==\n", b"Y", b"====", b"YQ==YQ=="):
        with pytest.raises(ImapBad):
            decode_base64(text)
