"""Octets of a header turned into text for people: charsets, encoded words, extended parameters.

Nothing here raises on any input. The result never holds a line end, a control or a direction override, so that it can
be shown on one line. RFC 2047, RFC 2231.
"""

import binascii
import re
from encodings.aliases import aliases
from typing import Final
from urllib.parse import unquote_to_bytes

from mail.limits import ENCODED_WORDS

_DIRECT: Final = (
    "utf_8 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 cp858 cp866 cp874 cp932 "
    "cp949 big5 big5hkscs euc_jp gb18030 hz iso2022_jp iso2022_jp_2 iso2022_kr iso8859_2 iso8859_3 iso8859_4 iso8859_5 "
    "iso8859_6 iso8859_7 iso8859_8 iso8859_10 iso8859_13 iso8859_14 iso8859_15 iso8859_16 johab koi8_r koi8_u "
    "mac_roman utf_16 utf_16_be utf_16_le utf_32"
)
# What senders write when they mean the wider set (WHATWG Encoding §4.2).
_WIDER: Final = {
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}


def _codec_table() -> dict[str, str]:
    """Every known alias → codec. Our own table: `codecs.lookup` imports and remembers whatever name a sender invents,
    and knows codecs that are no charset (punycode is quadratic)."""
    table = {name: name for name in _DIRECT.split()} | _WIDER
    for alias, codec in aliases.items():
        if codec in table:
            table[alias] = table[codec]
    return table | {"utf8mb4": "utf_8", "x_sjis": "cp932", "x_gbk": "gb18030", "iso_8859_8_i": "iso8859_8"}


_CODECS: Final = _codec_table()
_NAME_MARKS = re.compile(r"[-_:. ]+")
_ENCODED = re.compile(rb"=\?([^?\s]{1,75})\?([bBqQ])\?([^?]*+)\?=")
_UNSHOWN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\u200e\u200f]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


def codec(charset: bytes | str) -> str | None:
    """The Python codec for a MIME charset name, None when it is unknown or no charset."""
    name = charset.decode("latin-1") if isinstance(charset, bytes) else charset
    return _CODECS.get(_NAME_MARKS.sub("_", name.strip().lower()))


def decode(data: bytes, charset: bytes | str | None = None) -> str:
    """Text of `data`; an absent, unknown or lying charset falls back to UTF-8, then to Windows-1252."""
    known = codec(charset) if charset else None
    if known and known != "utf_8":
        return data.decode(known, "replace")
    try:
        return data.decode("utf_8")
    except UnicodeDecodeError:
        return data.decode("utf_8" if known else "cp1252", "replace")


def one_line(text: str) -> str:
    """The text fit to be shown: controls become a space, direction overrides go."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(" ", _UNSHOWN.sub("", text))


def decode_words(value: bytes) -> str:
    """A header value for people: RFC 2047 words decoded, raw UTF-8 (RFC 6532) understood.

    White space between two words goes (§6.2); neighbours in one charset are joined before decoding, since senders split
    characters. Beyond ENCODED_WORDS the rest stays as it stands.
    """
    if b"=?" not in value:
        return one_line(decode(value))
    pieces: list[tuple[bytes | None, bytes]] = []  # (charset or None for plain text, octets)
    at = 0
    for number, word in enumerate(_ENCODED.finditer(value)):
        if number == ENCODED_WORDS:
            break
        gap = value[at : word.start()]
        if gap.strip(b" \t\r\n") or not pieces:
            pieces.append((None, gap))
        _append(pieces, word[1].split(b"*")[0].lower(), _word_octets(word[2], word[3]))  # RFC 2231 §5: charset*language
        at = word.end()
    pieces.append((None, value[at:]))
    return one_line("".join(decode(octets, charset) for charset, octets in pieces))


def _append(pieces: list[tuple[bytes | None, bytes]], charset: bytes, octets: bytes) -> None:
    if pieces and pieces[-1][0] == charset and not charset.startswith(b"iso-2022"):  # those shift states per word
        pieces[-1] = (charset, pieces[-1][1] + octets)
    else:
        pieces.append((charset, octets))


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(text, header=True)
    return base64_octets(text)


def base64_octets(text: bytes) -> bytes:
    """What can be read of base64: foreign octets skipped, "=" ends the data (RFC 2045 §6.8), a torn end dropped."""
    end = text.find(b"=")
    clean = (text if end < 0 else text[:end]).translate(None, _NOT_BASE64)
    spare = len(clean) % 4
    if spare == 1:
        clean = clean[:-1]
        spare = 0
    return binascii.a2b_base64(clean + b"=" * (-spare % 4) if spare else clean)


def decode_extended(value: bytes) -> str:
    """An RFC 2231 §4 value, charset'language'percent-encoded, for people."""
    charset, first, rest = value.partition(b"'")
    _, second, text = rest.partition(b"'")
    if not first or not second:
        return one_line(decode(unquote_to_bytes(value)))
    return one_line(decode(unquote_to_bytes(text), charset))
