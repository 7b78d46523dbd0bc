"""What the reading of prescriptions is given in tests: eP-MED documents, codes, and stand-ins for the OCR program."""

import io
import stat
from pathlib import Path

import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from directory.patients import Identity
from record.reading.tesseract import Tesseract

NUMBER = "01S2TBPZ2JCNZZYGHZ"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def page(*rows: str, size: int = 30) -> Image.Image:
    """A printed page, A4 at 200 dpi."""
    sheet, font = Image.new("L", (1654, 2339), 250), ImageFont.truetype(FONT, size)
    for number, row in enumerate(rows):
        ImageDraw.Draw(sheet).text((150, 150 + 50 * number), row, fill=20, font=font)
    return sheet


def file_of(picture: Image.Image, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def code(text: str, form: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.QRCode, scale: int = 6) -> Image.Image:
    """A code as a picture with its white border."""
    drawn = zxingcpp.create_barcode(text, form).to_image(scale=scale)
    height, width = drawn.shape
    return Image.frombytes("L", (width, height), bytes(memoryview(drawn)))


def with_code(
    sheet: Image.Image, text: str, form: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.QRCode
) -> Image.Image:
    sheet.paste(code(text, form), (1100, 1700))
    return sheet


def tsv(*rows: str, confidence: float = 95.0) -> str:
    """The table that tesseract prints for these rows of words."""
    found = HEAD
    for number, row in enumerate(rows):
        for place, word in enumerate(row.split()):
            found += f"5\t1\t1\t1\t{number + 1}\t{place + 1}\t10\t{100 + 40 * number}\t50\t30\t{confidence}\t{word}\n"
    return found


def stand_in(folder: Path, script: str) -> Tesseract:
    """A program called tesseract that does what the script says."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Tesseract(str(folder), wall_seconds=20)


def telling(folder: Path, table: str) -> Tesseract:
    """A program that swallows the picture and always tells this table."""
    (folder / "table.tsv").write_text(table)
    return stand_in(folder, f"cat > /dev/null; cat '{folder / 'table.tsv'}'")


def treatment(
    label: str = "LEVOTHYROX 75 microgrammes, comprimé sécable",
    cis: str = "62080626",
    *,
    times: str = '<effectiveTime><low value="20260601"/><high value="20260629"/></effectiveTime>',
    repeat: str = '<repeatNumber value="2"/>',
    dose: str = '<doseQuantity><low value="1" unit="{tablet}"/><high value="1" unit="{tablet}"/></doseQuantity>',
    extra: str = "",
) -> str:
    """One entry FR-Traitement-prescrit."""
    coded = f'<code code="{cis}" codeSystem="1.2.250.1.213.2.3.1"/>' if cis else '<code nullFlavor="NA"/>'
    material = f"<manufacturedMaterial>{coded}<name>{label}</name></manufacturedMaterial>"
    product = f"<consumable><manufacturedProduct>{material}</manufacturedProduct></consumable>"
    return f"<entry><substanceAdministration>{times}{repeat}{dose}{product}{extra}</substanceAdministration></entry>"


def kept(reason: str = "Non (Marge thérapeutique étroite)") -> str:
    """The entry that forbids substitution."""
    inner = f'<templateId root="1.2.250.1.213.1.1.3.87"/><code code="N"><originalText>{reason}</originalText></code>'
    return f"<entryRelationship><act>{inner}</act></entryRelationship>"


def _target(patient: Identity) -> str:
    name = f'<family qualifier="BR">{patient.family}</family><given qualifier="BR">{patient.given}</given>'
    born = f'<birthTime value="{patient.birth_date.replace("-", "")}"/>'
    who = f'<name>{name}</name><administrativeGenderCode code="{patient.sex}"/>{born}'
    matricule = f'<id extension="{patient.ins.matricule}" root="{patient.ins.oid}"/>'
    return f"<recordTarget><patientRole>{matricule}<patient>{who}</patient></patientRole></recordTarget>"


def e_med(*entries: str, number: str = NUMBER, told: str = "", patient: Identity | None = None) -> bytes:
    """A document eP-MED of these entries, about this patient."""
    event = f'<documentationOf><serviceEvent><id root="1.2.250.1.215.500.1.1" extension="{number}"/></serviceEvent>'
    section = f"<section><text>{told}</text>{''.join(entries)}</section>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="2.25.1"/><code code="57833-6" codeSystem="2.16.840.1.113883.6.1"/>
<title>Prescription inventée</title>{_target(patient) if patient else ""}{event}</documentationOf>
<component><structuredBody><component>{section}</component></structuredBody></component></ClinicalDocument>""".encode()
