"""Attachments: by name, as text, and as files."""

import pytest

from lazr.smtptest import Attachment, Mail


def build_mail(*names):
    """Return a mail with a text part and an attachment for each name; None is an attachment without a name."""
    parts = [b"Content-Type: text/plain\r\n\r\nHi\r\n"]
    for name in names:
        named = b"" if name is None else b'; filename="%s"' % name.encode()
        parts.append(b"Content-Type: text/csv\r\nContent-Disposition: attachment%s\r\n\r\n1;2\r\n" % named)
    body = b"".join(b"--B\r\n" + part for part in parts) + b"--B--\r\n"
    return Mail.from_bytes(b"Content-Type: multipart/mixed; boundary=B\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("pattern", "name"), [("a.csv", "a.csv"), ("*.pdf", "b.pdf"), ("?.csv", "a.csv"), ("*f", "b.pdf")]
)
def test_attachment_is_found_by_name(pattern, name):
    assert build_mail("a.csv", "b.pdf").attachment(pattern).filename == name


@pytest.mark.parametrize(
    ("names", "pattern", "message"),
    [
        ((), "a.csv", "no attachment is named 'a.csv': the mail has no attachment"),
        (
            ("a.csv", "b.pdf"),
            "a.cvs",
            "no attachment is named 'a.cvs'; did you mean 'a.csv'.*: the mail has 'a.csv', 'b.pdf'",
        ),
        (("A.CSV",), "a.csv", "no attachment is named 'a.csv'"),
        ((None,), "a.csv", r"the mail has '\(no name, text/csv\)'"),
        (("a.csv", "a.csv"), "a.csv", "2 attachments are named 'a.csv': 'a.csv', 'a.csv'"),
        (("a.csv", "b.csv", "c.pdf"), "*.csv", r"2 attachments are named '\*.csv': 'a.csv', 'b.csv'"),
    ],
)
def test_missing_or_ambiguous_name_lists_the_names(names, pattern, message):
    with pytest.raises(LookupError, match=message):
        build_mail(*names).attachment(pattern)


@pytest.mark.parametrize(
    ("charset", "content", "text"),
    [
        ("", b"a\r\nb\r\n", "a\nb\n"),
        ("", b"a\rb\n", "a\nb\n"),
        ("", "Grüße".encode(), "Grüße"),
        ("", "Grüße".encode("latin-1"), "Grüße"),
        ("utf-8", "Grüße".encode(), "Grüße"),
        ("iso-8859-1", "Grüße".encode("latin-1"), "Grüße"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("x-unknown", "Grüße".encode(), "Grüße"),
        ("zlib", b"x", "x"),
        ("", b"", ""),
    ],
)
def test_text_is_decoded_and_has_lf(charset, content, text):
    assert Attachment("a.csv", "text/csv", content, charset=charset).text == text


def test_text_has_the_charset_of_the_part():
    mail = Mail.from_bytes(
        b"Content-Type: text/csv; charset=windows-1251; name=a.csv\r\nContent-Disposition: attachment\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=CF=F0=E8=E2=E5=F2\r\n"
    )
    assert mail.attachment("a.csv").text == "Привет\n"


def test_attachment_is_saved_to_a_file_and_into_a_directory(tmp_path):
    part = Attachment("a.csv", "text/csv", b"1\r\n\xff")
    assert part.save(tmp_path / "x.bin").read_bytes() == part.content
    assert part.save(str(tmp_path)) == tmp_path / "a.csv"
    with pytest.raises(OSError, match="No such file"):
        part.save(tmp_path / "none" / "x.bin")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("", "attachment"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\boot.ini", "boot.ini"),
        ("C:boot.ini", "C_boot.ini"),
        ("..", "attachment"),
        (".", "attachment"),
        ("a/", "attachment"),
        ("...", "attachment"),
        (".htaccess", "htaccess"),
        ("a\0b\n\x1b[31m.txt", "ab[31m.txt"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("Übersicht 2.pdf", "Übersicht 2.pdf"),
        ("x" * 500 + ".pdf", "x" * 179 + ".pdf"),
        ("ü" * 500, "ü" * 89),
        ("x." + "y" * 500, "x." + "y" * 177 + "." + "y" * 20),
    ],
)
def test_name_of_a_file_stays_in_the_directory(name, saved, tmp_path):
    """Threat W14: the name comes from the mail, which is untrusted input."""
    file = Attachment(name, "text/plain", b"x").save(tmp_path)
    assert file == tmp_path / saved and file.read_bytes() == b"x"
