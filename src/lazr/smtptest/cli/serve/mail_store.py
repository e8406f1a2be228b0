"""Open the store that the options of `smtptest serve` describe, and run its maintenance."""

import contextlib
from collections.abc import Iterator

from lazr.smtptest._util.suggestion import find_nearest_name
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.serve.store_options import StoreOptions
from lazr.smtptest.errors import StoreError, StoreInUse, StoreTooNew
from lazr.smtptest.store import (
    Maintenance,
    Retention,
    Store,
    TagFilter,
    TagRules,
    create_store,
    get_default_path,
)

__all__ = ["NO_STORE", "build_tag_rules", "has_retention", "open_store"]

NO_STORE = "none"
_TAG_SOURCES = ("plus-addresses", "x-tags")
_USAGE_ERROR = 2


@contextlib.contextmanager
def open_store(options: StoreOptions) -> Iterator[Store | None]:
    """Open the store and run its maintenance thread; None for `--database none`.

    Raises:
        CommandError: If the store cannot be opened; with status 2 if another option would help.
    """
    if options.database == NO_STORE:
        yield None
        return
    try:
        tag_rules = build_tag_rules(options)
        store = create_store(
            options.database or _create_default_folder(),
            secure_delete=options.secure_delete,
            min_free=options.min_free,
            search_timeout=options.search_timeout,
            max_searches=options.max_searches,
            tag_rules=tag_rules,
        )
        store.open()
    except StoreInUse as error:
        raise CommandError(
            f"{error}; stop that process, or choose another store with --database", _USAGE_ERROR
        ) from None
    except (StoreTooNew, ValueError) as error:
        raise CommandError(str(error), _USAGE_ERROR) from None
    except (StoreError, OSError) as error:
        raise CommandError(str(error)) from None
    try:
        with Maintenance(store, _build_retention(options) if has_retention(options) else None):
            yield store
    finally:
        store.close()


def build_tag_rules(options: StoreOptions) -> TagRules:
    """Return the rules that tag new mails.

    Raises:
        ValueError: If a tag filter or the name of a way to tag is invalid.
    """
    disabled = {name.strip().lower() for name in options.tags_disable.split(",") if name.strip()}
    for name in disabled - {*_TAG_SOURCES}:
        nearest = find_nearest_name(name, _TAG_SOURCES)
        hint = "" if nearest is None else f"; did you mean {nearest}?"
        raise ValueError(f"--tags-disable must be {' or '.join(_TAG_SOURCES)}, got {name!r}{hint}")
    return TagRules(
        filters=tuple(map(TagFilter.parse, options.tag or ())),
        x_tags="x-tags" not in disabled,
        plus_addresses="plus-addresses" not in disabled,
        usernames=options.tags_username,
    )


def has_retention(options: StoreOptions) -> bool:
    """Return whether the options limit what the store keeps."""
    return _build_retention(options) != Retention()


def _build_retention(options: StoreOptions) -> Retention:
    return Retention(max_mails=options.max_messages, max_bytes=options.max_bytes, max_age=options.max_age)


def _create_default_folder() -> str:
    """Create the folder of the default file, and return the path of the file."""
    file = get_default_path()
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)
