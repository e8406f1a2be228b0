"""The fuzz targets accept every input of this table, so that `make fuzz` does not end with their own mistakes.

Only the engine of the fuzzer is replaced: its package is not for every Python.
"""

import contextlib
import importlib.util
import sys
import types
from pathlib import Path

import pytest

ENGINE = types.SimpleNamespace(instrument_imports=contextlib.nullcontext)
MAIL = b"From: Ann <ann@example.com>\r\nSubject: =?utf-8?q?C=C3=A9?=\r\n\r\ncode 123456 https://e.test/\r\n"
INPUTS = {
    "session": [b"", b"\0", b"\0\x05EHLO x\r\nMAIL FROM:<a@b.example>\r\n", b"\x83EHLO x\r\nAUTH PLAIN\r\nAA==\r\n"],
    "imap": [
        b"",
        b"\3\x05",
        b"\2\x50" + bytes(range(128, 192)),
        b"\7\x09" + bytes(range(191, 150, -1)) + b"a\r\n",
    ],
    "pop3": [b"", b"\0\x05\x80\x81\x8d\x90\x97\x95", b"\1\0\x8a", bytes(range(2, 5)) + bytes(range(0x80, 0x100))],
    "imap_commands": [b"", b"\0\3*a%*a%b" + MAIL, bytes(range(70, 256)), b"\xff\x02" + bytes(range(0x80, 0x100)) * 2],
    "mail": [b"", MAIL, b"\x80\x88\x99\xff\xff\x8a\x8f" + MAIL, bytes(range(0x80, 0xFF)) * 2],
}


@pytest.mark.parametrize("name", INPUTS)
def test_target_accepts_inputs(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "atheris", ENGINE)
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", Path(__file__).with_name(f"{name}.py"))
    target = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(target)
    for data in INPUTS[name]:
        target.test_one_input(data)
