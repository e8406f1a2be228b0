"""Parameters of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2231), as senders write them."""

import pytest

from lazr.smtptest.mail.mime.parameter import read_parameters


def read(text, name):
    reasons = []
    return read_parameters(text, reasons.append).get_all(name), reasons


@pytest.mark.parametrize(
    ("parameters", "names", "reason"),
    [
        # Encoded words among the pieces of RFC 2231.
        ('filename*0="=?UTF-8?Q?Gr=C3=BC"; filename*1="=C3=9Fe.docx?="', ["Grüße.docx"], None),
        ('filename*0="=?UTF-8?B?w6Q=?="; filename*1=".pdf"', ["ä.pdf"], None),
        ('filename*0="=?UTF-8?Q?=C3=A4?= "; filename*1="=?UTF-8?Q?=C3=A4?="', ["ää"], None),
        ("filename*0*=utf-8''%3D%3FUTF-8%3FQ; filename*1=\"?a?=\"", ["=?UTF-8?Q?a?="], None),
        ("filename*=utf-8''%3D%3FUTF-8%3FQ%3Fa%3F%3D", ["=?UTF-8?Q?a?="], None),
        # Numbers that do not begin at 0, or with a gap.
        ('filename*1="a"; filename*2="b.pdf"', ["ab.pdf"], "gap"),
        # Pieces that are cut within an escape, and within a character.
        ("filename*0*=utf-8''%E2%82; filename*1*=%AC.pdf", ["€.pdf"], None),
        ("filename*0*=utf-8''%E2%8; filename*1*=2%A; filename*2*=C.pdf", ["€.pdf"], None),
        ("filename*0*=utf-8''%; filename*1*=e2%82%ac; filename*2=%41.pdf", ["€%41.pdf"], None),
        ("filename*0*=utf-8''a%4; filename*1=1.pdf", ["a%41.pdf"], None),
        ('filename*0="a"; filename*2="b.pdf"', ["ab.pdf"], "gap"),
        ('filename*3="b.pdf"; filename*1="a"', ["ab.pdf"], "gap"),
        ("filename*1*=utf-8''%C3; filename*2*=%A4", ["ä"], "gap"),
        ('filename*01="b.pdf"; filename*00="a"', ["ab.pdf"], None),
        ('filename*9="b"; filename*10="c"; filename*0="a"', ["abc"], "gap"),
        # A comment after a name that has an extension; without one, brackets belong to the name.
        ("filename=a.pdf (d)", ["a.pdf"], "comment after a file name"),
        ("filename=a.pdf\t(d (e) f)", ["a.pdf"], "comment after a file name"),
        ("filename=my report.docx (final); size=1", ["my report.docx"], "comment after a file name"),
        ("filename=Report (final).pdf", ["Report (final).pdf"], "without quotes"),
        ("filename=a(1).pdf", ["a(1).pdf"], "without quotes"),
        ("filename=a.pdf(1)", ["a.pdf(1)"], "without quotes"),
        ("filename=report (1)", ["report (1)"], "without quotes"),
        ("filename=a.pdf (b) (c)", ["a.pdf"], "comment after a file name"),
        ("filename=a.pdf (b", ["a.pdf"], "unterminated comment"),
        ("filename=a.pdf (b) c.pdf", ["a.pdf (b) c.pdf"], "without quotes"),
        ("filename=(1) a.pdf", ["(1) a.pdf"], "without quotes"),
        # Comments around the equals sign, and a quote that was not opened.
        ("filename (b) = a.pdf", ["a.pdf"], None),
        ("filename= (b) a.pdf", ["a.pdf"], None),
        ('filename = (b (c)) (d) "a.pdf" (e); size=1', ["a.pdf"], None),
        ("filename (b=a.pdf", [], "unterminated comment"),
        ('filename=a.pdf"', ["a.pdf"], "unterminated quoted string"),
        ('filename=a"b".pdf"', ['a"b".pdf"'], None),
        ("filename=my report.docx", ["my report.docx"], "without quotes"),
        ("filename=report.docx", ["report.docx"], None),
        ('filename="a.pdf (d)"', ["a.pdf (d)"], None),
        ('filename="a.pdf" (d)', ["a.pdf"], None),
    ],
)
def test_file_name_is_read_as_by_other_programs(parameters, names, reason):
    found, reasons = read(f"attachment; {parameters}", "filename")

    assert found == names
    assert (reasons == []) if reason is None else (reason in " ".join(reasons))


@pytest.mark.parametrize(
    ("value", "boundaries"),
    [
        ("a(b)c", ["a(b)c", "a"]),
        ("abc (comment)", ["abc"]),
        ("abc(comment)", ["abc(comment)", "abc"]),
        ('"a(b)c"', ["a(b)c"]),
        ("=_a:b/c?d=e", ["=_a:b/c?d=e"]),
        ("a b", ["a b"]),
    ],
)
def test_boundary_with_brackets_has_two_readings(value, boundaries):
    assert read(f"multipart/mixed; boundary={value}", "boundary")[0] == boundaries


def test_time_is_linear_in_the_length_of_a_file_name():
    for text in ("a.b " * 20_000 + ")", "a.b (" + "(" * 50_000 + ")", "a.b" + " (a)" * 20_000, "." * 90_000 + " )"):
        assert len(read(f"attachment; filename={text}", "filename")[0][0]) > 2
    for text in ("a(;" * 30_000, "a=(;" * 25_000, "a (b)" * 20_000, "a(b)" * 25_000 + "=c"):
        assert read(f"attachment; {text}", "filename")[0] == []
