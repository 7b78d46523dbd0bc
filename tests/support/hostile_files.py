"""Files that no reader of the record takes, each kind with what is said of each; made when they are asked for."""

import json
import struct
from collections.abc import Callable

from record.unpack.facts import Problem
from record.unpack.limits import ARCHIVE_BYTES, ARCHIVE_FILES
from tests.support.record_files import photo, text_pdf
from tests.support.record_world import person
from tests.support.wrapped_files import EXPLICIT, binary, bundle, dicom, element, open_sequence, reference
from tests.support.xdm_files import Part, line, metadata, raw_zip, xdm, zipped

Cases = dict[str, tuple[Callable[[], bytes], Problem]]

INS = person().ins
PAGE = text_pdf("bonjour")
GOOD = Part(b"a/b.txt", b"hello")
ZEROS = b"\0" * 1_000_000
RTF_HEAD = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\colortbl;\red0\green0\blue0;}{\*\generator Riched20;}"
)


def nested(depth: int) -> bytes:
    """DICOM sequences, one in the other."""
    data = b""
    for _ in range(depth):
        data = open_sequence(0x0040_A375, data)
    return data


ZIP_FILES: Cases = {
    "up": (lambda: raw_zip(Part(b"../x", b"x")), Problem.TRAVERSAL),
    "up in the middle": (lambda: raw_zip(Part(b"a/../../x", b"x")), Problem.TRAVERSAL),
    "absolute": (lambda: raw_zip(Part(b"/etc/passwd", b"x")), Problem.TRAVERSAL),
    "backslash": (lambda: raw_zip(Part(b"..\\x", b"x")), Problem.TRAVERSAL),
    "drive": (lambda: raw_zip(Part(b"C:/x", b"x")), Problem.TRAVERSAL),
    "up only in the other name": (
        lambda: raw_zip(Part(b"\xe9", b"x", extra=struct.pack("<HHBI", 0x7075, 9, 1, 0) + b"../x")),
        Problem.TRAVERSAL,
    ),
    "another name beside": (
        lambda: raw_zip(Part(b"a.txt", b"x", extra=struct.pack("<HHBI", 0x7075, 10, 1, 0) + b"b.txt")),
        Problem.AMBIGUOUS,
    ),
    "symlink": (lambda: raw_zip(Part(b"link", b"/etc/passwd", external=0o120777 << 16, maker=3 << 8)), Problem.SYMLINK),
    "symlink said to be of DOS": (lambda: raw_zip(Part(b"link", b"x", external=0o120777 << 16)), Problem.SYMLINK),
    "pipe": (lambda: raw_zip(Part(b"pipe", b"x", external=0o010666 << 16, maker=3 << 8)), Problem.AMBIGUOUS),
    "encrypted": (lambda: raw_zip(Part(b"a", b"x", flags=1)), Problem.ENCRYPTED),
    "strongly encrypted": (lambda: raw_zip(Part(b"a", b"x", flags=0x41)), Problem.ENCRYPTED),
    "masked directory": (lambda: raw_zip(Part(b"a", b"x", flags=0x2000)), Problem.ENCRYPTED),
    "unknown method": (lambda: raw_zip(Part(b"a", b"x", method=12)), Problem.TYPE_NOT_TAKEN),
    "ratio": (lambda: raw_zip(Part(b"a", ZEROS)), Problem.BOMB),
    "more than promised": (lambda: raw_zip(Part(b"a", ZEROS, size=100)), Problem.BOMB),
    "less than promised": (lambda: raw_zip(Part(b"a", b"x" * 10, size=20)), Problem.BROKEN),
    "total": (lambda: raw_zip(*(Part(b"%d" % n, size=2**31, packed=b"x" * (2**18)) for n in range(3))), Problem.BOMB),
    "count": (lambda: raw_zip(*(Part(b"%d" % n) for n in range(ARCHIVE_FILES + 1))), Problem.TOO_MANY_FILES),
    "count that lies": (lambda: raw_zip(GOOD, count=2), Problem.BROKEN),
    "an entry not counted": (lambda: raw_zip(GOOD, Part(b"hidden", b"x"), count=1), Problem.AMBIGUOUS),
    "two entries, one header": (
        lambda: raw_zip(GOOD, Part(b"a/b.txt2", b"hello", header_at=0, absent=True)),
        Problem.OVERLAP,
    ),
    "quoted overlap": (
        lambda: raw_zip(Part(b"a", b"y" * 200, method=0), Part(b"b", b"x", header_at=50, absent=True)),
        Problem.OVERLAP,
    ),
    "content runs into the directory": (
        lambda: raw_zip(Part(b"a", b"x", method=0)).replace(struct.pack("<II", 1, 1), struct.pack("<II", 99, 99)),
        Problem.OVERLAP,
    ),
    "another name in front": (lambda: raw_zip(Part(b"a.txt", b"x", local_name=b"b.txt")), Problem.AMBIGUOUS),
    "the same name twice": (lambda: raw_zip(GOOD, Part(b"A/B.TXT", b"other")), Problem.AMBIGUOUS),
    "bytes in front": (lambda: raw_zip(GOOD, front=b"MZ" + b"\0" * 50), Problem.AMBIGUOUS),
    "a file between": (lambda: raw_zip(GOOD, between=b"PK\3\4" + b"\0" * 40), Problem.AMBIGUOUS),
    "two ends": (lambda: raw_zip(GOOD, comment=b"PK\5\6" + b"\0" * 18), Problem.AMBIGUOUS),
    "wrong sum": (lambda: raw_zip(Part(b"a", b"x", crc=1)), Problem.BROKEN),
    "torn": (lambda: raw_zip(GOOD)[:-10], Problem.BROKEN),
    "no name": (lambda: raw_zip(Part(b"", b"x")), Problem.AMBIGUOUS),
    "control in the name": (lambda: raw_zip(Part(b"a\0.pdf", b"x")), Problem.AMBIGUOUS),
    "right to left": (lambda: raw_zip(Part("a\u202efdp.exe".encode(), b"x", flags=0x800)), Problem.AMBIGUOUS),
    "long name": (lambda: raw_zip(Part(b"a" * 256, b"x")), Problem.AMBIGUOUS),
    "wide sizes": (lambda: raw_zip(Part(b"a", b"x", size=0xFFFFFFFF)), Problem.AMBIGUOUS),
    "folder with content": (lambda: raw_zip(Part(b"a/", b"x")), Problem.AMBIGUOUS),
    "nothing": (lambda: b"", Problem.BROKEN),
    "too large": (lambda: b"PK\3\4" + b"\0" * ARCHIVE_BYTES, Problem.TOO_LARGE),
}

XDM_FILES: Cases = {
    "no metadata": (lambda: zipped({"a.txt": b"x"}), Problem.NOT_XDM),
    "xxe": (
        lambda: zipped({"S/METADATA.XML": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'}),
        Problem.DOCTYPE,
    ),
    "laughs": (
        lambda: zipped({"S/METADATA.XML": b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'}),
        Problem.DOCTYPE,
    ),
    "deep": (lambda: zipped({"S/METADATA.XML": b"<a>" * 20_000 + b"</a>" * 20_000}, 0), Problem.BROKEN),
    "wide": (lambda: zipped({"S/METADATA.XML": b"<a>" + b"<b c='1'/>" * 110_000 + b"</a>"}, 0), Problem.TOO_LARGE),
    "many lines": (lambda: zipped({"S/METADATA.XML": metadata(*[line("x", b"", INS)] * 101)}), Problem.TOO_MANY_FILES),
    "nothing said": (lambda: zipped({"S/METADATA.XML": metadata()}), Problem.NO_DOCUMENT),
    "broken": (lambda: zipped({"S/METADATA.XML": b"<rim:a><b></rim:a>"}), Problem.BROKEN),
    "archive inside": (lambda: xdm(zipped({"a": b"x"}), INS), Problem.NESTED),
    "fhir inside": (lambda: xdm(b'{"resourceType":"Patient"}', INS), Problem.TYPE_NOT_TAKEN),
    "laughs inside": (lambda: xdm(b'<!DOCTYPE a [<!ENTITY x "ha">]><a>&x;</a>', INS), Problem.DOCTYPE),
    "page inside": (lambda: xdm(b"<html><script>alert(1)</script></html>", INS), Problem.UNKNOWN_TYPE),
    "polyglot inside": (lambda: xdm(photo() + PAGE, INS), Problem.POLYGLOT),
    "too large inside": (lambda: xdm(bytes(range(256)) * 25_000, INS), Problem.BOMB),
    "link": (lambda: raw_zip(Part(b"S/METADATA.XML", b"/etc/passwd", external=0o120777 << 16)), Problem.SYMLINK),
}

FHIR_FILES: Cases = {
    "deep": (lambda: b'{"resourceType":"Bundle","entry":' + b"[" * 5000 + b"]" * 5000 + b"}", Problem.TOO_DEEP),
    "deep objects": (lambda: b'{"a":' * 100_000, Problem.TOO_DEEP),
    "bare brackets": (lambda: b"[" * 1_000_000, Problem.TOO_LARGE),
    "same key twice": (lambda: b'{"resourceType":"Binary","data":"QQ==","data":"Qg=="}', Problem.DUPLICATE_KEY),
    "same key, escaped": (
        lambda: b'{"resourceType":"Binary","data":"QQ==","d\\u0061ta":"Qg=="}',
        Problem.DUPLICATE_KEY,
    ),
    "long number": (lambda: b'{"resourceType":"Binary","size":' + b"9" * 100_000 + b"}", Problem.BROKEN),
    "large exponent": (lambda: b'{"resourceType":"Patient","size":1e999999999}', Problem.NO_DOCUMENT),
    "not a number": (lambda: b'{"resourceType":"Patient","size":NaN}', Problem.BROKEN),
    "wide": (lambda: b'{"resourceType":"Bundle","entry":[' + b"0," * 300_000 + b"0]}", Problem.TOO_LARGE),
    "many": (lambda: json.dumps(bundle(*[("u", reference(INS, b"x"))] * 101)).encode(), Problem.TOO_MANY_FILES),
    "not closed": (lambda: b'{"resourceType":"Binary', Problem.BROKEN),
    "never closed": (lambda: b'{"' + b'\\"' * 2_000_000, Problem.BROKEN),
    "tail": (lambda: b'{"resourceType":"Binary"} {}', Problem.BROKEN),
    "wrong octets": (lambda: b'{"resourceType":"\xff"}', Problem.ENCODING),
    "another resource": (lambda: b'{"resourceType":"Patient","id":"x"}', Problem.NO_DOCUMENT),
    "no resource": (lambda: b'{"hello":"world"}', Problem.NO_DOCUMENT),
    "list": (lambda: b'[{"resourceType":"Binary"}]', Problem.NO_DOCUMENT),
    "wrong types": (lambda: b'{"resourceType":["Bundle"],"entry":7}', Problem.NO_DOCUMENT),
    "no base64": (lambda: b'{"resourceType":"Binary","data":"%%%"}', Problem.BROKEN),
    "archive": (lambda: json.dumps(binary(b"PK\3\4" + b"\0" * 40)).encode(), Problem.NESTED),
    "program": (lambda: json.dumps(binary(b"MZ\x90\0")).encode(), Problem.UNKNOWN_TYPE),
    "laughs": (lambda: json.dumps(binary(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).encode(), Problem.DOCTYPE),
    "too large": (lambda: json.dumps(binary(b"a" * (6 * 2**20))).encode(), Problem.TOO_LARGE),
}

DICOM_FILES: Cases = {
    "torn": (lambda: dicom()[:200], Problem.BROKEN),
    "torn in the meta group": (lambda: dicom()[:150], Problem.BROKEN),
    "no class": (
        lambda: b"\0" * 128 + b"DICM" + element(2 << 16 | 0x10, "UI", EXPLICIT) + element(0x0008_0060, "CS", "CT"),
        Problem.BROKEN,
    ),
    "no syntax": (lambda: b"\0" * 128 + b"DICM" + element(0x0008_0060, "CS", "CT"), Problem.BROKEN),
    "deflated": (lambda: dicom(syntax="1.2.840.10008.1.2.1.99"), Problem.TYPE_NOT_TAKEN),
    "length beyond the end": (
        lambda: dicom(more=struct.pack("<HH2sHI", 0x20, 0x4000, b"UT", 0, 2**31)),
        Problem.BROKEN,
    ),
    "sequence beyond the end": (
        lambda: dicom(more=struct.pack("<HH2sHI", 0x40, 0xA375, b"SQ", 0, 2**31)),
        Problem.BROKEN,
    ),
    "deep": (lambda: dicom(more=nested(30)), Problem.TOO_DEEP),
    "many": (lambda: dicom(more=element(0x0020_4000, "LT", "") * 30_000), Problem.TOO_LARGE),
    "program in front": (lambda: dicom(preamble=b"MZ" + b"\0" * 126), Problem.POLYGLOT),
    "page in front": (lambda: dicom(preamble=b"<html>" + b" " * 122), Problem.POLYGLOT),
    "pdf in front": (lambda: dicom(preamble=b"%PDF-1.7" + b" " * 120), Problem.POLYGLOT),
}

RTF_FILES: Cases = {
    "object": (lambda: RTF_HEAD + rb"{\object\objemb{\*\objdata 0105}}}", Problem.ACTIVE),
    "linked object": (lambda: RTF_HEAD + rb"{\object\objautlink}}", Problem.ACTIVE),
    "template": (lambda: RTF_HEAD + rb"{\*\template http://a.example/x.dotm}}", Problem.ACTIVE),
    "dde": (lambda: RTF_HEAD + rb'{\field{\*\fldinst DDEAUTO c:\\x "cmd"}}}', Problem.ACTIVE),
    "picture from outside": (
        lambda: RTF_HEAD + rb'{\field{\*\fldinst {\f0 INCLUDEPICTURE "http://a/x"}}}}',
        Problem.ACTIVE,
    ),
    "binary": (lambda: RTF_HEAD + rb"{\pict\bin9 }}", Problem.ACTIVE),
    "deep": (lambda: RTF_HEAD + b"{" * 5000 + b"}" * 5001, Problem.TOO_DEEP),
    "many": (lambda: RTF_HEAD + b"{}" * 150_000 + b"}", Problem.TOO_LARGE),
    "many fields": (lambda: RTF_HEAD + rb"\fldinst " * 190_000, Problem.BROKEN),
    "not closed": (lambda: RTF_HEAD + b"text", Problem.BROKEN),
    "ends in the middle of a word": (lambda: RTF_HEAD + b"\\", Problem.BROKEN),
    "tail": (lambda: RTF_HEAD + b"}<html><script>", Problem.POLYGLOT),
    "second file": (lambda: RTF_HEAD + b"}" + RTF_HEAD + b"}", Problem.POLYGLOT),
    "long": (lambda: RTF_HEAD + b"a" * 600_000 + b"}", Problem.TOO_LARGE),
}

KINDS = {"zip": ZIP_FILES, "xdm": XDM_FILES, "fhir": FHIR_FILES, "dicom": DICOM_FILES, "rtf": RTF_FILES}
