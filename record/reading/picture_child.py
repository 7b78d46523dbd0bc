"""The process that opens pictures: the only one that decodes pixels, with little memory and nothing of ours in it.

It reads one file on standard input, writes one line of JSON (facts of each page, codes found), then the prepared pages
as grey bytes, and ends. Run as a script by `record.reading.picture`; imports nothing of ours.
"""

import io
import json
import resource
import sys
from contextlib import suppress
from typing import Any

import pypdfium2
import zxingcpp
from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps, ImageStat

TARGET = 2400  # long side in pixels at which print of a page is about 30 pixels high, what Tesseract likes
SECOND = 0.8  # the second look is at another size: what both read alike was on the paper
MOST_ENLARGED = 2.0
FAINT = 12  # of 255 levels: nothing stands out from the paper
DRAFT = (3600, 3600)  # JPEG decoders make a picture of this size or more at once from a larger one
TURNS = [step / 2 for step in range(-16, 17)]  # degrees tried to make lines level
ROUGHLY = TURNS[::4]  # enough to tell lines from columns
RIM = 0.12  # of a picture's sides
_KINDS = (zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Aztec)
_FORMATS = zxingcpp.BarcodeFormats(_KINDS)

Page = tuple[dict[str, Any], list[bytes]]


def pictures_of(data: bytes, kind: str, most_pages: int, most_pixels: int) -> list[Image.Image]:
    """The pages as grey pictures, upright as far as the file says so."""
    if kind == "pdf":
        return _rendered(data, most_pages)
    picture = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF"))
    found = []
    for number in range(min(getattr(picture, "n_frames", 1), most_pages)):
        picture.seek(number)
        picture.draft("L", DRAFT)
        if picture.width * picture.height > most_pixels:
            raise OverflowError
        found.append(_grey(ImageOps.exif_transpose(picture)))
    return found


def _rendered(data: bytes, most_pages: int) -> list[Image.Image]:
    document = pypdfium2.PdfDocument(data)
    found = []
    for number in range(min(len(document), most_pages)):
        page = document[number]
        longest = max(page.get_width(), page.get_height(), 1.0)
        found.append(page.render(scale=min(TARGET / longest, 6.0), grayscale=True).to_pil().convert("L"))
        page.close()
    document.close()
    return found


def _grey(picture: Image.Image) -> Image.Image:
    """What is transparent was white paper."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.new("RGBA", layer.size, "white")
        picture.alpha_composite(layer)
    return picture.convert("L")


def codes_of(picture: Image.Image) -> list[dict[str, str]]:
    """QR, DataMatrix and Aztec codes, whichever way they lie."""
    grey = picture if max(picture.size) <= DRAFT[0] else ImageOps.contain(picture, DRAFT)
    flat = memoryview(grey.tobytes()).cast("B", (grey.height, grey.width))
    found = zxingcpp.read_barcodes(flat, formats=_FORMATS)
    return [{"kind": code.format.name, "text": code.text[:2000]} for code in found if code.valid][:8]


def prepared(picture: Image.Image) -> Page:
    """Facts of one page, and the page as it is to be read: once for the reading, once for the second look."""
    facts: dict[str, Any] = {"width": picture.width, "height": picture.height, "codes": codes_of(picture)}
    sized = _sized(picture)
    facts["sharpness"] = round(sharpness(sized), 3)
    turned, facts["turned"] = _level(sized)
    flat = _flattened(turned)
    facts["ink"] = round(ImageStat.Stat(flat.point(_DARK)).mean[0] / 255, 4)
    small = flat.resize((int(flat.width * SECOND), int(flat.height * SECOND)), Image.Resampling.BICUBIC)
    second = small.filter(ImageFilter.UnsharpMask(2, 120, 2))
    facts["pages"] = [list(flat.size), list(second.size)]
    return facts, [flat.tobytes(), second.tobytes()]


_DARK = [255 if level < 128 else 0 for level in range(256)]


def _sized(picture: Image.Image) -> Image.Image:
    scale = min(TARGET / max(picture.size), MOST_ENLARGED)
    if 0.95 < scale < 1.05:
        return picture
    size = (max(1, int(picture.width * scale)), max(1, int(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)


def sharpness(picture: Image.Image) -> float:
    """How steep edges are beside how strong they are, where there are any: print in focus has 0.4 and more."""
    fine = ImageChops.difference(picture, picture.filter(ImageFilter.GaussianBlur(1.5)))
    coarse = ImageChops.difference(picture, picture.filter(ImageFilter.GaussianBlur(8)))
    strong = _percentile(coarse, 0.9995)
    if strong < FAINT:
        return 0.0
    edges = coarse.point([255 if level > strong / 2 else 0 for level in range(256)])
    return float(ImageStat.Stat(fine, edges).mean[0] / ImageStat.Stat(coarse, edges).mean[0])


def _percentile(picture: Image.Image, share: float) -> int:
    counts, seen = picture.histogram(), 0
    wanted = share * sum(counts)
    for level, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return level
    return 255


def _level(picture: Image.Image) -> tuple[Image.Image, float]:
    """Turn by a quarter when lines run down the page, then by the few degrees that make them level."""
    small = _edges(ImageOps.contain(picture, (700, 700)))
    turned = small.rotate(90, expand=True)
    if _best(_inner(turned), ROUGHLY)[0] > 1.6 * _best(_inner(small), ROUGHLY)[0]:
        picture, small = picture.rotate(90, expand=True, fillcolor=255), turned
    angle = _best(small, TURNS)[1]
    if abs(angle) < 0.5:
        return picture, angle
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255), angle


def _edges(picture: Image.Image) -> Image.Image:
    """Where print is: dark against its surroundings, whatever the light."""
    return ImageChops.subtract(picture.filter(ImageFilter.BoxBlur(10)), picture)


def _inner(small: Image.Image) -> Image.Image:
    """Without the edges of the sheet, which are stripes too, whichever way the lines run."""
    across, down = int(small.width * RIM), int(small.height * RIM)
    return small.crop((across, down, small.width - across, small.height - down))


def _best(small: Image.Image, turns: list[float]) -> tuple[float, float]:
    """How clear the stripes of lines are at best, and the angle of it."""
    return max((_stripes(small.rotate(angle)), angle) for angle in turns)


def _stripes(small: Image.Image) -> float:
    rows = small.resize((1, small.height), Image.Resampling.BOX)
    return float(ImageStat.Stat(rows).var[0])


def _flattened(picture: Image.Image) -> Image.Image:
    """Divided by its own background: shadows, folds and the table go, ink stays."""
    small = ImageOps.contain(picture, (300, 300)).filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(4))
    ground = small.resize(picture.size, Image.Resampling.BILINEAR).point([max(level, 40) for level in range(256)])
    divided = ImageMath.lambda_eval(
        lambda each: each["convert"](each["min"](each["ink"] * 255 / each["ground"], 255), "L"),
        ink=picture,
        ground=ground,
    )
    return ImageOps.autocontrast(divided, cutoff=(0.5, 0))


def _limit(memory: int, cpu_seconds: int) -> None:
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the document
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _answer(kind: str, most_pages: int, most_pixels: int, *, only_codes: bool) -> None:
    pictures = pictures_of(sys.stdin.buffer.read(), kind, most_pages, most_pixels)
    if only_codes:
        pages: list[Page] = [({"codes": codes_of(picture), "pages": []}, []) for picture in pictures]
    else:
        pages = [prepared(picture) for picture in pictures]
    sys.stdout.buffer.write(json.dumps([facts for facts, _grey_bytes in pages]).encode() + b"\n")
    for _facts, greys in pages:
        for grey in greys:
            sys.stdout.buffer.write(grey)


def main() -> None:
    kind, purpose = sys.argv[1:3]
    memory, cpu_seconds, most_pages, most_pixels = (int(word) for word in sys.argv[3:7])
    _limit(memory, cpu_seconds)
    Image.MAX_IMAGE_PIXELS = most_pixels * 8
    try:
        _answer(kind, most_pages, most_pixels, only_codes=purpose == "codes")
    except (MemoryError, OverflowError, Image.DecompressionBombError):
        sys.stdout.buffer.write(b'"too_large"\n')
    except Exception:  # three decoders meet hostile bytes: whatever they raise, the picture is broken
        sys.stdout.buffer.write(b'"broken"\n')


if __name__ == "__main__":
    main()
