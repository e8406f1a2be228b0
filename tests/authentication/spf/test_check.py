import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.authentication.results import SpfResult
from lazr.smtptest.authentication.spf.check import check_spf
from lazr.smtptest.authentication.spf.record import MAX_RECORD_BYTES
from lazr.smtptest.dns import DnsError, Zone

IP = "192.0.2.1"
SENDER = "ann@example.com"


def check(record, *, ip=IP, helo="mail.example.com", mail_from=SENDER, more=None):
    return check_spf(ip, helo, mail_from, Zone({"example.com TXT": record, **(more or {})}))


def test_result_names_what_matched():
    result = check("v=spf1 ip4:192.0.2.0/24 -all")

    assert result == SpfResult(
        result="pass",
        domain="example.com",
        ip=IP,
        scope="mfrom",
        mechanism="ip4:192.0.2.0/24",
        explanation="",
        lookups=0,
        reason="192.0.2.1 matches ip4:192.0.2.0/24 in the record of example.com",
    )


EXISTS_REASON = (
    "192.0.2.1 matches exists:%{ir}.%{l}._spf.%{d} in the record of example.com (1.2.0.192.ann._spf.example.com exists)"
)
INCLUDE_REASON = (
    "192.0.2.1 matches include:_spf.example.net in the record of example.com "
    "(ip4:192.0.2.1 in the record of _spf.example.net)"
)
MATCHES = [
    ("v=spf1 ~all", "softfail", "no term before ~all in the record of example.com matches 192.0.2.1"),
    ("v=spf1 ip4:198.51.100.1", "neutral", "no term of the record of example.com matches 192.0.2.1"),
    (
        "v=spf1 a:mail.example.com/28 -all",
        "pass",
        "192.0.2.1 matches a:mail.example.com/28 in the record of example.com (192.0.2.7)",
    ),
    (
        "v=spf1 mx -all",
        "pass",
        "192.0.2.1 matches mx in the record of example.com (192.0.2.1, an address of mx.example.com)",
    ),
    (
        "v=spf1 ptr -all",
        "pass",
        "192.0.2.1 matches ptr in the record of example.com (its name is out.example.com)",
    ),
    (
        "v=spf1 exists:%{ir}.%{l}._spf.%{d} -all",
        "pass",
        EXISTS_REASON,
    ),
    (
        "v=spf1 include:_spf.example.net -all",
        "pass",
        INCLUDE_REASON,
    ),
    ("v=spf1 redirect=_spf.example.net", "pass", "192.0.2.1 matches ip4:192.0.2.1 in the record of _spf.example.net"),
]
RECORDS = {
    "mail.example.com A": "192.0.2.7",
    "example.com MX": ["10 mx.example.com", "20 mx2.example.com"],
    "mx.example.com A": IP,
    f"{IP} PTR": ["liar.example.com", "out.example.com"],
    "out.example.com A": IP,
    "1.2.0.192.ann._spf.example.com A": "127.0.0.2",
    "_spf.example.net TXT": "v=spf1 ip4:192.0.2.1 ?all",
}


@pytest.mark.parametrize(("record", "result", "reason"), MATCHES, ids=[row[0] for row in MATCHES])
def test_reason_says_which_term_matched(record, result, reason):
    found = check(record, more=RECORDS)

    assert (found.result, found.reason) == (result, reason)


SYNTAX_ERRORS = [
    ("v=spf1 ip4:192.0.2.1 -al", "'-al' is not a mechanism"),
    ("v=spf1 ipv4:192.0.2.1", "'ipv4:192.0.2.1' is not a mechanism; did you mean ip4?"),
    ("v=spf1 redirect:example.net", "'redirect:example.net' is not a mechanism; did you mean redirect=?"),
    ("v=spf1 a:192.0.2.1", "'192.0.2.1' is an address, not a domain name; use ip4:192.0.2.1"),
    ("v=spf1 ip4:192.0.2.300", "ip4 needs an IPv4 address or network"),
    ("v=spf1 ip4:192.0.2.0/33", "the prefix length must be 0 to 32"),
    ("v=spf1 ip6:fe80::1%eth0", "ip6 needs an IPv6 address or network"),
    ("v=spf1 a/24/64", "the prefix length must be 0 to 32"),
    ("v=spf1 a/x", "'/x' is not a prefix length"),
    ("v=spf1 include", "include needs a domain name, as in include:example.com"),
    ("v=spf1 include:", "the domain name is missing"),
    ("v=spf1 all:example.com", "all takes no argument"),
    ("v=spf1 redirect=a.example.com redirect=b.example.com", "redirect= is in it twice"),
    ("v=spf1 exists:%{x}.example.com", "the macro letter 'x' is unknown"),
    ("v=spf1 exists:%{c}.example.com", "the macro %{c} is allowed only in the text of an explanation"),
    ("v=spf1 exists:%{d0}.example.com", "keeps no part of the value; the number must be at least 1"),
    ("v=spf1 exists:100%.example.com", "is not a macro; a percent sign is written as %%"),
    ("v=spf1 a:%%{d}", "ends neither in a domain name such as example.com nor in a macro"),
    (b"v=spf1 a:b\xc3\xbccher.example", "the byte 0xc3 in it is not ASCII"),
    ("v=spf1 " + "a " * MAX_RECORD_BYTES, "this check reads at most 16384"),
]


@pytest.mark.parametrize(("record", "reason"), SYNTAX_ERRORS, ids=[str(row[0])[:40] for row in SYNTAX_ERRORS])
def test_syntax_error_is_permerror_with_reason(record, reason):
    result = check_spf(
        IP, "mail.example.com", SENDER, TxtOnly(record if isinstance(record, bytes) else record.encode())
    )

    assert result.result == "permerror"
    assert result.reason.startswith("in the record of example.com, ")
    assert reason in result.reason


class TxtOnly:
    """Each name has the same TXT record, which is not limited in size, and any other record that is asked for."""

    def __init__(self, text, *, exists=True):
        self._text = text
        self._exists = exists
        self.queries = 0

    def find_txt(self, name):
        self.queries += 1
        return [self._text]

    def find_addresses(self, name, version):
        self.queries += 1
        return []

    def find_mx(self, name):
        self.queries += 1
        return [(number, f"mx{number}.example.com") for number in range(10)] if self._exists else []

    def find_ptr(self, address):
        self.queries += 1
        return [f"name{number}.example.com" for number in range(1000)] if self._exists else []


def test_eleventh_lookup_is_permerror():
    includes = " ".join(f"include:s{number}.example.net" for number in range(6))
    more = {f"s{number}.example.net TXT": "v=spf1 a:mail.example.com ?all" for number in range(6)}
    result = check(f"v=spf1 {includes} -all", more={**more, "mail.example.com A": "198.51.100.1"})

    assert (result.result, result.lookups) == ("permerror", 11)
    assert result.reason == (
        "the record of example.com needs at least 11 DNS lookups (include:s5.example.net); RFC 7208 4.6.4 allows 10"
    )


def test_ten_lookups_are_allowed():
    addresses = " ".join(["a:mail.example.com"] * 10)
    result = check(f"v=spf1 {addresses} -all", more={"mail.example.com A": "198.51.100.1"})

    assert (result.result, result.lookups) == ("fail", 10)


def test_third_void_lookup_is_permerror():
    result = check("v=spf1 a:a.example.com mx:b.example.com exists:c.example.com -all")

    assert result.result == "permerror"
    assert result.reason == (
        "the record of example.com names 3 names without DNS records, at last c.example.com (A); "
        "RFC 7208 4.6.4 allows 2"
    )


def test_records_that_include_each_other_are_a_permerror():
    result = check("v=spf1 include:example.net -all", more={"example.net": "v=spf1 redirect=example.com"})

    assert result.result == "permerror"
    assert result.reason == ("the records include each other without end: example.com, example.net, example.com")


def test_eleven_mx_records_are_a_permerror():
    result = check("v=spf1 mx -all", more={"example.com MX": [f"{n} mx{n}.example.com" for n in range(11)]})

    assert result.result == "permerror"
    assert "example.com has 11 MX records" in result.reason


def test_two_records_are_a_permerror():
    result = check(["v=spf1 -all", "v=spf1 ip4:192.0.2.1 -all", "unrelated"])

    assert (result.result, result.reason) == ("permerror", "example.com has 2 SPF records; RFC 7208 4.5 allows one")


def test_include_of_a_domain_without_record_is_a_permerror():
    result = check("v=spf1 include:example.org -all")

    assert result.result == "permerror"
    assert result.reason == ("the record of example.com has include:example.org, but example.org has no SPF record")


@pytest.mark.parametrize(
    ("record", "more"),
    [
        (TimeoutError("timed out"), {}),
        ("v=spf1 a:slow.example -all", {"slow.example ANY": TimeoutError("timed out")}),
        ("v=spf1 mx:slow.example -all", {"slow.example ANY": TimeoutError("timed out")}),
        ("v=spf1 exists:slow.example -all", {"slow.example ANY": TimeoutError("timed out")}),
        ("v=spf1 include:slow.example -all", {"slow.example ANY": TimeoutError("timed out")}),
    ],
)
def test_failed_lookup_is_temperror(record, more):
    result = check(record, more=more)

    assert result.result == "temperror"
    assert "timed out" in result.reason


def test_null_reverse_path_checks_the_helo_name():
    zone = Zone({"mail.example.com": "v=spf1 a -all exp=why.example.com", "why.example.com": "not %{s}"})
    result = check_spf(IP, "mail.example.com", "", zone)

    assert (result.result, result.scope, result.domain) == ("fail", "helo", "mail.example.com")
    assert result.explanation == "not postmaster@mail.example.com"


@pytest.mark.parametrize("helo", ["localhost", "[192.0.2.1]", "", "a..b", "x" * 5000])
def test_helo_that_is_no_domain_name_has_no_result(helo):
    result = check_spf(IP, helo, "", Zone())

    assert result.result == "none"
    assert result.reason.endswith("is not a domain name of at least two labels") or "no SPF record" in result.reason


@pytest.mark.parametrize(
    ("ip", "result"),
    [
        ("2001:db8::1", "pass"),
        ("2001:db9::1", "fail"),
        ("::ffff:192.0.2.1", "pass"),
        ("fe80::1%eth0", "fail"),
    ],
)
def test_ipv6_and_mapped_addresses(ip, result):
    assert check("v=spf1 ip6:2001:db8::/32 ip4:192.0.2.1 -all", ip=ip).result == result


def test_invalid_address_raises():
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        check_spf("localhost", "mail.example.com", SENDER, Zone())


def test_international_domain_is_looked_up_as_a_labels():
    zone = Zone({"xn--bcher-kva.example": "v=spf1 ip4:192.0.2.1 -all"})
    result = check_spf(IP, "mail.example.com", "jörg@Bücher.example", zone)

    assert (result.result, result.domain) == ("pass", "xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 exists:%{l}.example.com -all", "fail"),
        ("v=spf1 include:%{s}.example.com ?all", "neutral"),
        ("v=spf1 redirect=%{l}.example.com", "neutral"),
        ("v=spf1 exists:%{d} -all", "pass"),
    ],
)
def test_terms_with_a_non_ascii_local_part_do_not_match(record, result):
    more = {"*.example.com A": "127.0.0.2", "example.com A": "127.0.0.2"}

    assert check(record, mail_from="jörg@example.com", more=more).result == result


def test_explanation_has_only_printable_ascii():
    more = {"why.example.com": "%{s} from %{c} (%{h}) at %{t} to %{r}"}
    result = check_spf(
        IP,
        "evil\r\nX: y",
        "a\r\nb@example.com",
        Zone({"example.com": "v=spf1 -all exp=why.%{d}", **more}),
        receiver="mx.example.org",
        now=1_700_000_000.5,
    )

    assert result.explanation == "a??b@example.com from 192.0.2.1 (evil??X: y) at 1700000000 to mx.example.org"


HOSTILE_TERMS = [
    "exists:" + "%{s}" * 4000 + ".example.com",
    "include:" + "a." * 8000 + "com",
    "a:" + "/" * 16_000,
    "exists:%{d" + "9" * 16_000 + "}",
    "exists:%{l" + "-" * 16_000 + "}",
    "ip4:" + "1" * 16_000,
    "ip4:1.2.3.4/" + "9" * 16_000,
    "x=" + "%%" * 8000,
    "include:%{d}.%{d} " * 100,
    "ptr mx " * 2000,
    "a" * 16_000,
    "a:" + "1." * 8000 + "1",
    "a:" + "a-" * 8000,
]


ZEROS = "0" * 8_000


@pytest.mark.parametrize(
    ("term", "result"),
    [
        ("a" + "/1" * 4_000, "permerror"),
        (f"a:%{{d{ZEROS}9}}", "pass"),
        (f"include:%{{h{ZEROS}9}}", "permerror"),
        (f"redirect=%{{h{ZEROS}9}}", "permerror"),
        ("exists:example.com/24 " * 3, "permerror"),
    ],
)
def test_reason_is_short_for_a_long_term(term, result):
    zone = Zone({"example.com": f"v=spf1 {term}", "example.com A": "192.0.2.1"})
    found = check_spf("192.0.2.1", "mail.example.org", "ann@example.com", zone)

    assert found.result == result
    assert len(found.reason) < 300


@pytest.mark.parametrize("terms", HOSTILE_TERMS, ids=[terms[:20] for terms in HOSTILE_TERMS])
@pytest.mark.parametrize("exists", [False, True])
def test_hostile_record_takes_little_time_and_few_lookups(terms, exists):
    resolver = TxtOnly(f"v=spf1 {terms} -all".encode(), exists=exists)
    started = time.thread_time()
    result = check_spf(IP, "h" * 100_000, "s" * 100_000 + "@example.com", resolver)

    assert time.thread_time() - started < 1
    assert result.result in {"permerror", "fail", "neutral"}
    assert len(result.reason) < 1000
    assert resolver.queries <= 1 + 11 * 11 + 11


TERMS = st.one_of(
    st.sampled_from(["a", "mx", "ptr", "-all", "include:%{d}", "redirect=b.%{o}", "exp=%{d}", "a:%{p}.b.example//0"]),
    st.text(st.characters(max_codepoint=0x17F), max_size=30),
    st.builds(
        "{}{}:{}{}".format,
        st.sampled_from(["", "+", "-", "~", "?"]),
        st.sampled_from(["a", "mx", "ptr", "include", "exists", "ip4", "ip6"]),
        st.text("%{}slodiphvcrtSLR1234567890.-+,/_=:ab", max_size=20),
        st.sampled_from(["", "/24", "//64", "/0//0", ".example.com"]),
    ),
)
NAMES = st.text(st.characters(max_codepoint=0x24F), max_size=40)


class AnyZone:
    """Answers are drawn by Hypothesis: any text, and errors."""

    def __init__(self, draw, records):
        self._draw = draw
        self._records = records

    def _fail_sometimes(self):
        if self._draw(st.integers(0, 9)) == 0:
            raise DnsError("timed out")

    def find_txt(self, name):
        self._fail_sometimes()
        return self._draw(st.lists(st.sampled_from(self._records), max_size=2))

    def find_addresses(self, name, version):
        self._fail_sometimes()
        return self._draw(st.lists(st.ip_addresses(v=version), max_size=2))

    def find_mx(self, name):
        self._fail_sometimes()
        return self._draw(st.lists(st.tuples(st.integers(0, 65535), NAMES), max_size=12))

    def find_ptr(self, address):
        self._fail_sometimes()
        return self._draw(st.lists(NAMES, max_size=12))


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    st.lists(st.lists(TERMS, max_size=6), min_size=1, max_size=3),
    st.ip_addresses(),
    NAMES,
    st.one_of(NAMES, st.just(SENDER), st.just("jörg@bücher.example")),
)
def test_no_record_and_no_answer_raises(data, term_lists, ip, helo, mail_from):
    records = ["v=spf1 {}".format(" ".join(terms)).encode() for terms in term_lists]
    result = check_spf(ip, helo, mail_from, AnyZone(data.draw, [*records, b"", b"\xff"]))

    assert result.result in {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}
    assert result.reason
    assert result.explanation.isascii()
