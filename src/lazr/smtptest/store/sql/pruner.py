"""Prune a store: delete the oldest mails beyond the limits of a `Retention`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true

from lazr.smtptest.store.base import Change
from lazr.smtptest.store.search.terms import EVERYTHING
from lazr.smtptest.store.sql.conditions import encode_timestamp
from lazr.smtptest.store.sql.schema import mails, sane_size
from lazr.smtptest.store.store_base import warn_about_clock_jump

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import ColumnElement, Connection

    from lazr.smtptest.store.base import Retention
    from lazr.smtptest.store.sql.database import Database
    from lazr.smtptest.store.sql.deleter import Deleter
    from lazr.smtptest.store.sql.queries import MessageQueries

__all__ = ["Pruner"]


class Pruner:
    """The deletion of mails beyond the limits.

    Of several nodes, one prunes at a time.
    """

    def __init__(self, database: Database, queries: MessageQueries, deleter: Deleter) -> None:
        self._database = database
        self._queries = queries
        self._deleter = deleter

    def prune(self, retention: Retention, now: float) -> int:
        """Delete the mails beyond the limits; return how many, or 0 while another node prunes."""
        with self._database.try_lock_pruning() as is_locked:
            if not is_locked:
                return 0
            with self._database.read_snapshot(limit_time=False) as connection:
                surplus = self._find_surplus(connection, retention, now)
            deleted = len(self._deleter.delete(surplus))
        if deleted:
            self._database.publish(Change("prune"))
        return deleted

    def _find_surplus(self, connection: Connection, retention: Retention, now: float) -> list[int]:
        """Return the numbers of the mails beyond the limits.

        These are the mails that are too old, then the oldest of the rest.
        """
        counters = self._database.read_totals(connection)
        if counters is not None and not (
            _exceeds_limits(counters.mails, counters.size, retention) or _has_expired(connection, retention, now)
        ):
            return []
        # In a damaged file, the counters may be wrong.  Count before deleting.
        totals = self._queries.query_totals(connection, EVERYTHING, true())
        expired = _find_expired(connection, retention, now, totals.mails)
        surplus = sorted(expired)
        left, size = totals.mails - len(expired), totals.size - sum(expired.values())
        if _exceeds_limits(left, size, retention):
            # The loop stops reading rows at the first mail that may stay.
            rows = connection.execute(select(mails.c.number, sane_size).order_by(mails.c.number))
            for number, mail_size in rows:
                if not _exceeds_limits(left, size, retention):
                    break
                if number not in expired:
                    surplus.append(number)
                    left, size = left - 1, size - mail_size
            rows.close()
        return surplus


def _build_expired_condition(max_age: timedelta, now: float) -> ColumnElement[bool]:
    return mails.c.received_at < encode_timestamp(datetime.fromtimestamp(now, UTC) - max_age)


def _has_expired(connection: Connection, retention: Retention, now: float) -> bool:
    if retention.max_age is None:
        return False
    statement = select(mails.c.number).where(_build_expired_condition(retention.max_age, now)).limit(1)
    return connection.scalar(statement) is not None


def _find_expired(connection: Connection, retention: Retention, now: float, mail_count: int) -> dict[int, int]:
    """Return the numbers and sizes of the mails to delete by age.

    These are at most as many as one pass may delete.
    """
    if retention.max_age is None:
        return {}
    is_expired = _build_expired_condition(retention.max_age, now)
    max_deletions = retention.compute_max_deletions_by_age(mail_count)
    expired_count = connection.scalar(select(func.count()).select_from(mails).where(is_expired)) or 0
    if expired_count > max_deletions:
        warn_about_clock_jump(expired_count, mail_count, retention, max_deletions)
    statement = select(mails.c.number, sane_size).where(is_expired).order_by(mails.c.number).limit(max_deletions)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _exceeds_limits(count: int, size: int, retention: Retention) -> bool:
    return (retention.max_mails is not None and count > retention.max_mails) or (
        retention.max_bytes is not None and size > retention.max_bytes
    )
