"""Options of `smtptest serve` about the store: its place, its limits and its tags."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from lazr.smtptest.cli.config.typer_options import flag, option
from lazr.smtptest.cli.config.value_parsers import parse_age, parse_size

__all__ = ["StoreOptions"]

_STORE_PANEL = "Storage"
_TAGS_PANEL = "Tags"


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """The values of the options; `database` "" is the default file, None is no limit."""

    database: Annotated[
        str,
        option(
            "--database",
            help="Where to store mails: sqlite:///PATH, postgresql://USER@HOST/DB, memory: (until the server stops), "
            "or none (print only, without HTTP).",
            panel=_STORE_PANEL,
            metavar="URL",
            show_default="a file in your data directory",
        ),
    ] = ""
    max_messages: Annotated[
        int | None,
        option(
            "--max-messages",
            help="Keep at most this many mails, and delete the oldest.",
            panel=_STORE_PANEL,
            metavar="NUMBER",
            min=1,
            show_default="no limit",
        ),
    ] = None
    max_age: Annotated[
        timedelta | None,
        option(
            "--max-age",
            help="Delete mails that are older, such as 12h or 7d.",
            panel=_STORE_PANEL,
            parser=parse_age,
            metavar="AGE",
            show_default="no limit",
        ),
    ] = None
    max_bytes: Annotated[
        int | None,
        option(
            "--max-bytes",
            help="Keep at most this size of mails, such as 500M or 2G, and delete the oldest.",
            panel=_STORE_PANEL,
            parser=parse_size,
            metavar="SIZE",
            show_default="no limit",
        ),
    ] = None
    secure_delete: Annotated[
        bool,
        flag(
            "--secure-delete", help="Overwrite deleted mails in the SQLite file with zeros; slower.", panel=_STORE_PANEL
        ),
    ] = False
    min_free: Annotated[
        int | None,
        option(
            "--min-free",
            help="Accept mail while the disk of the SQLite file has more than this free, such as 4M; the rest is for "
            "reading and deleting mails.",
            panel=_STORE_PANEL,
            parser=parse_size,
            metavar="SIZE",
            show_default="16M",
        ),
    ] = None
    search_timeout: Annotated[
        float | None,
        option(
            "--search-timeout",
            help="The time limit of one search; a slower one is answered with 503.",
            panel=_STORE_PANEL,
            metavar="SECONDS",
            min=0.01,
            max=86_400,
            show_default="10",
        ),
    ] = None
    max_searches: Annotated[
        int | None,
        option(
            "--max-searches",
            help="Run at most this many searches at a time; others wait for them.",
            panel=_STORE_PANEL,
            metavar="NUMBER",
            min=1,
            show_default="the number of processors, at least 2",
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        option(
            "--tag",
            help="Tag new mails that a search finds, as in invoices=subject:invoice; repeatable.",
            panel=_TAGS_PANEL,
            metavar="TAG=QUERY",
        ),
    ] = None
    tags_disable: Annotated[
        str,
        option(
            "--tags-disable",
            help="Do not tag new mails by plus-addresses (the addresses in ann+TAG@example.com), by x-tags (the X-Tags "
            "fields), or by both, separated by a comma.",
            panel=_TAGS_PANEL,
            metavar="plus-addresses,x-tags",
            show_default=False,
        ),
    ] = ""
    tags_username: Annotated[
        bool,
        flag("--tags-username", help="Tag new mails with the user of their SMTP session.", panel=_TAGS_PANEL),
    ] = False
