"""Mask the secrets in command lines, before transcripts, events and logs show them.

AUTH is the only command of SMTP with a secret.  But people type commands, and clients have faults.  A line may have
AUTH with a typing error, a command of POP3 or IMAP, or base64 without a command.  Therefore `***` replaces each
possible secret in a command that SMTP does not have.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

__all__ = ["mask_secrets"]

# The commands of SMTP, and the methods of HTTP: their arguments are not secrets.
_KNOWN_VERBS = frozenset(
    b"EHLO HELO LHLO STARTTLS XCLIENT MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP QUIT TURN ETRN ATRN SEND SOML SAML "
    b"BURL GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split()
)
_MAX_VERB_BYTES = max(map(len, _KNOWN_VERBS))
# The words that a secret follows, in SMTP, POP3, IMAP and NNTP.
_CREDENTIAL_WORDS = (
    b"AUTHENTICATE",
    b"AUTHINFO",
    b"USERNAME",
    b"PASSWORD",
    b"LOGIN",
    b"AUTH",
    b"PASS",
    b"USER",
    b"APOP",
)
# Only these words after AUTH are certainly not a password: a client may have left the mechanism out.
_MECHANISM_PATTERN = (
    rb"PLAIN|LOGIN|(?:CRAM|DIGEST)-MD5|SCRAM-SHA-[0-9]+(?:-PLUS)?|XOAUTH2|OAUTHBEARER|EXTERNAL|ANONYMOUS|NTLM|GSSAPI"
)
_MECHANISM = compile_lazily(rb"(?i) +(?:%s)(?![!-~])" % _MECHANISM_PATTERN)
_MECHANISM_AS_VERB = compile_lazily(rb"(?i)[ \t]*(?:%s)(?![!-~])" % _MECHANISM_PATTERN)
# AUTH after a byte that is invalid in a command.
_EMBEDDED_AUTH = compile_lazily(rb"(?i)[\x7f-\xff][ \t]*[A-Z]{0,8}?AUTH")
_CONTROL_BYTES = compile_lazily(rb"([\x00-\x08\x0a-\x1f\x7f]+)")
_INVALID_BYTES = compile_lazily(rb"([\x00-\x08\x0a-\x1f\x7f-\xff]+)")
_ALPHANUMERIC_RUN = compile_lazily(rb"[A-Za-z0-9]+")
_BASE64_WORD = compile_lazily(rb"[A-Za-z0-9+/]+={0,2}")
_WORD = compile_lazily(rb"[^ \t]+")

_MASK = b"***"
_MAX_SEARCHED_RUNS = 2  # a tag may precede the word, as in IMAP
_MIN_LONG_WORD_BYTES = 5  # from this length on, two typing errors are tolerated
_MIN_BASE64_BYTES = 16  # a word of this length may be base64, whatever its letters


def mask_secrets(line: bytes) -> bytes:
    r"""Return the command line with `***` instead of each possible secret.

    Args:
        line: A command line without its line end, as the client sent it.

    >>> mask_secrets(b"AUTH PLAIN AGFubgBzZWNyZXQ="), mask_secrets(b"AUHT PLAIN AGFubgBzZWNyZXQ=")
    (b'AUTH PLAIN ***', b'AUHT PLAIN ***')
    >>> mask_secrets(b"PASS word"), mask_secrets(b"NOOP word")
    (b'PASS ***', b'NOOP word')
    """
    is_known = _has_known_verb(line)
    if _INVALID_BYTES.search(line) is None:
        return line if is_known else _mask_command(line)
    # A command may follow after an invalid byte, such as a bare LF.  UTF-8 in an address separates no commands.
    pieces = (_CONTROL_BYTES if is_known else _INVALID_BYTES).split(line)
    pieces[::2] = [piece if _has_known_verb(piece) else _mask_command(piece) for piece in pieces[::2]]
    masked = b"".join(pieces)
    embedded = _EMBEDDED_AUTH.search(masked)
    return masked if embedded is None else _mask_after(masked, embedded.end())


def _has_known_verb(line: bytes) -> bool:
    return line[: _MAX_VERB_BYTES + 1].partition(b" ")[0].upper() in _KNOWN_VERBS


def _mask_command(line: bytes) -> bytes:
    """Mask a command that SMTP does not have, or AUTH."""
    mechanism = _MECHANISM_AS_VERB.match(line)
    if mechanism is not None:
        return _mask_after(line, mechanism.end())
    for number, run in enumerate(_ALPHANUMERIC_RUN.finditer(line)):
        if number == _MAX_SEARCHED_RUNS:
            break
        length = _match_credential_word(run[0].upper())
        if length:
            return _mask_after(line, run.start() + length)
    return _WORD.sub(lambda word: _MASK if _resembles_base64(word[0]) else word[0], line)


def _mask_after(line: bytes, end: int) -> bytes:
    """Mask everything after a position, except the name of a mechanism."""
    mechanism = _MECHANISM.match(line, end)
    end = end if mechanism is None else mechanism.end()
    return line if not line[end:].strip(b" ") else line[:end] + b" " + _MASK


def _match_credential_word(word: bytes) -> int:
    """Return how much of a word, in capitals, names a credential; 0 if it is another word."""
    for credential_word in _CREDENTIAL_WORDS:
        # The space may be missing, as in AUTHPLAIN, or a letter precede, as in XAUTH.
        start = word.find(credential_word, 0, len(credential_word) + 8)
        if start >= 0:
            return start + len(credential_word)
    return len(word) if any(_is_misspelled(word, credential_word) for credential_word in _CREDENTIAL_WORDS) else 0


def _is_misspelled(word: bytes, target: bytes) -> bool:
    """Whether the word is the target with one typing error, two if long, or mixed up."""
    limit = 1 if max(len(word), len(target)) < _MIN_LONG_WORD_BYTES else 2
    if abs(len(word) - len(target)) > limit:
        return False
    return sorted(word) == sorted(target) or _count_typing_errors(word, target) <= limit


def _count_typing_errors(word: bytes, target: bytes) -> int:
    """Count the missing, added, wrong and swapped letters (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(target) + 1))
    for i, letter in enumerate(word, 1):
        earlier, before, row = before, row, [i]
        for j, expected in enumerate(target, 1):
            errors = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != expected))
            if i > 1 and j > 1 and letter == target[j - 2] and word[i - 2] == expected:
                errors = min(errors, earlier[j - 2] + 1)
            row.append(errors)
    return row[-1]


def _resembles_base64(word: bytes) -> bool:
    if _BASE64_WORD.fullmatch(word) is None:
        return False
    if len(word) >= _MIN_BASE64_BYTES or word.endswith(b"="):
        return True
    has_mixed_case = word != word.upper() and word[1:] != word[1:].lower()
    return len(word) >= 8 and len(word) % 4 == 0 and has_mixed_case
