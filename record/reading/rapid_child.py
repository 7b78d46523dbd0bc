"""The process that holds RapidOCR: grey bytes on standard input, one line of JSON on standard output, then its end.

Each box: text, confidence (0 to 1), top, bottom and left as shares of the page. Run as a script by
`record.reading.rapid`; imports nothing of ours.
"""

import json
import resource
import sys
from contextlib import suppress
from typing import Any


def main() -> None:
    width, height, memory, cpu_seconds = (int(word) for word in sys.argv[1:5])
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps(_boxes(sys.stdin.buffer.read(), width, height)))


def _boxes(pixels: bytes, width: int, height: int) -> list[list[Any]]:
    import numpy as np
    from rapidocr import RapidOCR

    grey = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width)
    found: Any = RapidOCR()(np.stack([grey] * 3, axis=-1))
    if not found.txts:
        return []
    boxes = zip(found.txts, found.scores, found.boxes, strict=True)
    return [[text, float(score), *(float(share) for share in _place(box, width, height))] for text, score, box in boxes]


def _place(box: Any, width: int, height: int) -> tuple[float, float, float]:
    return box[:, 1].min() / height, box[:, 1].max() / height, box[:, 0].min() / width


if __name__ == "__main__":
    main()
