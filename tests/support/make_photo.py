"""Makes ops/demo_data/ordonnance_photo.jpg: the invented prescription as a phone sees it on a table.

Run: python -m tests.support.make_photo. The picture is committed; this script says how it was made.
"""

import math
import random
from io import BytesIO
from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFilter

import ops
from ops.demo_files import PHOTO, PHOTO_DATE, demo_patient, prescription_pdf

SIZE = (1200, 1600)
_TABLE = (104, 78, 58)


def paper() -> Image.Image:
    """The sheet itself, off-white, with a signature by hand."""
    page = pypdfium2.PdfDocument(prescription_pdf(demo_patient(), PHOTO_DATE))[0]
    sheet = page.render(scale=1.8).to_pil().convert("RGB")
    draw = ImageDraw.Draw(sheet)
    turns = [step / 6 for step in range(150)]
    loops = [(16 * math.sin(2 * t), 44 * math.exp(-t / 9) * math.cos(2 * t + 1)) for t in turns]
    points = [(690 + 11 * t + x, 1120 - 2 * t - y) for t, (x, y) in zip(turns, loops, strict=True)]
    draw.line(points, fill=(28, 36, 120), width=3, joint="curve")
    cream = Image.new("RGB", sheet.size, (250, 246, 236))
    return Image.blend(sheet, cream, 0.12)


def on_table(sheet: Image.Image) -> Image.Image:
    """Seen a little from the side, a little turned."""
    scene = _table()
    corners = [(92, 70), (1098, 96), (1152, 1536), (54, 1512)]
    shade = Image.new("L", SIZE, 0)
    ImageDraw.Draw(shade).polygon([(x + 14, y + 18) for x, y in corners], fill=150)
    scene.paste((30, 22, 18), mask=shade.filter(ImageFilter.GaussianBlur(16)))
    numbers = _perspective(corners, sheet.size)
    seen = sheet.transform(SIZE, Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC)
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    scene.paste(seen, mask=mask.filter(ImageFilter.GaussianBlur(1)))
    return scene


def lit(scene: Image.Image) -> Image.Image:
    """A lamp on the left, the phone's own shadow over the lower right corner, the sensor's noise."""
    light = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(light)
    draw.polygon([(760, 1600), (1200, 760), (1200, 1600)], fill=150)
    draw.polygon([(0, 0), (1200, 0), (1200, 240)], fill=228)
    light = light.filter(ImageFilter.GaussianBlur(120))
    dark = scene.point([int(level * 0.45) for level in range(256)] * 3)
    scene = Image.composite(scene, dark, light).filter(ImageFilter.GaussianBlur(0.7))
    return Image.blend(scene, _noise(), 0.045)


def _table() -> Image.Image:
    """Wood: stripes of nearly one brown."""
    draw_from = random.Random(7)
    column = Image.new("RGB", (SIZE[0], 1))
    level = 0.0
    for x in range(SIZE[0]):
        level = 0.96 * level + draw_from.uniform(-3, 3)
        column.putpixel((x, 0), tuple(int(channel + level) for channel in _TABLE))
    return column.resize(SIZE)


def _noise() -> Image.Image:
    draw_from = random.Random(11)
    grey = Image.frombytes("L", SIZE, draw_from.randbytes(SIZE[0] * SIZE[1]))
    return grey.filter(ImageFilter.GaussianBlur(0.8)).convert("RGB")


def _perspective(corners: list[tuple[int, int]], size: tuple[int, int]) -> list[float]:
    """The eight numbers that Pillow wants: from a point of the scene to a point of the sheet."""
    targets = [(0, 0), (size[0], 0), size, (0, size[1])]
    rows = []
    for (x, y), (u, v) in zip(corners, targets, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    return _solve(rows)


def _solve(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan, with pivots."""
    count = len(rows)
    for at in range(count):
        best = max(range(at, count), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for other in range(count):
            if other != at:
                factor = rows[other][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [row[-1] for row in rows]


def main() -> None:
    photo = lit(on_table(paper()))
    for quality in range(80, 30, -4):
        kept = BytesIO()
        photo.save(kept, "JPEG", quality=quality, optimize=True)
        if kept.tell() <= 150_000:
            break
    target = Path(ops.__file__).parent / "demo_data" / PHOTO
    target.write_bytes(kept.getvalue())
    print(f"{target}: {kept.tell()} bytes, quality {quality}")


if __name__ == "__main__":
    main()
