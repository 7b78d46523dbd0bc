"""Address lists: RFC 5322 §3.4, obsolete forms of §4.4, and what senders do instead."""

import pytest

from mail.addresses import Addr, addresses

A = (None, None, b"a", b"x.example")


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (b"a@x.example", [A]),
        (b"<a@x.example>", [A]),
        (b"Ana <a@x.example>", [(b"Ana", None, b"a", b"x.example")]),
        (b'"Aubin, Ana" <a@x.example>', [(b"Aubin, Ana", None, b"a", b"x.example")]),
        (b'"a \\"b\\" c" <a@x.example>', [(b'a "b" c', None, b"a", b"x.example")]),
        (
            b"=?utf-8?q?Andr=C3=A9?= =?utf-8?q?e?= <a@x.example>",
            [(b"=?utf-8?q?Andr=C3=A9?= =?utf-8?q?e?=", None, b"a", b"x.example")],
        ),
        (b"a@x.example (Ana (the (first)))", [(b"Ana (the (first))", None, b"a", b"x.example")]),
        (b"Ana (doctor) <a@x.example>", [(b"Ana", None, b"a", b"x.example")]),
        (b"a (c) . b @ x . example", [(b"c", None, b"a.b", b"x.example")]),
        (b"Dr. Ana <a@x.example>", [(b"Dr. Ana", None, b"a", b"x.example")]),
        (b'"a b"@x.example', [(None, None, b"a b", b"x.example")]),
        (b"a@[192.0.2.1]", [(None, None, b"a", b"[192.0.2.1]")]),
        (b"<@r1,@r2:a@x.example>", [(None, b"@r1,@r2", b"a", b"x.example")]),
        (b"a@x.example, a@x.example", [A, A]),
        (b"a@x.example,,\r\n a@x.example,", [A, A]),
        (b"team:;", [(None, None, b"team", None), (None, None, None, None)]),
        (b"my team: a@x.example, <a@x.example>;", [(None, None, b"my team", None), A, A, (None, None, None, None)]),
        (b"t: a@x.example;, a@x.example", [(None, None, b"t", None), A, (None, None, None, None), A]),
        (b"", []),
        (b"  (only a comment)  ", []),
    ],
)
def test_lists(value: bytes, items: list[tuple[bytes | None, ...]]) -> None:
    listed = addresses(value)
    assert [(i.name, i.route, i.local, i.domain) for i in listed.items] == items


@pytest.mark.parametrize(
    "value",
    [
        b"ana",
        b"a@",
        b"@x.example",
        b"<>",
        b"a@@x.example",
        b"a@x.example>",
        b"<a@x.example",
        b"a b@x.example",
        b"a@x.example b",
        b'"torn <a@x.example>',
        b"a@x..example",
        b".a@x.example",
        b"<a@x.example> <b@x.example>",
        b"t: u: a@x.example;;",
        b"t: a@x.example",
        b"a@[1.2",
        b"a;b",
        b"\xffa@x.example\x00",
        b"<a@x.example, b@y.example>",
    ],
)
def test_what_breaks_the_grammar_is_not_clean(value: bytes) -> None:
    assert not addresses(value).clean


@pytest.mark.parametrize(
    "value", [b"a@x.example", b"t:;", b'"x" <"a b"@x.example>', b"A (c) <a@x.example>, b@y.example", b""]
)
def test_what_obeys_is_clean(value: bytes) -> None:
    assert addresses(value).clean


def test_an_address_is_quoted_again_where_it_must_be() -> None:
    assert [item.address for item in addresses(b'"a b"@x.example, c.d@x.example, t:;').items] == [
        b'"a b"@x.example',
        b"c.d@x.example",
        b"",
        b"",
    ]
    assert Addr(None, None, b'q"', b"x.example").address == b'"q\\""@x.example'
    assert addresses(b'"@"@x.example').mailboxes[0].address == b'"@"@x.example'
