"""A picture made small: octets on standard input, a JPEG on standard output; run by `thumbnail`, apart from us.

What decodes pictures has had holes, and small files whose picture fills all memory.  So the size that the header
tells is looked at before anything is decoded, and it happens in a process that may have no more than so much.
"""

from __future__ import annotations

import io
import sys
import warnings

from PIL import Image, ImageOps

from lazr.smtptest.web.apart import begin

__all__ = ["PIXELS", "SIZE", "small", "white"]

SIZE = (180, 120)
PIXELS = 16 * 1000 * 1000

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")


def small(octets: bytes) -> bytes:
    """The picture at `SIZE`: cut where it is larger, on white where it is smaller.

    Raises whatever Pillow does for what is no picture of the five kinds that we know.
    """
    Image.MAX_IMAGE_PIXELS = PIXELS  # looked at when the header is read; twice as many raise, and more than these warn
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(octets), formats=_FORMATS) as picture:
        picture.draft("RGB", (2 * max(SIZE), 2 * max(SIZE)))  # a JPEG need not be read in full for this
        image = ImageOps.exif_transpose(picture)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.width < SIZE[0] or image.height < SIZE[1]:
        image.thumbnail(SIZE)
    else:
        image = ImageOps.fit(image, SIZE)
    canvas = Image.new("RGB", SIZE, "white")
    place = ((SIZE[0] - image.width) // 2, (SIZE[1] - image.height) // 2)
    canvas.paste(image, place, image if image.mode == "RGBA" else None)
    return _jpeg(canvas)


def white() -> bytes:
    """What there is to be seen of all that is no picture."""
    return _jpeg(Image.new("RGB", SIZE, "white"))


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(small(begin()))
