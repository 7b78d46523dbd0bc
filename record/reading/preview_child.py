"""The process that draws one page for people: little memory, nothing of ours in it; JPEG on standard output."""

import io
import resource
import sys
from contextlib import suppress

from PIL import Image, ImageOps

PIXELS = 60_000_000


def drawn(data: bytes, kind: str, page: int, longest: int) -> Image.Image:
    """The page in colours, upright as far as the file says so."""
    if kind == "pdf":
        import pypdfium2

        document = pypdfium2.PdfDocument(data)
        sheet = document[page - 1]
        scale = longest / max(sheet.get_width(), sheet.get_height(), 1.0)
        page_drawn: Image.Image = sheet.render(scale=min(scale, 6.0)).to_pil()
        return page_drawn.convert("RGB")
    picture = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF"))
    picture.seek(page - 1)
    picture.draft("RGB", (longest, longest))
    if picture.width * picture.height > PIXELS:
        raise OverflowError
    upright = ImageOps.exif_transpose(picture)
    ground = Image.new("RGB", upright.size, "white")
    layer = upright.convert("RGBA")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ImageOps.contain(ground, (longest, longest))


def main() -> None:
    kind = sys.argv[1]
    page, longest, memory, cpu_seconds = (int(word) for word in sys.argv[2:6])
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    Image.MAX_IMAGE_PIXELS = PIXELS * 2
    drawn(sys.stdin.buffer.read(), kind, page, longest).save(sys.stdout.buffer, "JPEG", quality=82)


if __name__ == "__main__":
    main()
