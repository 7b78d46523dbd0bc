"""RTF: its text, and nothing else; whatever embeds, fetches or runs is refused. RTF 1.9.1.

Tokens are counted on the bytes first: a file is read once, in order, with a short stack of groups.
"""

import re
from dataclasses import dataclass

from record.unpack.facts import RTF, Document, Problem, Unreadable
from record.unpack.limits import RTF_DEPTH, RTF_TOKENS, TEXT_CHARACTERS

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})?[ ]?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z'])|([{}])|([\r\n]+)|([^\\{}\r\n]+)"
)
_ACTIVE = re.compile(
    rb"\\(?:obj(?:ect|data|emb|link|autlink|ocx|html|class|update)|bin[0-9]|template\b|htmlrtf|formfield|datafield)"
    rb"|\\fldinst(?>(?:[\s{}]|\\[a-z]{1,32}-?[0-9]{0,10}){0,60})(?:DDE|INCLUDE|IMPORT|MACRO|EMBED|LINK|AUTOTEXT)",
    re.IGNORECASE,
)
_SILENT = frozenset(
    b"fonttbl colortbl stylesheet info pict header footer headerl headerr headerf footerl footerr footerf filetbl"
    b" listtable revtbl rsidtbl themedata fldinst xmlnstbl generator latentstyles datastore pntext nonshppict".split()
)
_CHARACTERS = {b"par": "\n", b"line": "\n", b"page": "\n", b"row": "\n", b"cell": "\t", b"tab": "\t"} | {
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "\u2011", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
_CODECS = frozenset({1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258, 437, 850, 852})
_FAREWELL = b"\x00\t\r\n "


@dataclass(slots=True)
class _Group:
    silent: bool = False
    fallback: int = 1  # characters after \u that readers of Unicode pass over


def read_rtf(data: bytes) -> Document:
    """Raises Unreadable: TOO_LARGE, ACTIVE, BROKEN."""
    if not data.startswith(b"{\\rtf"):
        raise Unreadable(Problem.BROKEN)
    if data.count(b"\\") + data.count(b"{") + data.count(b"}") > RTF_TOKENS:
        raise Unreadable(Problem.TOO_LARGE)
    if _ACTIVE.search(data):
        raise Unreadable(Problem.ACTIVE)
    text = _Reader().read(data)
    if len(text) > TEXT_CHARACTERS:
        raise Unreadable(Problem.TOO_LARGE)
    return Document("", RTF, data, text=text, pages=1)


class _Reader:
    def __init__(self) -> None:
        self._groups = [_Group()]
        self._found: list[str] = []
        self._codec = "cp1252"
        self._skip = 0

    def read(self, data: bytes) -> str:
        at = 0
        while at < len(data):
            token = _TOKEN.match(data, at)
            if token is None:
                raise Unreadable(Problem.BROKEN)
            at = token.end()
            if token[5]:
                self._brace(token[5])
                if len(self._groups) == 1:
                    return self._end(data[at:])
            else:
                self._take(token)
        raise Unreadable(Problem.BROKEN)

    def _end(self, rest: bytes) -> str:
        if rest.strip(_FAREWELL):
            raise Unreadable(Problem.POLYGLOT)
        return "".join(self._found).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()

    def _brace(self, brace: bytes) -> None:
        self._skip = 0
        if brace == b"}":
            self._groups.pop()
            return
        if len(self._groups) > RTF_DEPTH:
            raise Unreadable(Problem.TOO_DEEP)
        self._groups.append(_Group(self._groups[-1].silent, self._groups[-1].fallback))

    def _take(self, token: re.Match[bytes]) -> None:
        word, number, hexadecimal, symbol, run = token[1], token[2], token[3], token[4], token[7]
        if word:
            self._word(word, int(number) if number else None)
        elif symbol == b"*":
            self._groups[-1].silent = True
        elif hexadecimal:
            self._write(bytes([int(hexadecimal, 16)]).decode(self._codec, "replace"))
        elif symbol:
            self._write(_SYMBOLS.get(symbol, ""))
        elif run:
            self._write(run.decode(self._codec, "replace"))

    def _word(self, word: bytes, number: int | None) -> None:
        group = self._groups[-1]
        if word in _SILENT:
            group.silent = True
        elif word == b"ansicpg" and number in _CODECS:
            self._codec = f"cp{number}"
        elif word == b"uc" and number is not None:
            group.fallback = min(max(number, 0), 8)
        elif word == b"u" and number is not None:
            self._skip = 0
            self._write(chr(number % 0x10000))
            self._skip = group.fallback
        else:
            self._write(_CHARACTERS.get(word, ""))

    def _write(self, text: str) -> None:
        dropped, self._skip = min(self._skip, len(text)), max(0, self._skip - len(text))
        if not self._groups[-1].silent:
            self._found.append(text[dropped:])
