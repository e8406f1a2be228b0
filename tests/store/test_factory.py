"""A URL selects the kind of store; an unknown one is rejected with the known ones."""

import pytest

from lazr.smtptest.store import create_store


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory:", "MemoryStore"),
        ("memory://", "MemoryStore"),
        ("mail.sqlite", "SqliteStore"),
        ("sqlite:///mail.sqlite", "SqliteStore"),
        ("C:\\mails\\mail.sqlite", "SqliteStore"),
        ("postgresql://ann@db.example/mails", "PostgresStore"),
        ("postgres://ann@db.example/mails", "PostgresStore"),
    ],
)
def test_url_selects_the_store(url, kind):
    assert type(create_store(url)).__name__ == kind


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("mysql://ann:secret@db.example/mails", "'mysql:…'$"),
        ("postgrsql://ann:secret@db.example/mails", "did you mean postgresql:"),
        ("sqllite:///secret", "did you mean sqlite:"),
        ("memry:", "did you mean memory:"),
    ],
)
def test_unknown_scheme_is_rejected_with_a_suggestion(url, hint):
    with pytest.raises(ValueError, match=f"must be memory:, sqlite:///path or .*{hint}") as raised:
        create_store(url)

    assert "secret" not in str(raised.value)


def test_secure_delete_needs_sqlite():
    with pytest.raises(ValueError, match="secure_delete needs an SQLite file"):
        create_store("postgresql://ann@db.example/mails", secure_delete=True)
