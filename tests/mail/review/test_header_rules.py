"""Tests of the comparison of domains in rules about sender and envelope."""

import sys

import pytest

from lazr.smtptest.mail.review.header_rules import has_same_organization

PAIRS = [
    ("example.com", "bounces.example.com", True),
    ("a.news.example.com", "b.example.com", True),
    ("EXAMPLE.com.", "example.com", True),
    ("b\u00fccher.example", "mail.xn--bcher-kva.example", True),
    ("example.com", "example.org", False),
    ("[192.0.2.1]", "[192.0.2.1]", True),
]


@pytest.mark.parametrize(("domain", "other", "expected"), [*PAIRS, ("shop.co.uk", "bank.co.uk", False)])
def test_domains_of_one_organization(domain, other, expected):
    assert has_same_organization(domain, other) is expected


@pytest.mark.parametrize(("domain", "other", "expected"), [*PAIRS, ("shop.co.uk", "bank.co.uk", True)])
def test_last_two_labels_count_without_the_suffix_list(domain, other, expected, monkeypatch):
    from lazr.smtptest.authentication import organizational_domain

    organizational_domain._load_list.cache_clear()
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)

    assert has_same_organization(domain, other) is expected
