"""Ask Rspamd by HTTP: `POST /checkv2` with the mail; the answer is JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lazr.smtptest.web.outbound.errors import RequestFailed, UrlNotAllowed
from lazr.smtptest.web.outbound.http_client import OutboundClient
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

__all__ = ["RspamdChecker", "parse_rspamd_answer"]

_MAX_ANSWER_BYTES = 1024 * 1024
_SPAM_ACTIONS = frozenset({"add header", "rewrite subject", "reject", "discard", "quarantine"})
_OK = 200


class RspamdChecker:
    """Rspamd as a `SpamChecker`.

    Args:
        url: the URL of a normal worker, such as "http://127.0.0.1:11333".
        timeout: seconds for a whole check, 30 by default.
        resolver: returns the addresses of a host; the default asks the operating system.

    Raises:
        ValueError: the URL is not one of http or https, or has a user name.
    """

    def __init__(self, url: str, *, timeout: float = 30.0, resolver: Resolver = resolve_host) -> None:
        self._client = OutboundClient(ANY_NETWORK, timeout=timeout, max_body_bytes=_MAX_ANSWER_BYTES, resolver=resolver)
        self._client.check_url(url)
        parts = urlsplit(url)
        if parts.query or parts.fragment:
            raise ValueError(f"the URL of Rspamd must have no query and no fragment, got {url!r}")
        self.url: Final = url.rstrip("/")
        self._concurrency_limit = ConcurrencyLimit(2, max_waiting=20)

    async def check(self, mail: Mail) -> SpamVerdict:
        """Return the verdict of Rspamd about a mail.

        Raises:
            SpamCheckFailed: Rspamd cannot be reached, takes too long, or its answer is malformed.
            TooManyWaiting: 20 other checks wait.
        """
        content = mail.content
        if len(content) > MAX_CHECKED_BYTES:
            raise SpamCheckFailed(f"Rspamd gets mails of at most {MAX_CHECKED_BYTES:,} bytes, got {len(content):,}")
        async with self._concurrency_limit.acquire():
            try:
                answer = await self._client.request(
                    "POST", f"{self.url}/checkv2", headers=_build_fields(mail), content=content
                )
            except (RequestFailed, UrlNotAllowed) as error:
                raise SpamCheckFailed(f"Rspamd at {self.url}: {clean_text(str(error))}") from None
        if answer.status != _OK:
            raise SpamCheckFailed(f"Rspamd at {self.url} answers with the status {answer.status}")
        return parse_rspamd_answer(answer.body)

    def __repr__(self) -> str:
        return f"<RspamdChecker {self.url}>"


def _build_fields(mail: Mail) -> dict[str, str]:
    """Return the envelope as header fields of HTTP, as far as these can hold it."""
    envelope = mail.envelope
    recipient = envelope.rcpt_tos[0] if envelope.rcpt_tos else ""
    fields = {"From": envelope.mail_from, "Rcpt": recipient, "Helo": envelope.helo}
    return {name: value for name, value in fields.items() if value.isascii() and value.isprintable() and value}


def parse_rspamd_answer(body: bytes) -> SpamVerdict:
    """Return the verdict in an answer to /checkv2.

    Raises:
        SpamCheckFailed: the answer is not such JSON.

    >>> parse_rspamd_answer(b'{"score": 7.5, "action": "add header", "symbols": {"A": {"score": 7.5}}}')
    SpamVerdict(is_spam=True, score=7.5, signs=(SpamSign(name='A', score=7.5, description=''),))
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        shown = clean_text(body[:80].decode("latin-1"))
        expected = f"Rspamd must answer with JSON of at most {_MAX_ANSWER_BYTES:,} bytes"
        raise SpamCheckFailed(f"{expected}, got {shown!r}") from None
    score = _read_number(answer.get("score")) if isinstance(answer, dict) else None
    if score is None:
        raise SpamCheckFailed("Rspamd must answer with an object that has a score, got none")
    symbols = answer.get("symbols")
    signs = tuple(
        SpamSign(clean_text(name), _read_number(symbol.get("score")) or 0.0, clean_text(_read_text(symbol)))
        for name, symbol in (symbols.items() if isinstance(symbols, dict) else ())
        if isinstance(symbol, dict)
    )
    action = answer.get("action")
    return build_verdict(signs, is_spam=isinstance(action, str) and action in _SPAM_ACTIONS, score=score)


def _read_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _read_text(symbol: dict[str, Any]) -> str:
    description = symbol.get("description")
    return description if isinstance(description, str) else ""
