"""Opening attachments: what they are is told by their bytes; lies earn a remark, doubles and bombs a refusal."""

import io
import struct
import zipfile

import pytest

from record.unpack import Taken, unpack
from record.unpack.facts import CDA, JPEG, OPAQUE, PDF, PNG, TEXT, TIFF, Problem
from record.unpack.limits import ATTACHMENT_BYTES
from tests.support.record_files import PRESCRIPTION, cda, pdf_of, photo, photo_pdf, png_claiming, text_pdf
from tests.support.record_world import person


def only(data: bytes, declared: str = "", name: str = "") -> Problem:
    """The one fatal problem."""
    found = unpack(data, declared, name)
    assert not found.documents, "should have been refused"
    (problem,) = found.problems
    return problem


def zipped(comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "inside")
        archive.comment = comment
    return out.getvalue()


def test_text_layer_is_read() -> None:
    (document,) = unpack(text_pdf(*PRESCRIPTION), "application/pdf", "ordonnance.pdf").documents
    assert (document.media_type, document.pages, document.title) == (PDF, 1, "ordonnance.pdf")
    assert "LÉVOTHYROX 75 µg" in document.text
    assert not document.is_picture_only


def test_phone_photo_in_a_pdf_has_no_text() -> None:
    found = unpack(photo_pdf(), "application/pdf", "scan.pdf")
    assert found.documents[0].is_picture_only and not found.problems


@pytest.mark.parametrize("form, media_type", [("JPEG", JPEG), ("PNG", PNG), ("TIFF", TIFF)])
def test_pictures_tell_their_size(form: str, media_type: str) -> None:
    (document,) = unpack(photo(900, 1200, form)).documents
    assert (document.media_type, document.width, document.height) == (media_type, 900, 1200)


def test_big_endian_tiff() -> None:
    entries = struct.pack(">HHIHH", 256, 3, 1, 2000, 0) + struct.pack(">HHII", 257, 4, 1, 1000)
    data = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 2) + entries + struct.pack(">I", 0)
    assert unpack(data).documents[0].width == 2000


def test_small_picture_is_a_remark() -> None:
    assert unpack(photo(300, 400)).problems == (Problem.SMALL_IMAGE,)


@pytest.mark.parametrize("text", ["Ordonnance : paracétamol", "œuvre à 5 €"])
def test_text_in_both_encodings(text: str) -> None:
    for encoding in ("utf-8", "cp1252", "utf-8-sig"):
        assert unpack(text.encode(encoding)).documents[0].text == text


def test_clinical_document_and_what_it_carries() -> None:
    found = unpack(cda(person(), body=text_pdf("bonjour")), "text/xml", "DOC.XML")
    outer, inner = found.documents
    assert (outer.media_type, inner.media_type, inner.part) == (CDA, PDF, "body")
    assert outer.cda is inner.cda and outer.cda is not None
    assert (outer.cda.type_code, outer.cda.document_id, outer.title) == ("57833-6", "2.25.1^doc1", "Document inventé")
    assert [claim.text for claim in outer.cda.ins] == [person().ins.matricule]
    assert outer.cda.authors[0].family == "INVENTÉE"


def test_replaced_document_is_named() -> None:
    related = '<relatedDocument typeCode="RPLC"><parentDocument><id root="2.25.9"/></parentDocument></relatedDocument>'
    facts = unpack(cda(person(), extra=related)).documents[0].cda
    assert facts and facts.replaces == ("2.25.9",)


@pytest.mark.parametrize(
    "data, declared, name",
    [
        (photo(form="PNG"), "image/jpeg", "photo.jpg"),
        (text_pdf("x"), "image/png", "photo.png"),
        (b"bonjour", "application/pdf", "ordonnance.pdf"),
        (photo(), "application/octet-stream", "ordonnance.pdf"),
    ],
)
def test_lying_type_is_a_remark_and_the_bytes_decide(data: bytes, declared: str, name: str) -> None:
    assert Problem.TYPE_LIES in unpack(data, declared, name).problems


def test_honest_or_silent_type_is_no_lie() -> None:
    for declared, name in [("image/jpg", "IMG.JPG"), ("application/octet-stream", ""), ("", "x.unknown")]:
        assert unpack(photo(), declared, name).problems == ()


@pytest.mark.parametrize("data", [b"", b"  \r\n", b"\0" * 100])
def test_nothing_is_refused(data: bytes) -> None:
    assert only(data) is Problem.EMPTY


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\0" + b"\0" * 60,
        b"MZ this looks like text but PE header",
        b"#!/bin/sh\necho hello\n",
        b"<!DOCTYPE html><html><body>hello</body></html>",
        b"<html><script>alert(1)</script></html>",
        b"hello <script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"GIF89a\x01\0\x01\0",
        b"text with a bell \x07",
        b"half latin \x81 half hole",
        b"From someone@example.test Mon Jan\nSubject: x\n",
        b"junk before\n%PDF-1.4\n",
        "texte\u0085caché".encode(),
    ],
)
def test_unknown_types_are_refused(data: bytes) -> None:
    assert only(data) is Problem.UNKNOWN_TYPE


def test_type_list_is_the_operators() -> None:
    found = unpack(photo(form="PNG"), taken=Taken(frozenset({PDF})))
    assert found.problems == (Problem.TYPE_NOT_TAKEN,) and not found.documents
    assert unpack(text_pdf("x"), taken=Taken(most_bytes=100)).problems == (Problem.TOO_LARGE,)


def test_five_megabytes_and_one_byte() -> None:
    assert only(b"a" * (ATTACHMENT_BYTES + 1)) is Problem.TOO_LARGE


POLYGLOTS = {
    "pdf and zip": text_pdf("x") + zipped(),
    "jpeg and zip": photo() + zipped(b"comment"),
    "png and zip": photo(form="PNG") + zipped(),
    "pdf and zip with a comment": text_pdf("y") + zipped(b"c" * 300),
    "tiff and pdf": photo(300, 300, "TIFF") + text_pdf("x"),
    "jpeg and pdf": photo() + text_pdf("x"),
    "png with a tail": photo(form="PNG") + b"tail",
    "jpeg and page": photo() + b"<html ><script >alert(1)</script>",
    "png and php": photo(form="PNG")[:-12] + b"<?php system(1);",
    "pdf and page": b"%PDF-1.4\n<html><script>alert(1)</script></html>\n" + text_pdf("x")[9:],
    "pdf with a long tail": text_pdf("x") + b"\x01" * 5000,
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_two_types_at_once_are_refused(name: str) -> None:
    assert only(POLYGLOTS[name]) is Problem.POLYGLOT


@pytest.mark.parametrize("width, height", [(100_000, 10), (30_000, 30_000), (2**31, 2**31)])
def test_pixel_bombs(width: int, height: int) -> None:
    assert only(png_claiming(width, height)) is Problem.TOO_MANY_PIXELS


@pytest.mark.parametrize("data", [png_claiming(0, 100), photo()[:30], photo(form="PNG")[:20], photo(form="TIFF")[:9]])
def test_torn_pictures(data: bytes) -> None:
    assert only(data) is Problem.BROKEN


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_picture_that_was_cut_off_is_a_remark(form: str) -> None:
    whole = photo(400, 900, form)
    assert unpack(whole[: len(whole) // 2]).problems == (Problem.CUT_IMAGE,) and unpack(whole).problems == ()


def test_a_thumbnail_is_not_the_end_of_its_picture() -> None:
    small, whole = photo(100, 80), photo()
    inside = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small + whole[2:]
    assert unpack(inside).problems == () and unpack(inside[:-2]).problems == (Problem.CUT_IMAGE,)


def test_tiff_that_counts_more_strips_than_there_are() -> None:
    entries = struct.pack("<HHII", 256, 4, 1, 900) + struct.pack("<HHII", 257, 4, 1, 900)
    many = entries + struct.pack("<HHII", 273, 4, 2**32 - 1, 8) + struct.pack("<HHII", 279, 4, 2**32 - 1, 8)
    data = b"II*\0" + struct.pack("<IH", 8, 4) + many + struct.pack("<I", 0)
    assert unpack(data).problems == (Problem.CUT_IMAGE,)


def test_files_carried_by_a_pdf_are_told() -> None:
    """ISO 32000-1 §7.11.4: an embedded file, which nobody opens."""
    names = b"/Names << /EmbeddedFiles << /Names [(x.exe) << /Type /Filespec /F (x.exe) /EF << /F 6 0 R >> >>] >> >>"
    carrying = text_pdf(
        "Ordonnance", catalog=names, extra=b"<< /Type /EmbeddedFile /Length 2 >>\nstream\nMZ\nendstream"
    )
    assert unpack(carrying).problems == (Problem.FILES_INSIDE,)


def test_tiff_that_bites_its_tail() -> None:
    entries = struct.pack("<HHII", 256, 4, 1, 900) + struct.pack("<HHII", 257, 4, 1, 900)
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    assert only(data) is Problem.BROKEN


def test_tiff_of_too_many_pages() -> None:
    directory = struct.pack("<H", 2) + struct.pack("<HHII", 256, 4, 1, 900) + struct.pack("<HHII", 257, 4, 1, 900)
    pages = b"".join(directory + struct.pack("<I", 8 + (n + 1) * 30) for n in range(200))
    assert only(b"II*\0" + struct.pack("<I", 8) + pages) is Problem.TOO_MANY_PAGES


def test_odd_pdfs() -> None:
    assert only(b"%PDF-1.7\nnothing here at all\n%%EOF\n") is Problem.BROKEN
    assert only(text_pdf("x", pages=201)) is Problem.TOO_MANY_PAGES
    assert only(text_pdf("x")[:200]) is Problem.BROKEN
    javascript = b"<< /Names [(run) << /S /JavaScript /JS (app.alert\\(1\\)) >>] >>"
    active = text_pdf("x", extra=javascript, catalog=b"/Names << /JavaScript 6 0 R >>")
    assert only(active) is Problem.ACTIVE


def test_encrypted_pdf() -> None:
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"11" * 32, b"22" * 32)
    base = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", lock]
    assert only(pdf_of(base, b"/Encrypt 3 0 R /ID [<00> <00>]")) is Problem.ENCRYPTED


def bomb(inner: str) -> bytes:
    return f'<?xml version="1.0"?>{inner}<ClinicalDocument xmlns="urn:hl7-org:v3">&a;</ClinicalDocument>'.encode()


XML = {
    "billion laughs": bomb('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]>'),
    "external file": bomb('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    "external dtd": bomb('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'),
    "lower case": bomb('<!doctype x [<!entity a "x">]>'),
    "spaced": bomb("<! DOCTYPE x>"),
    "in a comment": bomb("<!-- <!DOCTYPE x> -->"),
}


@pytest.mark.parametrize("name", XML)
def test_doctypes_are_refused_unread(name: str) -> None:
    assert only(XML[name]) in {Problem.DOCTYPE, Problem.UNKNOWN_TYPE}


def test_doctype_may_not_hide_in_another_encoding() -> None:
    wide = XML["billion laughs"].decode().encode("utf-16")
    assert only(wide) is Problem.ENCODING
    assert only("texte".encode("utf-16")) is only("texte".encode("utf-32")) is Problem.ENCODING
    seven = b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<ClinicalDocument/>'
    assert only(seven) is Problem.ENCODING
    assert only(b'<?xml version="1.0" encoding="utf-16"?><ClinicalDocument/>') is Problem.ENCODING


@pytest.mark.parametrize("depth", [300, 5000])
def test_deep_nesting(depth: int) -> None:
    assert only(b"<a>" * depth + b"</a>" * depth) is Problem.BROKEN


def test_wide_documents() -> None:
    assert only(b"<a>" + b"<b/>" * 150_000 + b"</a>") is Problem.TOO_LARGE


@pytest.mark.parametrize("data", [b"<ClinicalDocument", b"<a></b>", cda(person()) + b"tail", b"<a>&unknown;</a>"])
def test_broken_xml(data: bytes) -> None:
    assert only(data) is Problem.BROKEN


def test_self_presenting_form_stays_closed() -> None:
    sheet = (
        b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform">' + cda(person())[38:] + b"</xsl:stylesheet>"
    )
    found = unpack(sheet, "application/xslt+xml", "DOC.XML")
    assert found.documents[0].media_type == OPAQUE and found.documents[0].cda is None
    assert Problem.NOT_CDA in found.problems


def test_a_clinical_document_inside_another_is_refused() -> None:
    assert only(cda(person(), body=cda(person()))) is Problem.TYPE_NOT_TAKEN


@pytest.mark.parametrize("body", [b"%PDF-1.4 broken", b"\x00\x01\x02", b""])
def test_bad_body_refuses_the_whole(body: bytes) -> None:
    found = unpack(cda(person(), body=body))
    assert found.refused == bool(body)


def test_body_by_reference_is_not_followed() -> None:
    data = cda(person(), body=b"x").replace(
        b'representation="B64">eA==', b'><reference value="http://127.0.0.1/x.pdf"/>'
    )
    assert only(data) is Problem.OUTSIDE_BODY


def test_body_that_is_no_base64() -> None:
    assert only(cda(person(), body=b"x").replace(b"eA==", b"***")) is Problem.BROKEN


def test_plain_text_is_kept_whole() -> None:
    (document,) = unpack(b"ligne 1\r\nligne 2\rligne 3").documents
    assert (document.media_type, document.text) == (TEXT, "ligne 1\nligne 2\nligne 3")
