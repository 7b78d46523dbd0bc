"""RTF: its text comes out; whatever embeds, fetches or runs does not come in."""

import pytest

from record.unpack import unpack
from record.unpack.facts import RTF
from tests.support.hostile_files import RTF_FILES, RTF_HEAD


def text_of(body: bytes) -> str:
    (document,) = unpack(RTF_HEAD + body + b"}", "application/rtf", "lettre.rtf").documents
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


@pytest.mark.parametrize("name", RTF_FILES)
def test_hostile_files(name: str) -> None:
    make, problem = RTF_FILES[name]
    found = unpack(make(), "application/rtf", "x.rtf")
    assert not found.documents and found.problems == (problem,)
