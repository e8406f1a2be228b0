"""Notice transactions that a damaged write-ahead log has lost, and save a copy of the log.

SQLite reads the log up to the first frame whose checksum is wrong, and drops all that follow without an error: such a
frame is also what a crash leaves.  But after a crash no complete transaction follows.  Frames of earlier logs, which
are overwritten from the start, have other salts (https://www.sqlite.org/fileformat2.html#walformat).
"""

from __future__ import annotations

import logging
import shutil
import struct
from pathlib import Path

from lazr.smtptest.store.sqlite.connection import PAGE_BYTES
from lazr.smtptest.store.sqlite.file import find_unused_path

__all__ = ["save_damaged_log"]

_log = logging.getLogger("lazr.smtptest.store")

_MAGIC_NUMBERS = {0x377F0682: "<", 0x377F0683: ">"}  # the byte order of the checksums
_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_FRAME_BYTES = _FRAME_HEADER_BYTES + PAGE_BYTES
# Where the file `-shm` has the number of valid frames (https://www.sqlite.org/walformat.html#the_wal_index_header).
_INDEX_VERSION, _VALID_FRAMES_OFFSET = 3_007_000, 16


def save_damaged_log(path: Path) -> None:
    """Copy the log to `<path>-wal.corrupt-<time>` if transactions in it are lost.

    Call this while a connection that has read from the file is open, and before anything is written.

    Args:
        path: the database file.
    """
    log = Path(f"{path}-wal")
    lost_count = count_lost_transactions(log, _read_valid_frame_count(path))
    if not lost_count:
        return
    target = find_unused_path(log, "corrupt")
    try:
        shutil.copyfile(log, target)
        target.chmod(0o600)
    except OSError as error:
        target.unlink(missing_ok=True)
        _log.error("%s is damaged: %d transactions in it are lost; it cannot be copied: %s", log, lost_count, error)
    else:
        _log.error("%s is damaged: %d transactions in it are lost; a copy is in %s", log, lost_count, target)


def count_lost_transactions(log: Path, valid_frame_count: int) -> int:
    """Return how many transactions a log has after its valid frames.

    Args:
        log: the file of the write-ahead log.
        valid_frame_count: how many frames SQLite reads.
    """
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return 0
    lost_count = 0
    with file:
        header = file.read(_HEADER_BYTES)
        salts = header[16:24]
        if not _is_valid_header(header):  # then SQLite ignores all frames
            salts = file.read(_FRAME_HEADER_BYTES)[8:16]
        offset = _HEADER_BYTES + valid_frame_count * _FRAME_BYTES
        end = file.seek(0, 2)
        while salts and offset + _FRAME_BYTES <= end:
            file.seek(offset)
            frame_header = file.read(_FRAME_HEADER_BYTES)
            is_commit = frame_header[4:8] != bytes(4)
            lost_count += is_commit and frame_header[8:16] == salts
            offset += _FRAME_BYTES
    return lost_count


def _is_valid_header(header: bytes) -> bool:
    byte_order = _MAGIC_NUMBERS.get(int.from_bytes(header[:4]))
    if byte_order is None or len(header) < _HEADER_BYTES:
        return False
    first = second = 0
    words = struct.unpack(f"{byte_order}6I", header[:24])
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return header[24:32] == struct.pack(">2I", first, second)


def _read_valid_frame_count(path: Path) -> int:
    """Return how many frames of the log SQLite reads; a large number if that is unknown."""
    try:
        with Path(f"{path}-shm").open("rb") as file:
            index_header = file.read(_VALID_FRAMES_OFFSET + 4)
    except FileNotFoundError:
        return 1 << 32
    if len(index_header) < _VALID_FRAMES_OFFSET + 4 or struct.unpack("=I", index_header[:4]) != (_INDEX_VERSION,):
        return 1 << 32
    [valid_frame_count] = struct.unpack("=I", index_header[_VALID_FRAMES_OFFSET:])
    return int(valid_frame_count)
