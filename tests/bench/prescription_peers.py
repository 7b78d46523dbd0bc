"""Other readers of the same picture: Tesseract alone, RapidOCR alone, Tesseract with edsnlp (AP-HP's clinical NLP).

The last two run in a Python of their own that has them: pip install rapidocr onnxruntime edsnlp. The first two are
given our rules for lines; edsnlp finds names and strengths by its own. None has our preparation, second look and
reference data.
"""

import io
import json
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from record.lines import Line, propose
from record.reading.picture import Grey
from record.reading.read import Reading
from record.reading.tesseract import Tesseract


def tesseract_alone(data: bytes) -> Reading:
    return Reading(lines=propose(_tesseract(data)))


def _tesseract(data: bytes) -> str:
    """The text of the picture as it came."""
    with Image.open(io.BytesIO(data)) as opened:
        page = opened.convert("L")
    told = Tesseract().read(Grey(page.width, page.height, page.tobytes()))
    return "\n".join(line.text for line in told)


class _Child:
    """A script beside this one, run by another Python: a line in, a line of JSON out."""

    def __init__(self, python: str, script: str) -> None:
        command = [python, "-W", "ignore", str(Path(__file__).with_name(script))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, line: str) -> str:
        assert self._process.stdin and self._process.stdout
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()


class Rapid:
    """RapidOCR alone."""

    def __init__(self, python: str) -> None:
        self._child = _Child(python, "prescription_rapid.py")

    def __call__(self, data: bytes) -> Reading:
        with tempfile.NamedTemporaryFile(suffix=".png" if data[1:4] == b"PNG" else ".jpg") as kept:
            kept.write(data)
            kept.flush()
            return Reading(lines=propose(json.loads(self._child.ask(kept.name))["text"]))


class Edsnlp:
    """Tesseract's text of the picture, read by edsnlp: names and strengths, nothing else."""

    def __init__(self, python: str) -> None:
        self._child = _Child(python, "prescription_edsnlp.py")

    def __call__(self, data: bytes) -> Reading:
        found = json.loads(self._child.ask(json.dumps(_tesseract(data))))
        return Reading(lines=tuple(Line(raw="", name=each["name"], strength=each["strength"]) for each in found))
