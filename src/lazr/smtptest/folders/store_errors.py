"""Turn the errors of stores into those of folders, which sessions send to clients."""

from __future__ import annotations

from contextlib import contextmanager

from lazr.smtptest.errors import StoreError, StoreFull
from lazr.smtptest.protocol.folder_access import FolderError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["translate_store_errors"]


@contextmanager
def translate_store_errors() -> Iterator[None]:
    """Raise `FolderError` for each error of a store (RFC 5530 3, RFC 9208 4.3).

    >>> from lazr.smtptest.errors import StoreFull
    >>> with translate_store_errors():
    ...     raise StoreFull("no room")
    Traceback (most recent call last):
    lazr.smtptest.protocol.folder_access.FolderError: There is no room for this message
    """
    try:
        yield
    except StoreFull as error:
        raise FolderError("There is no room for this message", "OVERQUOTA") from error
    except StoreError as error:
        raise FolderError("The mails cannot be read or changed now, try later", "UNAVAILABLE") from error
