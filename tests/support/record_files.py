"""Files as patients and professionals send them, made by hand: PDFs, pictures, clinical documents."""

import base64
import io
import struct
import zlib

from PIL import Image, ImageDraw

from directory.patients import Identity

_ESCAPES = str.maketrans({"(": r"\(", ")": r"\)"})
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << %s >> /Contents 4 0 R >>"
PRESCRIPTION = (
    "Docteur Hélène Inventée",
    "Médecine générale",
    "ORDONNANCE",
    "DOLIPRANE 1000 mg, comprimé",
    "1 comprimé matin, midi et soir pendant 5 jours",
    "LÉVOTHYROX 75 µg, comprimé sécable",
    "1 comprimé le matin QSP 3 mois, à renouveler 1 fois",
)


def text_pdf(*lines: str, extra: bytes = b"", pages: int = 1, catalog: bytes = b"") -> bytes:
    """A PDF with a text layer, a page for each `pages`."""
    drawn = b"".join(
        b"BT /F1 11 Tf 60 %d Td (%s) Tj ET\n" % (780 - 18 * n, line.translate(_ESCAPES).encode("cp1252"))
        for n, line in enumerate(lines)
    )
    kids = b" ".join(b"%d 0 R" % (5 + n) for n in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    page = _PAGE % b"/Font << /F1 3 0 R >>"
    return pdf_of(objects + [page] * pages + ([extra] if extra else []))


def pdf_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """Numbered objects → a file with its cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def photo_pdf(width: int = 1200, height: int = 1600) -> bytes:
    """What a phone's scanner makes: one page, one JPEG, no text."""
    jpeg = photo(width, height)
    head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8"
    head += b" /Width %d /Height %d" % (width, height)
    draw = b"q 595 0 0 842 0 0 cm /I Do Q"
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            _PAGE % b"/XObject << /I 5 0 R >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw),
            b"<< %s /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (head, len(jpeg), jpeg),
        ]
    )


def photo(width: int = 1200, height: int = 1600, form: str = "JPEG") -> bytes:
    """A picture with some writing on it."""
    picture = Image.new("RGB", (width, height), (236, 232, 224))
    ImageDraw.Draw(picture).text((40, 40), "ORDONNANCE", fill=(20, 20, 60))
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says that it is immense."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def cda(
    patient: Identity | None = None,
    *,
    ids: str | None = None,
    family: str | None = None,
    given: str = '<given qualifier="BR">{given}</given>',
    birth: str | None = None,
    sex: str | None = None,
    code: str = "57833-6",
    body: bytes | None = None,
    extra: str = "",
    section: str = "",
) -> bytes:
    """A clinical document about the patient, well-formed unless a piece is replaced."""
    if patient is not None:
        ids = ids if ids is not None else f'<id extension="{patient.ins.matricule}" root="{patient.ins.oid}"/>'
        family = family if family is not None else f'<family qualifier="BR">{patient.family}</family>'
        given = given.format(given=patient.given)
        birth = birth if birth is not None else f'<birthTime value="{patient.birth_date.replace("-", "")}"/>'
        sex = sex if sex is not None else f'<administrativeGenderCode code="{patient.sex}"/>'
    carried = base64.b64encode(body or b"").decode()
    inside = f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{carried}</text></nonXMLBody>'
    structured = f"<structuredBody><component><section><text>{section}</text></section></component></structuredBody>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="FR"/><id root="2.25.1" extension="doc1"/>
<code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>Document inventé</title>
<effectiveTime value="20260601090000+0200"/><confidentialityCode code="N"/><languageCode code="fr-FR"/>
<recordTarget><patientRole>{ids or ""}<id extension="local-7" root="1.2.3.4"/>
<patient><name>{family or ""}{given}</name>{sex or ""}{birth or ""}</patient></patientRole></recordTarget>
<author><assignedAuthor><id extension="899000042015" root="1.2.250.1.71.4.2.1"/>
<assignedPerson><name><family>INVENTÉE</family><given>Hélène</given></name></assignedPerson></assignedAuthor></author>
{extra}<component>{structured if body is None else inside}</component></ClinicalDocument>""".encode()
