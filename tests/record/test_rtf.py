"""RTF: its text comes out; whatever embeds, fetches or runs does not come in."""

import pytest

from record.unpack import unpack
from record.unpack.facts import RTF, Problem

HEAD = rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\colortbl;\red0\green0\blue0;}{\*\generator Riched20;}"


def text_of(body: bytes) -> str:
    (document,) = unpack(HEAD + body + b"}", "application/rtf", "lettre.rtf").documents
    assert document.media_type == RTF and not document.remarks
    return document.text


@pytest.mark.parametrize(
    "body, text",
    [
        (rb"\pard DOLIPRANE 1000 mg\par 1 matin\par", "DOLIPRANE 1000 mg\n1 matin"),
        (rb"pr\'e9sent\'e9 \'80", "présenté €"),
        (rb"\uc1\u233?t\u233 ?", "été"),
        (rb"{\uc0 \u339 uvre}", "œuvre"),
        (rb"\u-10179?\u-8704?", "\U0001f600"),
        (rb"a\{b\}c\\d\~e", "a{b}c\\d\u00a0e"),
        (rb"{\pict\pngblip 89504e47}apr\'e8s", "après"),
        (b"une\r\nligne", "uneligne"),
        (rb'{\field{\*\fldinst{HYPERLINK "https://a.example"}}{\fldrslt lien}}', "lien"),
        (rb"export import link embed ", "export import link embed"),
    ],
)
def test_text(body: bytes, text: str) -> None:
    assert text_of(body) == text


HOSTILE = {
    "object": (HEAD + rb"{\object\objemb{\*\objdata 0105}}}", Problem.ACTIVE),
    "linked object": (HEAD + rb"{\object\objautlink}}", Problem.ACTIVE),
    "template": (HEAD + rb"{\*\template http://a.example/x.dotm}}", Problem.ACTIVE),
    "dde": (HEAD + rb'{\field{\*\fldinst DDEAUTO c:\\x "cmd"}}}', Problem.ACTIVE),
    "picture from outside": (HEAD + rb'{\field{\*\fldinst {\f0 INCLUDEPICTURE "http://a/x"}}}}', Problem.ACTIVE),
    "binary": (HEAD + rb"{\pict\bin9 }}", Problem.ACTIVE),
    "deep": (HEAD + b"{" * 5000 + b"}" * 5001, Problem.TOO_DEEP),
    "many": (HEAD + b"{}" * 150_000 + b"}", Problem.TOO_LARGE),
    "many fields": (HEAD + rb"\fldinst " * 190_000, Problem.BROKEN),
    "not closed": (HEAD + b"text", Problem.BROKEN),
    "ends in the middle of a word": (HEAD + b"\\", Problem.BROKEN),
    "tail": (HEAD + b"}<html><script>", Problem.POLYGLOT),
    "second file": (HEAD + b"}" + HEAD + b"}", Problem.POLYGLOT),
    "long": (HEAD + b"a" * 600_000 + b"}", Problem.TOO_LARGE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str) -> None:
    data, problem = HOSTILE[name]
    found = unpack(data, "application/rtf", "x.rtf")
    assert not found.documents and found.problems == (problem,)
