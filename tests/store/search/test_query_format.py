"""Terms as text: the parser reads each as the same term."""

import pytest

from lazr.smtptest.store import AddressTerm, FolderTerm, TagTerm, TextTerm, UserTerm, format_term, parse_query
from tests.store.search_corpus import terms


@pytest.mark.parametrize(
    ("term", "query"),
    [
        (AddressTerm("recipient", "ann@example.com"), "recipient:ann@example.com"),
        (AddressTerm("recipient", "*@example.com", negated=True), "-recipient:*@example.com"),
        (AddressTerm("sender", ""), 'sender:""'),
        (AddressTerm("to", "ann@example.com"), "to:=ann@example.com"),
        (AddressTerm("recipient", "a b"), "recipient:a?b"),
        (AddressTerm("recipient", 'a"b'), "recipient:a?b"),
        (AddressTerm("recipient", "<a>"), "recipient:<a*"),
        (AddressTerm("recipient", "x" * 900), f"recipient:{'x' * 500}*"),
        (TagTerm("two words"), 'tag:"two words"'),
        (TagTerm('a"b'), ""),
        (UserTerm("ann"), "user:ann"),
        (UserTerm("Ann Lee"), 'user:"Ann Lee"'),
        (FolderTerm(None, ""), "in:inbox"),
        (FolderTerm(None, "sent"), "in:sent"),
        (FolderTerm(None, "old mails", negated=True), '-in:"old mails"'),
        (FolderTerm("", ""), "in:inbox"),
        (FolderTerm("ann", "Sent"), ""),
        (TextTerm("subject", "x"), ""),
    ],
)
def test_term_is_written_as_a_query(term, query):
    assert format_term(term) == query


def test_query_finds_what_the_term_finds():
    checked = 0
    for term in terms():
        query = format_term(term)
        if query:
            [parsed] = parse_query(query)
            if isinstance(term, AddressTerm):
                assert parsed.matches_addresses([(term.field, term.address)]), term
            else:
                assert parsed == term
            checked += 1
    assert checked > 50
