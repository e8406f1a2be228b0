"""Addresses: the case of the domain, and the two spellings of an international domain."""

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Envelope, Inbox, Mail, Match
from lazr.smtptest.mail.address_comparison import fold_domain

# Two spellings of an address, and whether both are the same.
PAIRS = [
    ("a@bücher.example", "a@xn--bcher-kva.example", True),
    ("a@BÜCHER.example", "a@xn--bcher-kva.EXAMPLE", True),
    (normalize("NFD", "a@bücher.example"), "a@xn--bcher-kva.example", True),
    ("a@bücher.example", "a@XN--BCHER-KVA.example", True),
    ("a@mail.bücher.example", "a@mail.xn--bcher-kva.example", True),
    ("a@straße.example", "a@xn--strae-oqa.example", True),  # RFC 5891: IDNA2008 has the letter ß
    ("a@straße.example", "a@strasse.example", False),
    ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah", True),
    ("a@пример.example", "a@xn--e1afmkfd.example", True),
    ("a@ｂücher.example", "a@bücher.example", True),  # full-width letters and stops are ways to type a domain
    ("a@ｅｘａｍｐｌｅ.com", "a@example.com", True),
    ("a@例え。テスト", "a@xn--r8jz45g.xn--zckzah", True),
    ("a@bücher．example", "a@xn--bcher-kva.example", True),
    ("a@ﾃｽﾄ.example", "a@xn--zckzah.example", True),
    ("ａ@example.com", "a@example.com", False),  # local parts differ
    ("A@bücher.example", "a@xn--bcher-kva.example", False),
    ("a@bucher.example", "a@xn--bcher-kva.example", False),
    ("xn--bcher-kva@a.example", "bücher@a.example", False),  # a local part is no domain
    ("a@xn--.example", "a@.example", False),
    ("a@xn--abc-.example", "a@abc.example", False),  # an A-label without a letter beyond ASCII is invalid
    ("a@xn--" + "a" * 80, "a@XN--" + "a" * 80, True),
]


def build_mail(*recipients, header=""):
    envelope = Envelope("app@example.com", recipients, mail_parameters={}, rcpt_parameters=({},) * len(recipients))
    return Mail("1", envelope, [f"To: {header}\r\n\r\nx\r\n".encode()])


@pytest.mark.parametrize(("first", "second", "is_same"), PAIRS)
def test_labels_of_a_domain_are_compared(first, second, is_same):
    for one, other in ((first, second), (second, first)):
        assert (fold_domain(one) == fold_domain(other)) is is_same
        assert (build_mail(one, header=other).bcc == ()) is is_same
        assert Match(to=one)(build_mail(other)) is is_same
        inbox = Inbox()
        inbox.append(build_mail(other))
        assert bool(inbox.sent_to(one)) is is_same


def test_wildcards_fit_both_spellings():
    assert Match(to="*@bücher.example")(build_mail("a@xn--bcher-kva.example"))
    assert Match(to="*@xn--bcher-kva.example")(build_mail("a@bücher.example"))


@settings(deadline=None)
@given(st.text(st.sampled_from("abz-09\u00fc\u0308ßК\u200d\ud800.@"), max_size=90))
def test_folding_never_raises_and_is_stable(text):
    for address in (text, f"a@{text}", f"a@xn--{text}"):
        folded = fold_domain(address)
        assert fold_domain(folded) == folded
