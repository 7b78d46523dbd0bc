"""Words, parameters, contents and file names. RFC 2045, 2047, 2183, 2231."""

import pytest

from mail.content import decode_part, filename, safe_name, text_of
from mail.mime import walk
from mail.parameters import content_type, text
from mail.words import codec, decode, decode_extended, decode_words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?caf=C3=A9?=", "café"),
        (b"=?UTF-8?B?Y2Fmw6k=?= au lait", "café au lait"),
        (b"=?iso-8859-1?q?a?= =?iso-8859-1?q?b?=", "ab"),  # RFC 2047 §8: white space between words goes
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8?q?a_b?=", "a b"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),  # a character split over two words
        (b"=?utf-8?b?w6?= =?utf-8?b?w6k=?=", "\ufffd\ufffdé"[1:]),
        (b"=?us-ascii*en?q?hello?=", "hello"),  # RFC 2231 §5
        (b"=?windows-1252?q?=80?=", "€"),
        (b"=?x-no-such?q?=C3=A9?=", "é"),
        (b"=?punycode?q?abc-?=", "abc-"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"raw \xc3\xa9", "raw é"),
        (b"raw \xe9", "raw é"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),  # CVE-2024-6923: no line end comes out
        (b"=?utf-8?q?=E2=80=AEcod.exe?=", "cod.exe"),  # no direction override
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
    ],
)
def test_encoded_words(value: bytes, shown: str) -> None:
    assert decode_words(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"utf-8''%C3%A9", "é"),
        (b"iso-8859-1'fr'%E9", "é"),
        (b"''x", "x"),
        (b"nothing", "nothing"),
        (b"'%E9", "'é"),
        (b"x'y'%", "%"),
    ],
)
def test_extended_values(value: bytes, shown: str) -> None:
    assert decode_extended(value) == shown


def test_charsets_are_a_closed_list() -> None:
    assert codec(b"ISO_8859-1") == "cp1252"
    assert [codec(name) for name in (b"rot13", b"idna", b"unicode_escape", b"hex", b"os", b"../x", b"", b"zlib")] == [
        None
    ] * 8
    assert decode(b"\xff\xfe", b"utf-8") == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("value", "params"),
    [
        (b"a/b; X=y", [(b"x", b"y")]),
        (b"a/b;x=y;", [(b"x", b"y")]),
        (b'a/b; x = "y;z" ; w=v', [(b"x", b"y;z"), (b"w", b"v")]),
        (b"a/b; x=y (c;c) ; w=v", [(b"x", b"y"), (b"w", b"v")]),
        (b"a/b; name=my file.pdf; w=v", [(b"name", b"my file.pdf"), (b"w", b"v")]),
        (b'a/b; x="y"z; w=v', [(b"x", b"y"), (b"w", b"v")]),
        (b"a/b; x; =y; ; w=v", [(b"w", b"v")]),
        (b'a/b; x="torn', [(b"x", b"torn")]),
        (b"a/b; f*0=on; f*1=e; f*3=lost", [(b"f", b"one")]),
        (b"a/b; f*1=e; f*0=on", [(b"f", b"one")]),
        (b"a/b; f*0*=utf-8''%C3%A9; f*1=\" x\"; f*2*=%41", [(b"f*", b"utf-8''%C3%A9%20x%41")]),
        (b"a/b; f*=utf-8'fr'x; f=y", [(b"f*", b"utf-8'fr'x"), (b"f", b"y")]),
        (b"a/b; f*00=x", [(b"f*00", b"x")]),
    ],
)
def test_parameters(value: bytes, params: list[tuple[bytes, bytes]]) -> None:
    found = content_type(value)
    assert found is not None
    assert list(found.params) == params


def test_text_of_a_parameter_prefers_the_extended_form() -> None:
    assert text(((b"f", b"plain"), (b"f*", b"utf-8''%C3%A9")), b"f") == "é"
    assert text(((b"f", b"=?utf-8?q?=C3=A9?="),), b"f") == "é"
    assert text((), b"f") is None


@pytest.mark.parametrize(
    ("encoding", "body", "data"),
    [
        (b"base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"BASE64", b"aGVs bG8", b"hello"),
        (b"base64", b"aGVsbG8=aGVsbG8=", b"hello"),  # RFC 2045 §6.8: "=" ends the data
        (b"base64", b"a!G@V#s$", b"hel"),
        (b"base64", b"aGVsb", b"hel"),
        (b"base64", b"", b""),
        (b"quoted-printable", b"a=C3=A9 \t \r\nb=\r\nc=", b"a\xc3\xa9\r\nbc"),
        (b"quoted-printable", b"=ZZ=", b"=ZZ"),
        (b"7bit (comment)", b"x\r\n", b"x\r\n"),
        (b"x-uuencode", b"begin", b"begin"),
        (b"", b"x", b"x"),
    ],
)
def test_transfer_encodings(encoding: bytes, body: bytes, data: bytes) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    assert decode_part(raw, walk(raw)) == data


def test_text_follows_its_charset() -> None:
    raw = b"Content-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=A4=E9"
    assert text_of(raw, walk(raw)) == "€é"


@pytest.mark.parametrize(
    ("proposed", "safe"),
    [
        ("ordonnance.pdf", "ordonnance.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.exe", "x.exe"),
        ("a\x00b\r\nc.pdf", "a_b__c.pdf"),
        ("..", None),
        (" . ", None),
        ("/", None),
        ("___", None),
        ("CON.txt", "_CON.txt"),
        ("nul", "_nul"),
        (".htaccess", "htaccess"),
        ("x\u202efdp.exe", "xfdp.exe"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("e\u0301.pdf", "é.pdf"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
        ("é" * 500 + ".pdf", "é" * 98 + ".pdf"),
        ("x." + "y" * 500, "x." + "y" * 198),
    ],
)
def test_safe_names(proposed: str, safe: str | None) -> None:
    assert safe_name(proposed) == safe


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'Content-Disposition: attachment; filename="a.pdf"', "a.pdf"),
        (b'Content-Type: application/pdf; name="=?utf-8?b?w6kucGRm?="', "é.pdf"),
        (b"Content-Type: application/pdf; name=b.pdf\r\nContent-Disposition: attachment; filename=a.pdf", "a.pdf"),
        (b"Content-Disposition: attachment; filename*0*=utf-8''%C3%A9; filename*1=.pdf", "é.pdf"),
        (b"Content-Disposition: attachment", None),
        (b'Content-Disposition: attachment; filename=""', None),
    ],
)
def test_filenames(header: bytes, name: str | None) -> None:
    assert filename(walk(header + b"\r\n\r\n")) == name
