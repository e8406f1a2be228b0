"""Scale an image in a child process: read it from standard input, and write a JPEG.

Image decoders have had security holes, and a small file can expand to more than all memory.  So the worker checks
the size in the image's header before it decodes anything, and its memory is limited.  `thumbnail` runs it.
"""

from __future__ import annotations

import io
import sys
import warnings

from PIL import Image, ImageOps

from lazr.smtptest._util.child_process import read_stdin_with_limits

__all__ = ["MAX_PIXELS", "THUMBNAIL_SIZE", "render_thumbnail"]

THUMBNAIL_SIZE = (180, 120)
MAX_PIXELS = 16 * 1000 * 1000

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
_JPEG_QUALITY = 70


def render_thumbnail(data: bytes) -> bytes:
    """Scale an image to `THUMBNAIL_SIZE`: crop a larger one, center a smaller one on white.

    Raises the exceptions of Pillow for data that is not an image of the five supported formats.
    """
    # Pillow checks this when it reads the header: it warns above the limit, and raises above twice the limit.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as source:
        # A JPEG can be decoded at a reduced size, which is faster.
        source.draft("RGB", (2 * max(THUMBNAIL_SIZE), 2 * max(THUMBNAIL_SIZE)))
        image = ImageOps.exif_transpose(source)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.width < THUMBNAIL_SIZE[0] or image.height < THUMBNAIL_SIZE[1]:
        image.thumbnail(THUMBNAIL_SIZE)
    else:
        image = ImageOps.fit(image, THUMBNAIL_SIZE)
    canvas = Image.new("RGB", THUMBNAIL_SIZE, "white")
    offset = ((THUMBNAIL_SIZE[0] - image.width) // 2, (THUMBNAIL_SIZE[1] - image.height) // 2)
    canvas.paste(image, offset, image if image.mode == "RGBA" else None)
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(render_thumbnail(read_stdin_with_limits()))
