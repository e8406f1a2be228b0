"""Thumbnails: what is in them, and what no part can do to the server: row W15 of what it is threatened by."""

import asyncio
import concurrent.futures
import io
import os
import struct
import sys
import threading
import zlib

import pytest
from PIL import Image

from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.web.apart import Failed, apart
from lazr.smtptest.web.inturn import InTurn
from lazr.smtptest.web.picture import PIXELS
from web.test_message import with_files

RED, GREEN, WHITE = (255, 0, 0), (0, 128, 0), (255, 255, 255)


def picture(size, colour, kind="PNG", mode="RGB", **more):
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **more)
    return out.getvalue()


def half(size, kind="PNG", **more):
    """Red on the left, green on the right."""
    out = io.BytesIO()
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    image.save(out, kind, **more)
    return out.getvalue()


def thumb(caught, octets, kind="image/png", name="a.png"):
    caught.mail(with_files((kind, name, octets)))
    answer = caught.http.get("/api/v1/message/latest/part/2/thumb")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == ("JPEG", (180, 120))
    return image.convert("RGB")


def near(pixel, colour):
    return all(abs(one - other) < 12 for one, other in zip(pixel, colour, strict=True))


def is_blank(image):
    return all(near(pixel, WHITE) for pixel in image.get_flattened_data())


TURNED = Image.Exif()
TURNED[0x0112] = 6


# What is in the middle, and in a corner.
PICTURES = {
    "a PNG": (picture((400, 300), RED), RED, RED),
    "a JPEG": (picture((400, 300), RED, "JPEG"), RED, RED),
    "a photo": (picture((4000, 3000), RED, "JPEG"), RED, RED),
    "a photo on its side": (picture((300, 400), RED, "JPEG", exif=TURNED), RED, RED),
    "a GIF": (picture((400, 300), RED, "GIF"), RED, RED),
    "a WebP": (picture((400, 300), RED, "WEBP"), RED, RED),
    "a BMP": (picture((400, 300), RED, "BMP"), RED, RED),
    "for print": (picture((400, 300), (0, 255, 255, 0), "JPEG", "CMYK"), RED, RED),
    "grey": (picture((400, 300), 255, "PNG", "L"), WHITE, WHITE),
    "black and white": (picture((400, 300), 1, "PNG", "1"), WHITE, WHITE),
    "see-through": (picture((400, 300), (255, 0, 0, 0), "PNG", "RGBA"), WHITE, WHITE),
    "small": (picture((100, 100), RED), RED, WHITE),
    "wide": (picture((1000, 100), RED), RED, WHITE),
    "high": (picture((100, 1000), RED), RED, WHITE),
}


@pytest.mark.parametrize("which", PICTURES)
def test_a_thumbnail_is_a_jpeg_of_180_by_120(caught, which):
    octets, middle, corner = PICTURES[which]
    image = thumb(caught, octets)

    assert near(image.getpixel((90, 60)), middle) and near(image.getpixel((1, 1)), corner)


def test_a_large_picture_is_cut_at_its_sides(caught):
    image = thumb(caught, half((1000, 300)))

    assert near(image.getpixel((40, 60)), RED) and near(image.getpixel((140, 60)), GREEN)


def test_a_picture_that_lies_on_its_side_is_turned(caught):
    image = thumb(caught, half((300, 400), "JPEG", exif=TURNED), "image/jpeg")

    assert near(image.getpixel((90, 10)), RED) and near(image.getpixel((90, 110)), GREEN)


def png(width, height, *chunks):
    def chunk(kind, octets):
        return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in ((b"IHDR", head), *chunks, (b"IEND", b"")))


def endless_gif():
    """Some kilobytes that keep Pillow busy: the comment is put together anew for each of its octets."""
    comment = b"\x21\xfe" + b"\x01x" * 2_000_000 + b"\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + comment + b";"


def webp(width, height):
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + struct.pack("<I", width - 1)[:3]
    body += struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", len(body)) + body


NO_PICTURES = {
    "a document": ("application/pdf", b"%PDF"),
    "not called a picture": ("application/octet-stream", picture((400, 300), RED)),
    "nothing": ("image/png", b""),
    "text": ("image/png", b"no picture"),
    "cut off": ("image/png", picture((400, 300), RED)[:200]),
    "SVG": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    "TIFF": ("image/tiff", picture((400, 300), RED, "TIFF")),
    "PPM": ("image/png", picture((400, 300), RED, "PPM")),
    "ICO": ("image/png", picture((400, 300), (1, 0, 0), "ICO")),
    "a bomb": ("image/png", png(100_000, 100_000, (b"IDAT", zlib.compress(bytes(1000))))),
    "a huge PNG": ("image/png", png(2**31 - 1, 2**31 - 1, (b"IDAT", b""))),
    "a huge WebP": ("image/webp", webp(16383, 16383)),
    "a huge GIF": ("image/gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";"),
}


@pytest.mark.parametrize("which", NO_PICTURES)
def test_what_is_no_picture_that_we_read_is_blank(caught, which):
    kind, octets = NO_PICTURES[which]

    assert is_blank(thumb(caught, octets, kind))


@pytest.mark.parametrize(("size", "blank"), [((4000, 4000), False), ((4000, 4001), True)])
def test_a_picture_of_more_than_16_megapixels_is_not_decoded(caught, size, blank):
    assert size[0] * size[1] - PIXELS in (0, 4000)
    assert is_blank(thumb(caught, picture(size, 0, "PNG", "1"))) is blank


def test_a_picture_that_takes_for_ever_is_given_up():
    with pytest.raises(Failed, match=r"longer than 0\.5 s"):
        apart("lazr.smtptest.web.picture", endless_gif(), seconds=0.5)


def test_a_picture_that_takes_too_much_memory_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "greedy.py").write_text(
        "import sys\nfrom lazr.smtptest.web.apart import begin\n"
        "octets = begin()\nsys.stdout.buffer.write(b'%d' % len(bytes(int(octets))))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert apart("greedy", b"1000000") == b"1000000"
    with pytest.raises(Failed, match="status"):
        apart("greedy", b"2000000000")


def test_a_process_that_cannot_be_started_is_a_failure_like_others(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(Failed, match="cannot be started: No such file"):
        apart("lazr.smtptest.web.picture", b"")


def test_a_limit_that_cannot_be_set_leaves_the_other(tmp_path, monkeypatch):
    (tmp_path / "limited.py").write_text(
        "import resource, sys\nfrom lazr.smtptest.web.apart import begin\n"
        "real = resource.setrlimit\n"
        "def set(limit, most):\n"
        "    if limit == resource.RLIMIT_AS:\n"
        "        raise ValueError('current limit exceeds maximum limit')\n"
        "    real(limit, most)\n"
        "resource.setrlimit = set\n"
        "begin()\nsys.stdout.buffer.write(b'%d' % resource.getrlimit(resource.RLIMIT_CPU)[0])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    assert apart("limited", b"") == b"20"


def test_what_lies_about_in_the_folder_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "PIL.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)

    assert apart("lazr.smtptest.web.picture", picture((9, 9), RED)).startswith(b"\xff\xd8")


@pytest.mark.parametrize("number", ["0", "1", "3", "x", "..%2f..%2fraw"])
def test_no_part_has_no_thumbnail(caught, number):
    name = caught.mail(with_files(("image/png", "a.png", picture((9, 9), RED))))

    for path in (f"{name}/part/{number}", "none/part/2"):
        assert caught.http.get(f"/api/v1/message/{path}/thumb").status_code == 404


def test_a_thumbnail_is_nobodys_page(caught):
    caught.mail(with_files(("image/png", "a\t;.png", picture((9, 9), RED))))
    answer = caught.http.get("/api/v1/message/latest/part/2/thumb")

    assert answer.headers["content-disposition"] == "inline; filename=a__.png; filename*=UTF-8''a_%3B.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(("path", "read"), [("part/2/thumb", "attachments"), ("html-check", "html")])
def test_those_who_wait_hold_no_mail_and_no_mail_is_read_where_all_others_are_answered(caught, monkeypatch, path, read):
    caught.mail(
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
        b"--x\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n"
    )
    lock, another, busy, most, loops = threading.Lock(), threading.Event(), 0, 0, 0
    mail, value = caught.store.mail, getattr(Mail, read).fget

    def got(*which):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            if busy > 1:
                another.set()
        another.wait(0.3)  # a moment for the others to come, who do not
        with lock:
            busy -= 1
        return mail(*which)

    def is_read(self):
        nonlocal loops
        loops += asyncio._get_running_loop() is not None
        return value(self)

    monkeypatch.setattr(caught.store, "mail", got)
    monkeypatch.setattr(Mail, read, property(is_read))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(caught.http.get, f"/api/v1/message/latest/{path}") for _ in range(3)]

    assert [one.result().status_code for one in asked] == [200] * 3
    assert (most, loops) == (1, 0)


@pytest.mark.anyio
async def test_one_has_its_turn_and_who_comes_when_many_wait_is_refused():
    import anyio

    from lazr.smtptest.web.answers import Refused

    turns, gate, begun, busy, most = InTurn(1, waiting=2), threading.Event(), threading.Event(), 0, 0

    def work():
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        begun.set()
        assert gate.wait(20)
        busy -= 1

    async with anyio.create_task_group() as group:
        group.start_soon(turns.call, work)
        await anyio.to_thread.run_sync(begun.wait, 20)
        for _ in range(2):
            group.start_soon(turns.call, work)
            await anyio.wait_all_tasks_blocked()
        with pytest.raises(Refused) as refused:
            await turns.call(work)
        gate.set()

    assert refused.value.status == 503 and most == 1


@pytest.fixture
def anyio_backend():
    return "asyncio"
