"""Domain names as A-labels."""

import pytest

from lazr.smtptest._util.internationalized_domain import encode_domain


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Example.COM", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("u\N{COMBINING DIAERESIS}.example", "xn--tda.example"),
        ("Straße.example", "xn--strae-oqa.example"),
        ("a\N{COMBINING DIAERESIS}ß.example", "xn--zcaj.example"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("ΒΌΛΟΣ.com", "xn--nxasmq6b.com"),
        ("a。ü．b", "a.xn--tda.b"),
    ],
)
def test_name_has_labels_of_the_dns(name, encoded):
    assert encode_domain(name) == encoded


@pytest.mark.parametrize("name", ["ü" * 64, "ß" * 60 + ".example", "\N{SOFT HYPHEN}.example", "\udcff.example"])
def test_name_without_such_labels_raises_unicode_error(name):
    with pytest.raises(UnicodeError):
        encode_domain(name)
