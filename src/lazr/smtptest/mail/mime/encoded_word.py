"""Decode encoded words (RFC 2047): text in header fields that is not US-ASCII."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime.charset import decode_text, is_decodable
from lazr.smtptest.mail.mime.transfer_encoding import decode_base64, decode_quoted_printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["decode_words"]

# RFC 2047 2 and RFC 2231 5: a language may follow the charset.  Some senders use forbidden spaces and question marks.
# Each repeat stops at the next question mark, so the time is linear.
_ENCODED_WORD = re.compile(
    r"=\?[ \t]{0,9}+([^?\s*]{1,100}+(?:[ ][0-9][0-9-]{0,9}+)?+)"
    r"(?:\*[^?\s]{0,100}+)?[ \t]{0,9}+\?([bBqQ])\?([^?]*+(?:\?(?!=)[^?]*+){0,3})\?=",
    re.ASCII,
)
_CUT_ESCAPE = re.compile(r"=[0-9A-Fa-f]?\Z")
_BROKEN_Q_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2})")


def decode_words(text: str, note: DefectRecorder) -> str:
    """Decode the encoded words in a text; undecodable words are kept unchanged.

    The text of a charset that is unknown is decoded as UTF-8 if possible, otherwise as windows-1252.

    >>> decode_words("=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?= aus =?iso-8859-1?b?S/ZsbiE=?=", print)
    'Grüße aus Köln!'
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    # Consecutive words of one charset: some senders split characters between them, against RFC 2047 5.
    run: list[re.Match[str]] = []
    charset = ""
    end = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[end : match.start()]
        name = match[1].lower()
        # RFC 2047 6.2: white space between two encoded words is ignored.
        if run and (between.strip() or name != charset):
            out.append(_decode_run(run, charset, note))
            run = []
        if between.strip() or not end:
            out.append(between)
        run.append(match)
        charset, end = name, match.end()
    if run:
        out.append(_decode_run(run, charset, note))
    out.append(text[end:])
    return "".join(out)


def _decode_run(run: list[re.Match[str]], charset: str, note: DefectRecorder) -> str:
    out: list[str] = []
    data: list[bytes] = []
    for pieces in _group_cut_words(run):
        words = [piece[3].encode("utf-8") for piece in pieces]
        if not _is_base64(pieces[0]):
            data.append(_decode_q(words, note))
            continue
        decoded = _decode_base64_words(words, charset, note)
        if not decoded and words[0].strip(b"="):
            out += [_decode_bytes(data, charset, note), pieces[0][0]]
            data = []
        data.append(decoded)
    return "".join([*out, _decode_bytes(data, charset, note)])


def _decode_bytes(data: list[bytes], charset: str, note: DefectRecorder) -> str:
    text = decode_text(b"".join(data), charset, note)
    if "\r" in text or "\n" in text:
        note("line end in an encoded word")  # CVE-2024-6923: writing it unencoded adds a header field
    return text


def _is_base64(word: re.Match[str]) -> bool:
    return word[2] in "bB"


def _group_cut_words(run: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Yield the words of a run; those between which an encoded letter may be cut are together."""
    pieces: list[re.Match[str]] = []
    for index, word in enumerate(run):
        pieces.append(word)
        is_cut = not word[3].endswith("=") if _is_base64(word) else _CUT_ESCAPE.search(word[3]) is not None
        if is_cut and index + 1 < len(run) and _is_base64(run[index + 1]) == _is_base64(word):
            continue
        yield pieces
        pieces = []


def _decode_q(words: list[bytes], note: DefectRecorder) -> bytes:
    if len(words) > 1:
        note("an escape is cut between two encoded words")
    # RFC 2047 4.2 has no soft line break.
    word = _BROKEN_Q_ESCAPE.sub(b"=3D", b"".join(words))
    if len(word) != sum(map(len, words)):
        note("invalid escape in quoted-printable")
    return decode_quoted_printable(word.replace(b"_", b" "), note)


def _decode_base64_words(words: list[bytes], charset: str, note: DefectRecorder) -> bytes:
    """Decode words that have lost their padding, or that are one text, cut anywhere."""
    if all(len(word) % 4 == 0 for word in words[:-1]):
        return decode_base64(b"".join(words), note)
    joined = decode_base64(b"".join(words), lambda _: None)
    separate = b"".join(decode_base64(word, lambda _: None) for word in words)
    is_joined_text, is_separate_text = _is_text(joined, charset), _is_text(separate, charset)
    is_padding_lost = all(len(word) % 4 != 1 for word in words) and (
        is_separate_text if is_joined_text != is_separate_text else sum(map(len, words)) % 4 != 0
    )
    note("base64 without padding" if is_padding_lost else "base64 is cut between two encoded words")
    return separate if is_padding_lost else joined


def _is_text(data: bytes, charset: str) -> bool:
    return is_decodable(data, charset) and decode_text(data, charset, lambda _: None).isprintable()
