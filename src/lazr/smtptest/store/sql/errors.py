"""Translate the errors of database drivers into the errors of the store interface."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lazr.smtptest.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazr.smtptest.errors import SearchTooSlow, StoreFull

__all__ = ["translate_errors"]


@contextmanager
def translate_errors(
    driver_error: type[Exception],
    classify: Callable[[BaseException], type[SearchTooSlow | StoreFull | ValueError] | None],
) -> Iterator[None]:
    """Translate errors in the block to `StoreError` or `ValueError`.

    These are errors of the driver, of SQLAlchemy and of the operating system.

    Args:
        driver_error: the base class of the driver's exceptions.
        classify: returns the exception class for an error of the driver: `ValueError` for a duplicate key, or None
            for an error that may pass, which becomes `StoreUnavailable`.
    """
    try:
        yield
    except StoreError:  # translated already; must come first, as some are an OSError too
        raise
    except (DBAPIError, driver_error) as raised:
        error = raised.orig if isinstance(raised, DBAPIError) and raised.orig is not None else raised
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        kind = classify(error)
        if kind is ValueError:
            raise ValueError(f"the IDs of mails must be unique in the store: {first_line}") from raised
        raise (kind or StoreUnavailable)(first_line) from raised
    except (OSError, PoolTimeout) as raised:
        raise StoreUnavailable(str(raised)) from raised
