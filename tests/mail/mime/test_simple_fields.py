"""The short way to read simple fields gives the same as the long one."""

import random
import re

import pytest

from lazr.smtptest.mail.mime import address, parameter

PIECES = {
    "addresses": [
        "Ann",
        "ann",
        "@",
        "example.com",
        "<",
        ">",
        "<a@b.c>",
        ",",
        ", ",
        " ",
        "  ",
        ".",
        '"',
        "(x)",
        ":",
        ";",
        "ü",
        "=?",
        "\t",
    ],
    "parameters": [
        "text/plain",
        "Text",
        "/",
        ";",
        "; ",
        " ",
        "charset",
        "=",
        "utf-8",
        '"',
        '"a b"',
        "*",
        "boundary",
        "(c)",
        "name",
        "\\",
        "'",
        ".",
        "ü",
    ],
}
SIMPLE = {
    "addresses": ["Ann <ann@example.com>", "a@b.c, Bob B. Bär <b@d.e>,c@d", " a@b ", "Ann <a@b> "],
    "parameters": [
        "text/html",
        "TEXT/Plain; Charset=UTF-8",
        'multipart/mixed;boundary="a b=_c"',
        'attachment; filename="a.pdf"',
        'text/plain; name=""',
        'text/plain; name="=?utf-8?q?a_b?="',
        "text/plain ; charset=utf-8",
    ],
}


def describe_addresses(text):
    notes = []
    found = address.read_addresses(text, notes.append)
    return [(one.display_name, one.local_part, one.domain) for one in found], notes


def describe_parameters(text):
    notes = []
    found = parameter.read_parameters(text, notes.append)
    return found.value, {name: found.get_all(name) for name in found._values}, notes


@pytest.mark.parametrize("kind", PIECES)
def test_simple_field_is_read_as_the_long_way_does(kind, monkeypatch):
    rng = random.Random(3)
    describe = {"addresses": describe_addresses, "parameters": describe_parameters}[kind]
    texts = ["".join(rng.choices(PIECES[kind], k=rng.randrange(9))) for _ in range(3_000)] + SIMPLE[kind]
    short = list(map(describe, texts))
    monkeypatch.setattr(address, "_read_simple_addresses", lambda text: None)
    monkeypatch.setattr(parameter, "_SIMPLE_FIELD", re.compile(r"(?!)"))

    differing = [(text, result) for text, result in zip(texts, short, strict=True) if result != describe(text)]
    assert differing[:5] == []
