"""RapidOCR alone, run by a Python that has it: paths of pictures on standard input, a JSON line of text for each.

pip install rapidocr onnxruntime    # in an environment of its own; the models come with the package
"""

import json
import sys

from rapidocr import RapidOCR


def main() -> None:
    reader = RapidOCR()
    for line in sys.stdin:
        found = reader(line.rstrip("\n"))
        pairs = zip(found.boxes, found.txts, strict=True) if found.txts else ()
        rows = sorted((float(box[:, 1].mean()), float(box[0][0]), text) for box, text in pairs)
        print(json.dumps({"text": "\n".join(text for _y, _x, text in rows)}), flush=True)


if __name__ == "__main__":
    main()
