"""`configure_allocator`: memory of large objects goes back to the system."""

import ctypes
import subprocess
import sys

import pytest

from lazr.smtptest._util.allocator import configure_allocator

# The first block raises the threshold of glibc; then each small block keeps the memory of a large one from shrinking.
SCRIPT = """
import sys
from lazr.smtptest._util.allocator import configure_allocator

def count_resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4 // 1024

if sys.argv[1] == "configured":
    configure_allocator()
block = bytearray(30 * 1024 * 1024)
del block
blocks = []
for _ in range(20):
    blocks.append(bytearray(8 * 1024 * 1024))
    blocks.append(bytearray(64 * 1024))
kept = blocks[1::2]
before = count_resident_mib()
del blocks
print(before - count_resident_mib())
"""


@pytest.mark.skipif(not configure_allocator(), reason="the C library is not glibc")
@pytest.mark.parametrize(("mode", "least", "most"), [("configured", 150, 170), ("default", -10, 20)])
def test_freed_blocks_go_back_to_the_system(mode, least, most):
    done = subprocess.run([sys.executable, "-c", SCRIPT, mode], check=True, capture_output=True, text=True)

    assert least <= int(done.stdout) <= most


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_other_c_libraries_are_left_alone(error, monkeypatch):
    def load(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert configure_allocator() is False
