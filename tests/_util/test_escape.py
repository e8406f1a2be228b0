"""One function makes untrusted text safe for terminals and logs (threat W18)."""

import ast
import sys
from pathlib import Path

import pytest

import lazr.smtptest
from lazr.smtptest._util.escape import escape_unprintable

# The text, its escape on one line, and its escape where lines are kept.
HOSTILE_TEXTS = [
    pytest.param("\x1b[2J\x1b[31m", r"\x1b[2J\x1b[31m", None, id="terminal control sequence"),
    pytest.param("\x1b]0;title\x07", r"\x1b]0;title\x07", None, id="window title"),
    pytest.param("a\x00b\x7f", r"a\x00b\x7f", None, id="NUL and DEL"),
    pytest.param("a\x08\x08b", r"a\x08\x08b", None, id="backspace"),
    pytest.param("\x9b31m\x85", r"\x9b31m\x85", None, id="C1 control"),
    pytest.param("INFO\rERROR", r"INFO\rERROR", None, id="carriage return"),
    pytest.param("\x0b\x0c", r"\x0b\x0c", None, id="vertical tab and form feed"),
    pytest.param("a\u202egpj.exe", r"a\u202egpj.exe", None, id="right-to-left override"),
    pytest.param("\u2066a\u2069\u200f", r"\u2066a\u2069\u200f", None, id="bidirectional isolate and mark"),
    pytest.param("a\u200bb\ufeff", r"a\u200bb\ufeff", None, id="zero width"),
    pytest.param("\U000e0041", r"\U000e0041", None, id="tag character"),
    pytest.param("a\u2028b\u2029", r"a\u2028b\u2029", None, id="Unicode line and paragraph separator"),
    pytest.param("\ud800x\udfff", r"\ud800x\udfff", None, id="lone surrogate"),
    pytest.param("\ue000\uffff", r"\ue000\uffff", None, id="private use and noncharacter"),
    pytest.param("\u3000", r"\u3000", None, id="ideographic space"),
    pytest.param("a\nINFO: b", r"a\nINFO: b", "a\nINFO: b", id="line feed"),
    pytest.param("a\r\nb", r"a\r\nb", "a\\r\nb", id="CRLF"),
    pytest.param("a\tb", r"a\tb", "a\tb", id="tab"),
    pytest.param("10\xa0km", r"10\xa0km", "10\xa0km", id="no-break space"),
]
HARMLESS_TEXTS = ["", "plain", "Grüße, 世界 🎉", "back\\slash 'quotes'"]


@pytest.mark.parametrize(("text", "line", "lines"), HOSTILE_TEXTS)
def test_hostile_text_is_escaped(text, line, lines):
    assert escape_unprintable(text) == line
    assert escape_unprintable(text, multiline=True) == (line if lines is None else lines)


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_printable_text_is_unchanged(text):
    assert escape_unprintable(text) == escape_unprintable(text, multiline=True) == text


def test_every_character_becomes_printable():
    escaped = escape_unprintable("".join(map(chr, range(sys.maxunicode + 1))))
    assert escaped.isprintable()
    escaped.encode()


def test_no_module_escapes_text_by_itself():
    """A second function for the same purpose would differ from the first one some day."""
    root = Path(lazr.smtptest.__file__).parent
    offenders = []
    for path in sorted(root.rglob("*.py")):
        if path.name == "escape.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "encode":
                names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                offenders += [f"{path.relative_to(root)}:{node.lineno}"] * ("unicode_escape" in names)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ascii":
                offenders.append(f"{path.relative_to(root)}:{node.lineno}")
    assert offenders == []
