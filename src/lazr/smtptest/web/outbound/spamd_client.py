"""Ask SpamAssassin's spamd by the SPAMC protocol.

A request is `REPORT SPAMC/1.5` with the length of the mail, and the mail.  The response has a status line, header
fields with the verdict, and a report with one line for each rule.  The protocol is in the file PROTOCOL of spamd.
"""

from __future__ import annotations

import asyncio
import math
import re
from importlib import import_module
from typing import TYPE_CHECKING, Final

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.web.outbound.address_policy import AddressPolicy
from lazr.smtptest.web.outbound.resolver import resolve_host
from lazr.smtptest.web.outbound.spam_check import (
    ANY_NETWORK,
    MAX_CHECKED_BYTES,
    SpamCheckFailed,
    SpamSign,
    SpamVerdict,
    build_verdict,
    clean_text,
)
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.web.outbound.resolver import Resolver

__all__ = ["SpamdChecker", "parse_spamd_response"]

_MAX_RESPONSE_BYTES = 256 * 1024
_STATUS_LINE = re.compile(rb"SPAMD/[0-9.]{1,10} ([0-9]{1,5}) ([^\r\n]{0,200})\r?\n")
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_VERDICT = re.compile(rf"(True|False|Yes|No) ?; ?({_NUMBER}) ?/ ?({_NUMBER})", re.IGNORECASE)
_RULE_LINE = re.compile(r" {0,8}\*? ?(-?[0-9]{1,6}(?:\.[0-9]{1,4})?) ([A-Z0-9_]{1,100})(?: (.*))?$")
_TABLE_RULE = re.compile(r"-{2,} -{5,}")


class SpamdChecker:
    """SpamAssassin's spamd as a `SpamChecker`.

    Args:
        host: its host.
        port: its port, 783 by default.
        timeout: seconds for a whole check, 30 by default.
        resolver: returns the addresses of a host; the default asks the operating system.
    """

    def __init__(self, host: str, port: int = 783, *, timeout: float = 30.0, resolver: Resolver = resolve_host) -> None:
        self.server: Final = format_host_port(host, port)
        self._host = host
        self._port = port
        self._timeout = timeout
        self._resolver = resolver
        self._concurrency_limit = ConcurrencyLimit(2, max_waiting=20)

    async def check(self, mail: Mail) -> SpamVerdict:
        """Return the verdict of spamd about a mail.

        Raises:
            SpamCheckFailed: spamd cannot be reached, takes too long, or its response is malformed.
            TooManyWaiting: 20 other checks wait.
        """
        content = mail.content
        if len(content) > MAX_CHECKED_BYTES:
            raise SpamCheckFailed(f"spamd gets mails of at most {MAX_CHECKED_BYTES:,} bytes, got {len(content):,}")
        # spamd reads lines, and its rules know CRLF and LF.
        request = b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(content) + content
        async with self._concurrency_limit.acquire():
            response = await self._exchange(request)
        return parse_spamd_response(response)

    async def _exchange(self, request: bytes) -> bytes:
        # Importing httpcore takes a tenth of the time that a server takes to start, so the first request does it.
        await asyncio.to_thread(import_module, "lazr.smtptest.web.outbound.network_backend")
        import httpcore

        from lazr.smtptest.web.outbound.network_backend import PolicyNetworkBackend

        backend = PolicyNetworkBackend(AddressPolicy(ANY_NETWORK), self._resolver, self._timeout)
        response = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                stream = await backend.connect_tcp(self._host, self._port)
                try:
                    await stream.write(request)
                    while chunk := await stream.read(_MAX_RESPONSE_BYTES):
                        response += chunk
                        if len(response) > _MAX_RESPONSE_BYTES:
                            raise SpamCheckFailed(f"spamd sent more than {_MAX_RESPONSE_BYTES:,} bytes")
                finally:
                    await stream.aclose()
        except TimeoutError:
            raise SpamCheckFailed(f"spamd at {self.server} took longer than {self._timeout:g} s") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError, UnicodeError) as error:
            raise SpamCheckFailed(f"spamd at {self.server}: {clean_text(str(error)) or type(error).__name__}") from None
        return bytes(response)

    def __repr__(self) -> str:
        return f"<SpamdChecker {self.server}>"


def parse_spamd_response(response: bytes) -> SpamVerdict:
    r"""Return the verdict in a response to REPORT.

    Raises:
        SpamCheckFailed: the response is an error, or malformed.

    >>> report = b" pts rule name\n---- ----------------------\n 1.2 MISSING_HEADERS Missing To: header\n"
    >>> response = b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; 1.2 / 5.0\r\n\r\n" + report
    >>> parse_spamd_response(response).signs
    (SpamSign(name='MISSING_HEADERS', score=1.2, description='Missing To: header'),)
    """
    status = _STATUS_LINE.match(response)
    if status is None:
        shown = clean_text(response[:80].decode("latin-1"))
        raise SpamCheckFailed(f"spamd must begin its response with SPAMD/1.x, got {shown!r}; is another server there?")
    if int(status[1]) != 0:
        raise SpamCheckFailed(f"spamd reports error {int(status[1])} {clean_text(status[2].decode('latin-1'))}")
    header, _, report = response[status.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
    fields: dict[str, str] = {}
    for line in header.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    verdict = _VERDICT.fullmatch(fields.get("spam", ""))
    if verdict is None:
        shown = clean_text(header.decode("latin-1"))
        raise SpamCheckFailed(f"spamd must send Spam: True|False ; SCORE / THRESHOLD, got {shown!r}")

    signs = _parse_report(report.decode("utf-8", "replace"))
    return build_verdict(signs, is_spam=verdict[1].lower() in ("true", "yes"), score=float(verdict[2]))


def _parse_report(report: str) -> tuple[SpamSign, ...]:
    """Return the rules of the report's table; descriptions may have several lines."""
    lines = report.split("\n")
    # The report quotes the beginning of the mail, which may have such a line, too: the last one counts.
    starts = [number for number, line in enumerate(lines) if _TABLE_RULE.match(line)]
    signs: list[SpamSign] = []
    for line in lines[starts[-1] + 1 :] if starts else ():
        match = _RULE_LINE.fullmatch(_join_columns(line))
        if match is not None:
            score = float(match[1])
            signs.append(SpamSign(match[2], score if math.isfinite(score) else 0.0, clean_text(match[3] or "")))
        elif signs and line.startswith("     ") and line.strip():
            last = signs[-1]
            signs[-1] = last._replace(description=clean_text(f"{last.description} {line}"))
        elif signs:
            break
    return tuple(signs)


def _join_columns(line: str) -> str:
    """Return a line of the table with single spaces between its columns."""
    return " ".join(line[:1_000].split())
