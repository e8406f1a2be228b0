import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.authentication.dmarc import MAX_FROM_DOMAINS, check_dmarc
from lazr.smtptest.authentication.dmarc_record import DmarcSyntaxError, is_dmarc_record, parse_dmarc_record
from lazr.smtptest.authentication.organizational_domain import find_organizational_domain
from lazr.smtptest.authentication.results import DkimResult, DmarcResult, SpfResult
from lazr.smtptest.dns import Zone

REJECT = "v=DMARC1; p=reject"
NO_SPF = SpfResult("none", "example.com")


def check(record=REJECT, *, domains=("example.com",), dkim=(), spf=NO_SPF, place="example.com", more=None):
    records = {} if record is None else {f"_dmarc.{place} TXT": record}
    return check_dmarc(domains, dkim, spf, Zone({**records, **(more or {})}))


def test_pass_has_all_facts():
    result = check(dkim=[DkimResult("pass", "mail.example.com")])

    assert result == DmarcResult(
        result="pass",
        domain="example.com",
        organizational_domain="example.com",
        policy="reject",
        disposition="none",
        dkim_aligned=True,
        spf_aligned=False,
        record=REJECT,
        reason="DKIM passed for mail.example.com",
    )


# record, From domain, domain of DKIM, domain of SPF: aligned by DKIM, by SPF
ALIGNMENTS = [
    (REJECT, "example.com", "example.com", "example.com", True, True),
    (REJECT, "example.com", "EXAMPLE.com.", "Example.Com", True, True),
    (REJECT, "news.example.com", "example.com", "bounce.example.com", True, True),
    (REJECT, "example.com", "example.net", "example.org", False, False),
    (REJECT, "example.com", "com", "notexample.com", False, False),
    (REJECT, "example.co.uk", "other.co.uk", "co.uk", False, False),
    (REJECT, "example.co.uk", "a.b.example.co.uk", "example.co.uk", True, True),
    (REJECT, "ann.github.io", "bob.github.io", "github.io", False, False),
    (f"{REJECT}; adkim=s", "example.com", "mail.example.com", "mail.example.com", False, True),
    (f"{REJECT}; aspf=s", "example.com", "mail.example.com", "mail.example.com", True, False),
    (f"{REJECT}; adkim=s; aspf=S", "example.com", "example.com", "example.com", True, True),
    (f"{REJECT}; adkim=x; aspf=", "example.com", "mail.example.com", "mail.example.com", True, True),
    (REJECT, "bücher.example", "xn--bcher-kva.example", "mail.bücher.example", True, True),
]


@pytest.mark.parametrize("case", ALIGNMENTS)
def test_alignment(case):
    record, domain, dkim, spf, dkim_aligned, spf_aligned = case
    place = find_organizational_domain(domain)
    result = check(record, domains=[domain], dkim=[DkimResult("pass", dkim)], spf=SpfResult("pass", spf), place=place)

    assert (result.dkim_aligned, result.spf_aligned) == (dkim_aligned, spf_aligned)
    assert result.result == ("pass" if dkim_aligned or spf_aligned else "fail")


REASONS = [
    (
        [DkimResult("pass", "mailer.example.net")],
        SpfResult("pass", "bounces.example.net"),
        (
            "DKIM passed for mailer.example.net, which is not aligned with example.com; "
            "SPF passed for bounces.example.net, which is not aligned with example.com"
        ),
    ),
    ([], SpfResult("softfail", "example.com"), "the mail has no DKIM signature; SPF is softfail for example.com"),
    (
        [DkimResult("fail", "example.com"), DkimResult("pass", "example.net")],
        NO_SPF,
        (
            "DKIM failed for example.com; DKIM passed for example.net, which is not aligned with example.com; "
            "SPF is none for example.com"
        ),
    ),
    (
        [DkimResult("fail", f"s{number}.example.com") for number in range(50)],
        SpfResult(),
        (
            "DKIM failed for s0.example.com; DKIM failed for s1.example.com; DKIM failed for s2.example.com; "
            "DKIM failed for s3.example.com; DKIM failed for s4.example.com; 45 other signatures do not count; "
            "SPF is none"
        ),
    ),
]


@pytest.mark.parametrize(("dkim", "spf", "reason"), REASONS, ids=["unaligned", "none", "mixed", "many"])
def test_reason_names_what_is_not_aligned(dkim, spf, reason):
    assert check(dkim=dkim, spf=spf).reason == reason


def test_reason_names_strict_mode():
    result = check("v=DMARC1; p=none; adkim=s", dkim=[DkimResult("pass", "mail.example.com")])

    assert "which is not aligned with example.com in strict mode (adkim=s)" in result.reason


# record, From domain, where the record is: policy, disposition
POLICIES = [
    ("v=DMARC1; p=none", "example.com", "example.com", "none", "none"),
    ("v=DMARC1;p=quarantine;", "example.com", "example.com", "quarantine", "quarantine"),
    ("v = DMARC1 ; P = Reject", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; sp=none", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; sp=none", "a.example.com", "example.com", "none", "none"),
    ("v=DMARC1; p=none; sp=quarantine", "a.b.example.com", "example.com", "quarantine", "quarantine"),
    ("v=DMARC1; p=quarantine", "a.example.com", "example.com", "quarantine", "quarantine"),
    ("v=DMARC1; p=reject; sp=none", "a.example.com", "a.example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; pct=0", "example.com", "example.com", "reject", "quarantine"),
    ("v=DMARC1; p=quarantine; pct=0", "example.com", "example.com", "quarantine", "none"),
    ("v=DMARC1; p=reject; pct=20", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; pct=many", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; pct=101", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; p=reject; unknown=1; fo=1:d:s", "example.com", "example.com", "reject", "reject"),
    ("v=DMARC1; rua=mailto:d@example.com", "example.com", "example.com", "none", "none"),
    ("v=DMARC1; p=rejekt; rua=mailto:d@example.com!10m", "example.com", "example.com", "none", "none"),
    ("v=DMARC1; p=reject; sp=rejekt; rua=mailto:d@example.com", "example.com", "example.com", "none", "none"),
]


@pytest.mark.parametrize(("record", "domain", "place", "policy", "disposition"), POLICIES)
def test_policy_and_disposition_of_a_failing_mail(record, domain, place, policy, disposition):
    result = check(record, domains=[domain], place=place)

    assert (result.result, result.policy, result.disposition) == ("fail", policy, disposition)


def test_reason_explains_the_share_of_pct():
    assert check("v=DMARC1; p=quarantine; pct=20").reason.endswith(
        "; with pct=20, receivers quarantine 20 % of such mails and accept the others"
    )


def test_reason_explains_a_policy_that_does_not_count():
    assert check("v=DMARC1; p=rejekt; rua=mailto:d@example.com").reason.endswith(
        "p= must be none, quarantine or reject, got 'rejekt': with a valid rua= it counts as p=none (RFC 7489 6.6.3)"
    )


INVALID = [
    ("v=DMARC1", "p= is missing"),
    ("v=DMARC1; rua=nobody", "p= is missing"),
    ("v=DMARC1; p=rejekt", "p= must be none, quarantine or reject, got 'rejekt'"),
    ("v=DMARC1; p=none; sp=", "sp= must be none, quarantine or reject, got ''"),
    ("v=DMARC1; p=none; p=reject", "the tag p= is in it twice"),
    ("v=DMARC1; p=none; reject", "'reject' is not a tag such as p=none"),
    ("v=DMARC1; p=none" + " " * 20_000, "this check reads at most 16384"),
]


@pytest.mark.parametrize(("record", "reason"), INVALID, ids=[reason for _, reason in INVALID])
def test_invalid_record_is_permerror(record, reason):
    class LongText:
        def find_txt(self, name):
            return [record.encode()]

    result = check_dmarc(["example.com"], [], NO_SPF, LongText())

    assert (result.result, result.disposition) == ("permerror", "none")
    assert result.reason.startswith("the DMARC record of example.com has no effect: ")
    assert reason in result.reason


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({}, "neither _dmarc.a.example.com nor _dmarc.example.com has a DMARC record"),
        ({"_dmarc.example.com": "v=DMARC2; p=reject"}, "neither _dmarc.a.example.com nor"),
        ({"_dmarc.example.com": "v=dmarc1; p=reject"}, "neither _dmarc.a.example.com nor"),
        ({"_dmarc.example.com": ["v=DMARC1; p=none", REJECT]}, "_dmarc.example.com has 2 DMARC records"),
        ({"_dmarc.com": REJECT}, "neither _dmarc.a.example.com nor"),
    ],
)
def test_without_one_record_dmarc_does_not_apply(records, reason):
    result = check(None, domains=["a.example.com"], more=records)

    assert (result.result, result.policy, result.disposition) == ("none", "", "none")
    assert result.reason.startswith(reason)


def test_other_txt_records_are_ignored():
    assert check(["v=spf1 -all", REJECT, "x"]).result == "fail"


def test_record_of_the_domain_comes_before_that_of_the_organization():
    more = {"_dmarc.a.example.com": "v=DMARC1; p=none"}

    assert check(domains=["a.example.com"], more=more).disposition == "none"


def test_failed_lookup_of_the_policy_is_temperror():
    result = check(TimeoutError("timed out"), dkim=[DkimResult("pass", "example.com")])

    assert result.result == "temperror"
    assert "timed out" in result.reason


@pytest.mark.parametrize(
    ("dkim", "spf", "result"),
    [
        ([DkimResult("temperror", "example.com")], NO_SPF, "temperror"),
        ([DkimResult("temperror", "example.net")], NO_SPF, "fail"),
        ([], SpfResult("temperror", "example.com"), "temperror"),
        ([], SpfResult("temperror", "example.net"), "fail"),
        ([DkimResult("temperror", "example.com")], SpfResult("pass", "example.com"), "pass"),
    ],
)
def test_failed_lookup_of_an_aligned_domain_leaves_the_result_open(dkim, spf, result):
    found = check(dkim=dkim, spf=spf)

    assert found.result == result
    assert found.disposition == ("reject" if result == "fail" else "none")


def test_strictest_of_several_from_domains_counts():
    more = {"_dmarc.example.net": "v=DMARC1; p=quarantine", "_dmarc.example.org": "v=DMARC1; p=none"}
    dkim = [DkimResult("pass", "example.com")]
    result = check(domains=["example.com", "example.org", "example.net", "unknown.example"], dkim=dkim, more=more)

    assert (result.result, result.domain, result.disposition) == ("fail", "example.net", "quarantine")


@pytest.mark.parametrize(
    ("more", "result", "text"),
    [
        ([f"d{number}.example" for number in range(MAX_FROM_DOMAINS)], "permerror", "has more than 10 domains"),
        (["a..b"], "none", "an address of the From field has no valid domain name"),
        (['example.com"'], "none", "an address of the From field has no valid domain name"),
    ],
)
def test_passing_domain_does_not_hide_one_that_is_not_checked(more, result, text):
    records = {f"_dmarc.{domain} TXT": "v=DMARC1; p=none" for domain in more if domain.startswith("d")}
    dkim = [DkimResult("pass", domain) for domain in ["example.com", *more]]
    found = check(domains=["example.com", *more], dkim=dkim, more=records)

    assert found.result == result
    assert text in found.reason


def test_domain_with_sharp_s_is_not_that_with_double_s():
    records = {"_dmarc.strasse.example": "v=DMARC1; p=none", "_dmarc.xn--strae-oqa.example": "v=DMARC1; p=reject"}
    result = check(domains=["straße.example"], dkim=[DkimResult("pass", "strasse.example")], more=records)

    assert (result.result, result.domain, result.disposition) == ("fail", "xn--strae-oqa.example", "reject")


@pytest.mark.parametrize(
    "domains", [[], [""], ["a..b"], ["x" * 64 + ".example"], ["\r\nX: y"], ["[192.0.2.1]"], ['example.com"']]
)
def test_without_a_from_domain_dmarc_does_not_apply(domains):
    result = check(domains=domains)

    assert (result.result, result.reason) == ("none", "the mail has no From field with a domain name")


def test_number_of_lookups_is_bounded():
    class CountingZone:
        queries = 0

        def find_txt(self, name):
            self.queries += 1
            return []

    zone = CountingZone()
    check_dmarc([f"a.d{number}.example" for number in range(1000)], [], NO_SPF, zone)

    assert zone.queries == 2 * MAX_FROM_DOMAINS


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text("v=DMARC1; psubrejctnoa:%;", max_size=80).map(str.encode))
def test_any_record_is_parsed_or_refused(text):
    is_dmarc_record(text)
    try:
        record = parse_dmarc_record(text)
    except DmarcSyntaxError:
        return
    assert record.policy in {"none", "quarantine", "reject"}
    assert 0 <= record.percent <= 100
