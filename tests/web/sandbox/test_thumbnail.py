"""Thumbnails of message parts, and images that attack the server (threat W15)."""

import io
import struct
import sys
import zlib

import pytest
from PIL import Image

from lazr.smtptest._util.child_process import run_in_child_process
from lazr.smtptest.web.sandbox.thumbnail_worker import MAX_PIXELS
from tests.helpers.mime_messages import build_message_with_files

RED, GREEN, WHITE = (255, 0, 0), (0, 128, 0), (255, 255, 255)


def make_image(size, color, kind="PNG", mode="RGB", **more):
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, kind, **more)
    return out.getvalue()


def make_two_color_image(size, kind="PNG", **more):
    """Return an image that is red on the left and green on the right."""
    out = io.BytesIO()
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    image.save(out, kind, **more)
    return out.getvalue()


def get_thumbnail(rest_api, data, kind="image/png", name="a.png"):
    rest_api.add_mail(build_message_with_files((kind, name, data)))
    answer = rest_api.http.get("/api/v1/message/latest/part/2/thumb")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == ("JPEG", (180, 120))
    return image.convert("RGB")


def is_near(pixel, color):
    return all(abs(value - wanted) < 12 for value, wanted in zip(pixel, color, strict=True))


def is_blank(image):
    return all(is_near(pixel, WHITE) for pixel in image.get_flattened_data())


ROTATED = Image.Exif()


ROTATED[0x0112] = 6


# The expected colors in the middle and in a corner.
IMAGES = {
    "a PNG": (make_image((400, 300), RED), RED, RED),
    "a JPEG": (make_image((400, 300), RED, "JPEG"), RED, RED),
    "a photo": (make_image((4000, 3000), RED, "JPEG"), RED, RED),
    "a photo on its side": (make_image((300, 400), RED, "JPEG", exif=ROTATED), RED, RED),
    "a GIF": (make_image((400, 300), RED, "GIF"), RED, RED),
    "a WebP": (make_image((400, 300), RED, "WEBP"), RED, RED),
    "a BMP": (make_image((400, 300), RED, "BMP"), RED, RED),
    "for print": (make_image((400, 300), (0, 255, 255, 0), "JPEG", "CMYK"), RED, RED),
    "grey": (make_image((400, 300), 255, "PNG", "L"), WHITE, WHITE),
    "black and white": (make_image((400, 300), 1, "PNG", "1"), WHITE, WHITE),
    "see-through": (make_image((400, 300), (255, 0, 0, 0), "PNG", "RGBA"), WHITE, WHITE),
    "small": (make_image((100, 100), RED), RED, WHITE),
    "wide": (make_image((1000, 100), RED), RED, WHITE),
    "high": (make_image((100, 1000), RED), RED, WHITE),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_thumbnail_is_a_jpeg_of_180_by_120(rest_api, kind):
    data, middle, corner = IMAGES[kind]
    image = get_thumbnail(rest_api, data)

    assert is_near(image.getpixel((90, 60)), middle) and is_near(image.getpixel((1, 1)), corner)


def test_large_image_is_cropped(rest_api):
    image = get_thumbnail(rest_api, make_two_color_image((1000, 300)))

    assert is_near(image.getpixel((40, 60)), RED) and is_near(image.getpixel((140, 60)), GREEN)


def test_exif_orientation_is_applied(rest_api):
    image = get_thumbnail(rest_api, make_two_color_image((300, 400), "JPEG", exif=ROTATED), "image/jpeg")

    assert is_near(image.getpixel((90, 10)), RED) and is_near(image.getpixel((90, 110)), GREEN)


def make_png(width, height, *chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in ((b"IHDR", head), *chunks, (b"IEND", b"")))


def make_webp(width, height):
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + struct.pack("<I", width - 1)[:3]
    body += struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", len(body)) + body


UNREADABLE_PARTS = {
    "a document": ("application/pdf", b"%PDF"),
    "an image of another type": ("application/octet-stream", make_image((400, 300), RED)),
    "nothing": ("image/png", b""),
    "text": ("image/png", b"not an image"),
    "cut off": ("image/png", make_image((400, 300), RED)[:200]),
    "SVG": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    "TIFF": ("image/tiff", make_image((400, 300), RED, "TIFF")),
    "PPM": ("image/png", make_image((400, 300), RED, "PPM")),
    "ICO": ("image/png", make_image((400, 300), (1, 0, 0), "ICO")),
    "a bomb": ("image/png", make_png(100_000, 100_000, (b"IDAT", zlib.compress(bytes(1000))))),
    "a huge PNG": ("image/png", make_png(2**31 - 1, 2**31 - 1, (b"IDAT", b""))),
    "a huge WebP": ("image/webp", make_webp(16383, 16383)),
    "a huge GIF": ("image/gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";"),
}


@pytest.mark.parametrize("name", UNREADABLE_PARTS)
def test_thumbnail_of_an_unreadable_part_is_blank(rest_api, name):
    content_type, data = UNREADABLE_PARTS[name]

    assert is_blank(get_thumbnail(rest_api, data, content_type))


def test_thumbnail_of_a_document_does_not_need_pillow(rest_api, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)

    assert is_blank(get_thumbnail(rest_api, b"%PDF", "application/pdf"))


def test_thumbnail_of_a_picture_without_pillow_returns_501(rest_api, monkeypatch):
    rest_api.add_mail(build_message_with_files(("image/png", "a.png", make_image((9, 9), RED))))
    monkeypatch.setitem(sys.modules, "PIL", None)
    answer = rest_api.http.get("/api/v1/message/latest/part/2/thumb")

    assert (answer.status_code, answer.headers["content-type"]) == (501, "text/plain")
    assert answer.text == 'thumbnails of pictures need pillow: pip install "lazr.smtptest[thumbnails]"\n'


@pytest.mark.parametrize(("size", "blank"), [((4000, 4000), False), ((4000, 4001), True)])
def test_image_above_16_megapixels_is_not_decoded(rest_api, size, blank):
    assert size[0] * size[1] - MAX_PIXELS in (0, 4000)
    assert is_blank(get_thumbnail(rest_api, make_image(size, 0, "PNG", "1"))) is blank


def test_modules_of_the_current_directory_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "PIL.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)

    assert run_in_child_process("lazr.smtptest.web.sandbox.thumbnail_worker", make_image((9, 9), RED)).startswith(
        b"\xff\xd8"
    )


@pytest.mark.parametrize("number", ["0", "1", "3", "x", "..%2f..%2fraw"])
def test_unknown_part_returns_404(rest_api, number):
    mail_id = rest_api.add_mail(build_message_with_files(("image/png", "a.png", make_image((9, 9), RED))))

    for path in (f"{mail_id}/part/{number}", "none/part/2"):
        assert rest_api.http.get(f"/api/v1/message/{path}/thumb").status_code == 404


def test_thumbnail_has_headers_of_a_file(rest_api):
    rest_api.add_mail(build_message_with_files(("image/png", "a\t;.png", make_image((9, 9), RED))))
    answer = rest_api.http.get("/api/v1/message/latest/part/2/thumb")

    assert answer.headers["content-disposition"] == "inline; filename=a__.png; filename*=UTF-8''a_%3B.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
