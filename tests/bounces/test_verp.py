"""Variable envelope return paths."""

import pytest

from lazr.smtptest.bounces import build_verp, find_verp_mismatch, parse_verp
from tests.bounces.originals import build_original


@pytest.mark.parametrize(
    ("return_path", "recipient", "delimiter", "address"),
    [
        ("bounce@app.example", "ann@example.com", "+", "bounce+ann=example.com@app.example"),
        ("bounce@app.example", "ann+x@example.com", "+", "bounce+ann+x=example.com@app.example"),
        ("bounce@app.example", "a=b@example.com", "+", "bounce+a=b=example.com@app.example"),
        ("owner@app.example", "ann@example.com", "-", "owner-ann=example.com@app.example"),
    ],
)
def test_address_is_built_and_parsed(return_path, recipient, delimiter, address):
    assert build_verp(return_path, recipient, delimiter) == address
    assert parse_verp(address, delimiter) == (return_path, recipient)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bounce@app.example",
        "bounce+ann@app.example",
        "+ann=example.com@app.example",
        "bounce+=example.com@app.example",
        "bounce+ann=@app.example",
        "bounce+ann=example.com",
        "bounce+ann=example.com@",
    ],
)
def test_other_addresses_are_none(address):
    assert parse_verp(address) is None


@pytest.mark.parametrize(
    ("sender", "recipients", "reason"),
    [
        ("b+ann=example.com@app.example", ("ann@example.com",), None),
        ("b+ann=EXAMPLE.com@app.example", ("ann@example.com",), None),
        (
            "b+Ann=example.com@app.example",
            ("ann@example.com",),
            "the reverse-path names Ann@example.com, but the recipient",
        ),
        ("", ("ann@example.com",), "the reverse-path is not a variable envelope return path: <>"),
        ("b+ann=example.com@app.example", ("ann@example.com", "bob@example.com"), "must have one recipient, got 2"),
        (f"b+{'a' * 60}=example.com@app.example", (f"{'a' * 60}@example.com",), "has 74 octets"),
    ],
)
def test_mismatch_says_what_is_wrong(sender, recipients, reason):
    found = find_verp_mismatch(build_original(sender=sender, recipients=recipients))

    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("return_path", "recipient", "delimiter", "text"),
    [
        ("b", "a@b", "+", "must have an @"),
        ("b@c", "a", "+", "must have an @"),
        ("b@c", "a@b", "", "delimiter must be one character"),
    ],
)
def test_wrong_arguments_are_errors(return_path, recipient, delimiter, text):
    with pytest.raises(ValueError, match=text):
        build_verp(return_path, recipient, delimiter)
