"""`pli record unpack --json` on hostile files, as an operator runs it: each in a process of its own with 5 s of CPU.

Every one is refused or told with its problem, by one line of JSON; the process holds at most 256 MB and ends well.
"""

import json
import resource
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from record.unpack.facts import Problem
from tests.support.hostile_files import KINDS
from tests.support.house import ROOT
from tests.support.record_files import cda, photo, png_claiming, text_pdf
from tests.support.record_world import person
from tests.support.xdm_files import zipped

pytestmark = pytest.mark.slow
# `pli` itself, which writes down its own peak: what wait4 tells holds this test's memory, too, from before the exec.
LAUNCH = """import atexit, sys
place = sys.argv.pop(1)
atexit.register(lambda: open(place, "w").write(open("/proc/self/status").read()))
from ops.cli.main import main
main()"""
CPU_SECONDS, MEMORY = 5, 256 * 1024 * 1024
WORDS = {word.value for word in Problem}


def zip_of(name: str, data: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def entity(inside: str) -> bytes:
    return f'<?xml version="1.0"?>{inside}<ClinicalDocument xmlns="urn:hl7-org:v3">&z;</ClinicalDocument>'.encode()


LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghiz", strict=True))
OWN = {  # made when they are asked for
    "billion laughs.xml": lambda: entity(f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>'),
    "quadratic.xml": lambda: entity(f'<!DOCTYPE x [<!ENTITY z "{"x" * 100_000}">]>').replace(b"&z;", b"&z;" * 10_000),
    "external entity.xml": lambda: entity('<!DOCTYPE x [<!ENTITY z SYSTEM "file:///etc/passwd">]>'),
    "parameter entity.xml": lambda: entity('<!DOCTYPE x [<!ENTITY % z SYSTEM "http://127.0.0.1:9/x">%z;]>'),
    "deep.xml": lambda: b"<a>" * 200_000 + b"</a>" * 200_000,
    "wide.xml": lambda: b'<ClinicalDocument xmlns="urn:hl7-org:v3">' + b"<a/>" * 1_200_000 + b"</ClinicalDocument>",
    "attributes.xml": lambda: b"<a " + b" ".join(b'a%d="x"' % n for n in range(100_000)) + b"/>",
    "huge.xml": lambda: cda(person()).replace(b"<title>", b"<title>" + b"x" * 6_000_000),
    "zip bomb.zip": lambda: zip_of("IHE_XDM/SUBSET01/METADATA.XML", bytes(300_000_000)),
    "nested.zip": lambda: zipped({"IHE_XDM/S/METADATA.XML": b"<x/>", "a.zip": zip_of("b.zip", zip_of("c", b"x"))}),
    "zip-slip.zip": lambda: zip_of("../../../../etc/cron.d/pli", b"* * * * * root id"),
    "absolute.zip": lambda: zip_of("/etc/passwd", b"x"),
    "many.zip": lambda: zipped({f"S/{n}": b"" for n in range(5_000)}),
    "pixel flood.png": lambda: png_claiming(65_500, 65_500),
    "launch.pdf": lambda: text_pdf("x", catalog=b"/OpenAction << /Type /Action /S/Launch /F (calc.exe) >>"),
    "polyglot.pdf": lambda: text_pdf("Ordonnance") + zip_of("METADATA.XML", b"<x/>"),
    "polyglot.jpg": lambda: photo() + zip_of("METADATA.XML", b"<x/>"),
    "script.pdf": lambda: text_pdf("x", catalog=b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
    "not.pdf": lambda: b"%PDF-1.7\n" + b"\0" * 1000,
    "program.pdf": lambda: b"MZ" + b"\0" * 4000,
    "html.txt": lambda: b"<html><script>alert(1)</script></html>" + b"\x00",
    "empty.pdf": lambda: b"",
    "headers.eml": lambda: (
        b"From: a@b.test\r\nTo: c@d.test\r\nMIME-Version: 1.0\r\n" + b"X: " + b"y" * 3_000_000 + b"\r\n\r\nx"
    ),
    "parts.eml": lambda: (
        b"From: a@b.test\r\nTo: c@d.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nx\r\n" * 60_000
    ),
    "deep.json": lambda: b'{"resourceType":"Bundle","entry":' + b"[" * 100_000,
    "numbers.json": lambda: b'{"resourceType":"Bundle","total":' + b"9" * 1_000_000 + b"}",
}
GATHERED = {f"{kind} {name}.bin": make for kind, cases in KINDS.items() for name, (make, _) in cases.items()}


def unpacked(*paths: Path) -> tuple[list[dict], int]:
    """What the command says of each, and the memory that its processes held at most, in octets."""

    def bounds() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS * len(paths), CPU_SECONDS * len(paths)))

    place = paths[0].with_name("status")
    command = [sys.executable, "-c", LAUNCH, str(place), "record", "unpack", "--json", *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, preexec_fn=bounds, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    peak = next(line for line in place.read_text().splitlines() if line.startswith("VmHWM"))
    return [json.loads(line) for line in done.stdout.splitlines()], int(peak.split()[1]) * 1024


def judge(told: dict) -> None:
    """Nothing taken in silence, and every word is of the closed list."""
    problems = [word for document in told["documents"] for word in document["problems"]]
    assert told["refused"] in WORDS or (told["refused"] is None and problems), told
    assert told["refused"] is None or not told["documents"]


@pytest.mark.parametrize("name", OWN)
def test_each_is_refused_within_its_bounds(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(OWN[name]())
    (told,), memory = unpacked(path)
    assert told["file"] == str(path) and memory <= MEMORY
    judge(told)


def test_all_others_that_the_readers_know(tmp_path: Path) -> None:
    paths = []
    for number, make in enumerate(GATHERED.values()):
        paths.append(tmp_path / f"{number}.bin")
        paths[-1].write_bytes(make())
    told, memory = unpacked(*paths)
    assert len(told) == len(paths) and memory <= MEMORY
    for name, each in zip(GATHERED, told, strict=True):
        assert each["refused"] in WORDS or any(document["problems"] for document in each["documents"]), name
