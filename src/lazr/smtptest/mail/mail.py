"""A mail: the envelope and the content of one mail transaction (RFC 5321 2.3.1)."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from lazr.smtptest._util.glob import compile_glob
from lazr.smtptest._util.octets import join_parts
from lazr.smtptest._util.suggestion import build_getattr, find_nearest_name
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.mail.address_comparison import fold_domain
from lazr.smtptest.mail.attachment import Attachment
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.mail.summary import format_summary, read_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Coroutine, Iterable, Mapping
    from datetime import datetime
    from email.message import EmailMessage, Message
    from os import PathLike
    from pathlib import Path
    from typing import Any, Final, Literal, Self, overload

    from lazr.smtptest.authentication import Authentication
    from lazr.smtptest.dns import DnsSource
    from lazr.smtptest.mail.authenticator import Authenticator
    from lazr.smtptest.mail.headers import Headers
    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.mime.address import Address
    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.parsed_message import ParsedMessage
    from lazr.smtptest.mail.playwright_page import AsyncPage, AsyncPageT, SyncPage, SyncPageT
    from lazr.smtptest.mail.review.review import Review
    from lazr.smtptest.mail.structure import MessagePart
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["Attachment", "Envelope", "Mail"]

# In a notebook, of each kind.
_MAX_SHOWN_ROWS = 20
# What to write for the names of other libraries: the standard library, Django, Mailpit and mail clients.
_ATTRIBUTE_ALIASES = {
    "body": "mail.text or mail.html",
    "plain": "mail.text",
    "as_bytes": "mail.content",
    "as_string": "mail.content, or mail.snapshot()",
    "raw": "mail.content",
    "data": "mail.content",
    "original_content": "mail.content",
    "from_email": "mail.from_ for the header, or mail.sender for the envelope",
    "from_address": "mail.from_ for the header, or mail.sender for the envelope",
    "mail_from": "mail.sender, or mail.envelope.mail_from",
    "mailfrom": "mail.sender",
    "rcpt_tos": "mail.recipients, or mail.envelope.rcpt_tos",
    "rcpttos": "mail.recipients",
    "rcpt_to": "mail.recipients",
    "to_addresses": "mail.recipients for the envelope, or mail.to for the header",
    "get": "mail.header(name)",
    "get_all": "mail.headers.get_all(name)",
    "get_header": "mail.header(name)",
    "get_payload": "mail.text, mail.html or mail.attachments",
    "get_body": "mail.text or mail.html",
    "get_content": "mail.text or mail.html",
    "is_multipart": "mail.message.is_multipart()",
    "walk": "mail.message.walk()",
    "alternatives": "mail.html",
    "html_body": "mail.html",
    "text_body": "mail.text",
    "attachments_by_name": "mail.attachment(name)",
    "url": "mail.links",
    "urls": "mail.links",
    "code": "mail.codes",
    "otp": "mail.codes",
    "peer": "mail.envelope.peer",
    "helo": "mail.envelope.helo",
    "show": "mail.open(page)",
}


class Mail:
    r"""One received mail.

    `content` holds the exact bytes of the message after dot-unstuffing (RFC 5321 4.5.2); nothing is added to them.
    Every other attribute is parsed from these bytes at first use.  Parsing never raises and takes bounded time for any
    content: whatever cannot be read is listed in `defects`.

    The content arrives in pieces.  They are joined at first use of `content`, because joining is most of the cost of
    a large mail and many tests never read it.

    Args:
        id: the mail's identifier; an inbox numbers its mails from "1".
        envelope: the sender and the recipients, as the SMTP commands named them.
        parts: the content's bytes, in consecutive pieces.
        session: the record of the SMTP session that delivered the mail; None if there was no session.
        received_at: the time at which the last byte arrived, in seconds since 1970; None means now.
        authenticator: what `authentication` uses: the DNS records of the server, shared by its mails; None for none.

    The arguments `id`, `envelope` and `session` are attributes; `timestamp` has the value of `received_at`.
    `from_bytes`, `from_file` and `from_message` make a mail that no server has received.

    >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> mail = Mail("1", envelope, [b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", b"\r\nHallo\r\n"])
    >>> mail.subject, mail.text, mail.size
    ('Grüße', 'Hallo\n', 47)
    """

    # An inbox keeps thousands of mails, so a mail has few attributes, and no list around a content of one piece.
    __slots__ = ("_authentication", "_content", "_parsed_message", "_session", "envelope", "id", "timestamp")

    def __init__(
        self,
        id: str,
        envelope: Envelope,
        parts: list[bytes],
        *,
        session: SessionRecord | None = None,
        received_at: float | None = None,
        authenticator: Authenticator | tuple[Authenticator | None, Authentication] | None = None,
    ) -> None:
        self.id: Final = id
        self.envelope: Final[Envelope] = envelope
        self._session = session
        self._content: bytes | list[bytes] = parts[0] if len(parts) == 1 else parts
        self.timestamp: Final = time.time() if received_at is None else received_at
        self._parsed_message: ParsedMessage | None = None
        # What computes it; after the first use, also the result.
        self._authentication = authenticator

    # -- mails that no server has received ---------------------------------------------------

    @classmethod
    def from_bytes(
        cls, content: bytes, *, sender: str | None = None, recipients: Iterable[str] | None = None, id: str = "1"
    ) -> Self:
        r"""Return the mail that these bytes are, to inspect it without a server.

        Files often have LF at the ends of lines, where SMTP has CRLF.  If all line ends are LF, they become CRLF, as a
        client sends them, so that they are no defect.  Other content stays as it is, byte for byte.

        Args:
            content: the message: header, empty line and body.
            sender: the envelope's sender.  By default, it is the address of a Return-Path, Sender or From field.
            recipients: the envelope's recipients.  By default, they are the addresses of To, Cc and Bcc.
            id: the mail's identifier, "1" by default.

        Raises:
            TypeError: if `content` is not bytes.

        >>> mail = Mail.from_bytes(b"From: ann@example.com\nTo: bob@example.com\nSubject: Hi\n\nHello\n")
        >>> mail.sender, mail.recipients, mail.subject, mail.text
        ('ann@example.com', ('bob@example.com',), 'Hi', 'Hello\n')
        """
        from lazr.smtptest.mail.header_envelope import build_envelope
        from lazr.smtptest.mail.parsed_message import ParsedMessage

        if not isinstance(content, (bytes, bytearray, memoryview)):
            hint = "encode it, or use Mail.from_message" if isinstance(content, str) else "use Mail.from_message"
            raise TypeError(f"content must be bytes, got {type(content).__name__}; {hint}")
        content = bytes(content)
        if b"\r" not in content:
            content = content.replace(b"\n", b"\r\n")
        envelope = build_envelope(ParsedMessage(content, {}), sender, recipients)
        return cls(id, envelope, [content])

    @classmethod
    def from_file(
        cls, path: str | PathLike[str], *, sender: str | None = None, recipients: Iterable[str] | None = None
    ) -> Self:
        """Return the mail of an .eml file; `from_bytes` describes the arguments and the line ends.

        `id` is the name of the file without its suffix.

        Raises:
            OSError: if the file cannot be read.
        """
        from pathlib import Path

        file = Path(path)
        return cls.from_bytes(file.read_bytes(), sender=sender, recipients=recipients, id=file.stem)

    @classmethod
    def from_message(
        cls, message: Message, *, sender: str | None = None, recipients: Iterable[str] | None = None
    ) -> Self:
        """Return the mail that `smtplib.SMTP.send_message` sends for a message.

        The content has no Bcc fields, and CRLF at the ends of lines.

        Args:
            message: an `EmailMessage`, or another `email.message.Message`.
            sender: the envelope's sender; by default, the address of Sender or From.
            recipients: the envelope's recipients; by default, those of To, Cc and Bcc.

        Raises:
            TypeError: if `message` is not a message.

        >>> from email.message import EmailMessage
        >>> message = EmailMessage()
        >>> message["To"], message["Bcc"], message["Subject"] = "ann@example.com", "bob@example.com", "Grüße"
        >>> message.set_content("Hello")
        >>> mail = Mail.from_message(message)
        >>> mail.recipients, mail.bcc, mail.subject
        (('ann@example.com', 'bob@example.com'), ('bob@example.com',), 'Grüße')
        """
        from lazr.smtptest.mail.header_envelope import build_envelope
        from lazr.smtptest.mail.parsed_message import ParsedMessage
        from lazr.smtptest.mail.stdlib_message import serialize_message

        complete, sent = serialize_message(message)
        envelope = build_envelope(ParsedMessage(complete, {}), sender, recipients)
        return cls("1", envelope, [sent])

    # -- content and envelope ----------------------------------------------------------------

    @property
    def session(self) -> SessionRecord:
        """The record of the SMTP session that delivered the mail.

        Raises:
            LookupError: if there was no session: the mail comes from a file, a message or a store.
        """
        if self._session is None:
            raise LookupError(f"mail {self.id} has no session: no server has received it here; see `has_session`")
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether an SMTP session delivered the mail; then `session` is its record."""
        return self._session is not None

    @property
    def content(self) -> bytes:
        """The exact bytes of the message."""
        content = self._content  # another thread may replace it
        if isinstance(content, list):
            self._content = content = join_parts(content)
        return content

    @property
    def parts(self) -> list[bytes]:
        """The content in the pieces that arrived; reading them does not join them."""
        content = self._content
        return content if isinstance(content, list) else [content]

    @property
    def received_at(self) -> datetime:
        """The time at which the last byte arrived: an aware `datetime` in UTC."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.timestamp, UTC)

    @property
    def size(self) -> int:
        """The number of bytes in `content`."""
        content = self._content
        return sum(map(len, content)) if isinstance(content, list) else len(content)

    @property
    def sender(self) -> str:
        """The envelope's sender (reverse-path); the empty string for the null reverse-path."""
        return self.envelope.mail_from

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope's recipients (forward-paths), in order."""
        return self.envelope.rcpt_tos

    @property
    def username(self) -> str:
        """The name that the client authenticated with; the empty string without AUTH.

        `envelope.auth` has all credentials.
        """
        return "" if self.envelope.auth is None else self.envelope.auth.username

    @property
    def bcc(self) -> tuple[str, ...]:
        """The envelope's recipients that are not in To, Cc, Resent-To or Resent-Cc.

        The case of domains is ignored.  A Bcc field that the sender left in the content has no effect here.
        """
        named = self._parse().destinations
        return tuple(recipient for recipient in self.recipients if fold_domain(recipient) not in named)

    # -- header fields -----------------------------------------------------------------------

    @property
    def headers(self) -> Headers:
        """The header fields in order; `mail.headers["subject"]` is the value of the first Subject."""
        return self._parse().headers

    def header(self, name: str) -> str:
        """Return the first value of a header field, decoded and unfolded; "" if it is missing."""
        return self._parse().headers.get(name)

    @property
    def subject(self) -> str:
        """The decoded Subject; the empty string if absent."""
        return self.header("subject")

    @property
    def from_(self) -> tuple[Address, ...]:
        """The addresses in From (RFC 5322 3.6.2); `sender` is the sender of the envelope."""
        return self._parse().from_

    @property
    def to(self) -> tuple[Address, ...]:
        """The addresses in the To header field; for the envelope's recipients see `recipients`."""
        return self._parse().to

    @property
    def cc(self) -> tuple[Address, ...]:
        """The addresses in the Cc header field."""
        return self._parse().cc

    @property
    def reply_to(self) -> tuple[Address, ...]:
        """The addresses in the Reply-To header field; empty if there is no such field."""
        return self._parse().reply_to

    @property
    def date(self) -> datetime | None:
        """The Date header field as an aware `datetime`; None if it is missing or malformed.

        The unknown zone `-0000` (RFC 5322 3.3) counts as UTC.
        """
        return self._parse().date

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets; the empty string if absent."""
        return self._parse().message_id

    # -- bodies ------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The decoded plain text, with LF line ends; without a text part, the text of the HTML.

        Lines of `format=flowed` text (RFC 3676) are not joined.
        """
        return self._parse().text

    @property
    def text_is_derived(self) -> bool:
        """Whether `text` is made from the HTML, because the mail has no text part."""
        return self._parse().text_is_derived

    @property
    def html(self) -> str:
        """The decoded HTML, with LF line ends; the empty string if there is no HTML part."""
        return self._parse().html

    @property
    def links(self) -> tuple[Link, ...]:
        """The links in the HTML, then the links in the text, each in order."""
        return self._parse().links

    @property
    def codes(self) -> tuple[str, ...]:
        """One-time codes, the likeliest first: numbers without separators, or letters and digits."""
        return self._parse().codes

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The parts that are neither the text nor the HTML, in order."""
        return self._parse().attachments

    def attachment(self, filename: str) -> Attachment:
        """Return the attachment with a file name.

        Args:
            filename: the decoded file name; `*` and `?` are wildcards, and case counts.

        Raises:
            LookupError: if no attachment, or more than one, has the name; the text lists all names.

        >>> mail = Mail.from_bytes(b"Content-Type: text/csv; name=a.csv\\r\\n\\r\\n1;2\\r\\n")
        >>> mail.attachment("*.csv").text
        '1;2\\n'
        """
        pattern = compile_glob(filename)
        found = [part for part in self.attachments if any(map(pattern.fullmatch, part.filenames))]
        if len(found) == 1:
            return found[0]
        names = [part.filename or f"(no name, {part.content_type})" for part in found or self.attachments]
        listed = f"the mail has {', '.join(map(repr, names))}" if names else "the mail has no attachment"
        if not found:
            nearest = find_nearest_name(filename, names)
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            raise LookupError(f"no attachment is named {filename!r}{hint}: {listed}")
        raise LookupError(f"{len(found)} attachments are named {filename!r}: {', '.join(map(repr, names))}")

    # -- the whole message -------------------------------------------------------------------

    @property
    def message(self) -> EmailMessage:
        """The content as an `EmailMessage` (`policy.default`); the same object at each access.

        For some messages `email` raises or takes very long.  These become an object with the header fields, the
        undecoded body as payload, and a defect.
        """
        return self._parse().email_message

    @property
    def structure(self) -> MessagePart:
        """The tree of MIME parts, with their places in `content`.

        >>> mail = Mail.from_bytes(b"Content-Type: multipart/mixed; boundary=b\\n\\n--b\\n\\nHi\\n--b--\\n")
        >>> [(part.number, part.content_type) for part in mail.structure.walk()]
        [('', 'multipart/mixed'), ('1', 'text/plain')]
        """
        return self._parse().structure

    @property
    def defects(self) -> tuple[Defect, ...]:
        """Everything malformed or unreadable; empty for a well-formed mail.  Parses all of it."""
        return self._parse().defects

    @property
    def defect_ranges(self) -> Mapping[Defect, tuple[int, int] | None]:
        """The positions of each defect in `content`: its first byte, and after its last one.

        None if a defect is nowhere, such as a missing field.  Of a defect that occurs several times, it is the first
        place.

        >>> mail = Mail.from_bytes(b"From: ann@example.com\\nDate: yesterday\\n\\nHi\\n")
        >>> for defect, place in mail.defect_ranges.items():
        ...     print(defect, place)
        header Date: not a date (23, 38)
        """
        return self._parse().defect_ranges

    @property
    def truncated(self) -> tuple[Defect, ...]:
        """What was not read because of a limit of this library; empty for most mails.

        A limit is no fault of the mail, so it is not in `defects`.  Parses all of it.
        """
        return self._parse().truncated

    def snapshot(
        self, *, headers: Collection[str] | None = None, replace: Mapping[str | re.Pattern[str], str] | None = None
    ) -> str:
        r"""Return the mail as text that stays the same from run to run, to compare in a test.

        Dates, message identifiers, boundaries and content identifiers are replaced by placeholders.

        Args:
            headers: names of the header fields to show.  By default all fields are shown, except those that depend on
                the mail's path or on the sending program (Received, DKIM-Signature, User-Agent, …).
            replace: further replacements, as a mapping from a string or a compiled pattern to the replacement.

        >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
        >>> mail = Mail("1", envelope, [b"Subject: Hi\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\nCode 1234\r\n"])
        >>> print(mail.snapshot(headers=["date"], replace={"1234": "<code>"}))
        MAIL FROM:<a@example.com>
        RCPT TO:<b@example.com>
        <BLANKLINE>
        Date: <date>
        <BLANKLINE>
        --- text
        Code <code>
        <BLANKLINE>
        """
        from lazr.smtptest.mail.snapshot import render_snapshot

        return render_snapshot(self, headers, replace or {})

    def check(self, *, html_support: bool = True, authentication: Authentication | None = None) -> Review:
        r"""Return what a reviewer would say: broken RFCs, bad links, signs of spam and more.

        Nothing is sent.  DNS records are those of `MailServer(dns=...)`, if there are some.  What mail programs support
        is checked only with the extra `html-check`, in a child process; without it, one finding says so.  The page
        "Rules of the review" has all rules.

        Args:
            html_support: whether to check what mail programs support, which takes most of the time; true by default.
            authentication: the results of DKIM, SPF and DMARC; by default those of `authentication` if the server has
                DNS records, and otherwise none.

        >>> mail = Mail.from_bytes(b"From: ann@example.com\nDate: yesterday\n\nHi {{ name }}\n")
        >>> [(finding.rule, finding.line) for finding in mail.check().select("error")]
        [('date-syntax', 2)]
        """
        from lazr.smtptest.mail.review.review import review_message

        if authentication is None and self._has_dns:
            with suppress(MissingExtra):
                authentication = self.authentication
        return review_message(
            self._parse(),
            self.content,
            self.envelope,
            self.timestamp,
            html_support=html_support,
            authentication=authentication,
        )

    @property
    def _has_dns(self) -> bool:
        known = self._authentication
        authenticator = known[0] if isinstance(known, tuple) else known
        return authenticator is not None and authenticator.resolver is not None

    # -- the sender --------------------------------------------------------------------------

    @property
    def authentication(self) -> Authentication:
        r"""The results of DKIM, ARC, SPF and DMARC, with the DNS records of `MailServer(dns=...)`.

        They are computed at first use.  SPF checks the address of the client, which PROXY or XCLIENT may have named, or
        that of `MailServer(spf_ip=...)`.  Without DNS records, each check that needs some is a "temperror".

        Raises:
            MissingExtra: if the extra `checks` is not installed.

        >>> from lazr.smtptest import MailServer
        >>> server = MailServer(
        ...     dns={"example.com": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.example.com": "v=DMARC1; p=reject"},
        ...     spf_ip="192.0.2.1",
        ... )
        >>> mail = server.deliver("From: ann@example.com\n\nHi\n", to="bob@example.net")
        >>> mail.authentication.spf.result, mail.authentication.dmarc.result
        ('pass', 'pass')
        """
        known = self._authentication
        if not isinstance(known, tuple):
            self._authentication = known = (known, self.authenticate())
        return known[1]

    def authenticate(self, dns: DnsSource = None, spf_ip: str | None = None) -> Authentication:
        r"""Return the results of DKIM, ARC, SPF and DMARC for other DNS records or another client.

        `authentication` stays as it is.

        Args:
            dns: the DNS records, as for `MailServer(dns=...)`; by default those of the server.
            spf_ip: the address that SPF checks; by default as in `authentication`.

        Raises:
            MissingExtra: if the extra `checks` is not installed.
            TypeError: if an argument has another type.
            ValueError: if `spf_ip` is not an IP address, or a DNS record is invalid.

        >>> mail = Mail.from_bytes(b"From: ann@example.com\r\n\r\nHi\r\n")
        >>> found = mail.authenticate({"example.com": "v=spf1 -all"}, spf_ip="192.0.2.1")
        >>> print(found.spf)
        spf=fail mfrom=example.com: no term before -all in the record of example.com matches 192.0.2.1
        """
        from lazr.smtptest.mail.authenticator import Authenticator

        known = self._authentication
        authenticator = (known[0] if isinstance(known, tuple) else known) or Authenticator(None)
        if dns is not None or spf_ip is not None:
            authenticator = Authenticator(
                authenticator.resolver if dns is None else dns, authenticator.spf_ip if spf_ip is None else spf_ip
            )
        return authenticator.check(self, [address.domain for address in self._parse().from_ if address.domain])

    def assert_authenticated(
        self,
        *,
        dkim: str | Literal[True] | None = None,
        spf: str | Literal[True] | None = None,
        dmarc: Literal[True] | None = None,
        arc: Literal[True] | None = None,
    ) -> None:
        r"""Check the results in `authentication`; without arguments, that DMARC passes.

        Args:
            dkim: True demands a DKIM signature that passes; a domain, one of this domain.
            spf: True demands that SPF passes; a domain, that it passes for this domain.
            dmarc: True demands that DMARC passes.
            arc: True demands that the ARC chain passes.

        Raises:
            AssertionError: if a result is another one; the text has the reasons.
            MissingExtra: if the extra `checks` is not installed.
            TypeError: if an argument has another type.

        >>> mail = Mail.from_bytes(b"From: ann@example.com\r\nTo: bob@example.com\r\nSubject: Hi\r\n\r\nHi\r\n")
        >>> mail.assert_authenticated(dkim="example.com")
        Traceback (most recent call last):
        AssertionError: mail 1 ann@example.com -> bob@example.com 'Hi' is not authenticated
          no DKIM signature of example.com passes: the mail has no DKIM signature
        """
        from lazr.smtptest.mail.authenticator import describe_unmet, format_unauthenticated

        if dkim is spf is dmarc is arc is None:
            dmarc = True
        unmet = describe_unmet(self.authentication, dkim=dkim, spf=spf, dmarc=dmarc, arc=arc)
        if unmet:
            summary = format_summary(self.sender, self.recipients, self.subject)
            raise AssertionError(format_unauthenticated(f"mail {self.id} {summary}", unmet))

    # -- in a browser ------------------------------------------------------------------------

    if TYPE_CHECKING:

        @overload
        def open(self, page: SyncPageT) -> SyncPageT: ...
        @overload
        def open(self, page: AsyncPageT) -> Coroutine[Any, Any, AsyncPageT]: ...

    def open(self, page: Any) -> Any:
        """Show the mail in a page of Playwright, and return the page.

        The page shows the HTML, or the text of a mail without HTML.  The content is untrusted input: it runs no script,
        and loads nothing but the pictures in the mail.  A click on a link leaves the mail, as in a mail client.

        Args:
            page: a `playwright.sync_api.Page`, or a `playwright.async_api.Page`, for which the result is a coroutine.

        Raises:
            TypeError: if `page` is no page of Playwright.

        >>> def test_confirm(page, smtptest):  # `page` is a fixture of pytest-playwright
        ...     mail = smtptest.inbox.one(to="ann@example.com")
        ...     mail.open(page).get_by_role("link", name="Confirm").click()
        """
        from lazr.smtptest.mail.browser_page import BrowserPage
        from lazr.smtptest.mail.playwright_page import open_page

        return open_page(page, BrowserPage(self.id, self._parse()))

    if TYPE_CHECKING:

        @overload
        def screenshot(
            self,
            page: SyncPage,
            path: str | PathLike[str] | None = None,
            *,
            full_page: bool = True,
            width: int | None = None,
        ) -> bytes: ...
        @overload
        def screenshot(
            self,
            page: AsyncPage,
            path: str | PathLike[str] | None = None,
            *,
            full_page: bool = True,
            width: int | None = None,
        ) -> Coroutine[Any, Any, bytes]: ...

    def screenshot(
        self,
        page: Any,
        path: str | PathLike[str] | None = None,
        *,
        full_page: bool = True,
        width: int | None = None,
    ) -> Any:
        """Show the mail in a page of Playwright as `open` does, and return a picture of it.

        Args:
            page: the page; for a `playwright.async_api.Page`, the result is a coroutine.
            path: a file for the picture; its suffix selects the format.  By default, no file is written, and the
                picture is a PNG.
            full_page: whether the picture has the whole mail, which is the default, or only what the viewport shows.
            width: the width of the viewport for this picture, in CSS pixels; by default that of the page.

        >>> def test_looks(page, smtptest):
        ...     mail = smtptest.inbox.one(to="ann@example.com")
        ...     assert mail.screenshot(page, "mail.png", width=400).startswith(b"\\x89PNG")
        """
        from os import fspath

        from lazr.smtptest.mail.browser_page import BrowserPage
        from lazr.smtptest.mail.playwright_page import take_screenshot

        return take_screenshot(
            page,
            BrowserPage(self.id, self._parse()),
            path=None if path is None else fspath(path),
            full_page=full_page,
            width=width,
        )

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the exact bytes of the content to a file, and return the file's path.

        Args:
            path: the file to write; an existing directory gets a file named `<id>.eml`.

        Raises:
            OSError: if the file cannot be written.
        """
        from pathlib import Path

        file = Path(path)
        if file.is_dir():
            file /= f"{self.id}.eml"
        file.write_bytes(self.content)
        return file

    def _parse(self) -> ParsedMessage:
        if self._parsed_message is None:
            from lazr.smtptest.mail.parsed_message import ParsedMessage

            self._parsed_message = ParsedMessage(self.content, self.envelope.mail_parameters)
        return self._parsed_message

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mail):
            return NotImplemented
        return self is other or (
            (self.id, self.timestamp, self.envelope) == (other.id, other.timestamp, other.envelope)
            and self.content == other.content
        )

    def __hash__(self) -> int:
        return hash((self.id, self.timestamp))

    def __reduce__(self) -> tuple[object, ...]:
        # The parsed form is left out: it is computed again.  So are DNS records: a resolver may have sockets.
        known = (None, self._authentication[1]) if isinstance(self._authentication, tuple) else None
        rebuild = partial(Mail, session=self._session, received_at=self.timestamp, authenticator=known)
        return rebuild, (self.id, self.envelope, self.parts.copy())

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute, and every key for an item
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

        def __getitem__(self, key: object) -> object:
            raise TypeError(f"a mail has no items; write mail.headers[{key!r}], or mail.header({key!r})")

        __iter__ = None  # else Python would iterate with `__getitem__`

    def _repr_html_(self) -> str:
        """Return the main fields, the text and the attachments, which a notebook shows.

        All text is escaped, and nothing is loaded.
        """
        from lazr.smtptest.mail.html_repr import render_fields

        rows = [
            ("MAIL FROM", self.sender or "<>"),
            ("RCPT TO", ", ".join(self.recipients)),
            ("From", ", ".join(map(str, self.from_))),
            ("To", ", ".join(map(str, self.to))),
            ("Cc", ", ".join(map(str, self.cc))),
            ("Subject", self.subject),
            *(("Link", f"{link.text} → {link.url}") for link in self.links[:_MAX_SHOWN_ROWS]),
            *(("Attachment", repr(part)) for part in self.attachments[:_MAX_SHOWN_ROWS]),
            *(("Defect", str(defect)) for defect in self.defects[:_MAX_SHOWN_ROWS]),
        ]
        return render_fields(f"Mail {self.id}, {self.size:,} bytes", rows, self.text)

    def __repr__(self) -> str:
        summary = format_summary(self.envelope.mail_from, self.envelope.rcpt_tos, read_subject(self.parts))
        return f"<Mail {self.id} {summary} {self.size} bytes>"
