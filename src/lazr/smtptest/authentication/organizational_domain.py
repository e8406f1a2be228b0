"""The organizational domain (RFC 7489 3.2), by the public suffix list."""

from __future__ import annotations

from functools import lru_cache

from lazr.smtptest.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

__all__ = ["find_organizational_domain"]


def find_organizational_domain(domain: str) -> str:
    """Return the organizational domain; a public suffix such as `co.uk` is its own.

    The list is in the package publicsuffixlist, so nothing is downloaded.

    Args:
        domain: The domain, in lower case with A-labels.

    Raises:
        MissingExtra: publicsuffixlist is not installed.

    >>> find_organizational_domain("mail.news.example.co.uk"), find_organizational_domain("co.uk")
    ('example.co.uk', 'co.uk')
    """
    return _load_list().privatesuffix(domain) or domain


@lru_cache(maxsize=1)  # it has more than ten thousand lines
def _load_list() -> PublicSuffixList:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError as error:
        raise MissingExtra('DMARC needs publicsuffixlist: pip install "lazr.smtptest[checks]"') from error
    return PublicSuffixList()
