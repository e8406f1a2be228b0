"""Conditions: matching, combination, and the description of mismatches."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Envelope, Inbox, Mail, Match, WaitTimeout


def mail(content="Subject: Hi\r\n\r\nHello\r\n", to=("bob@example.com",), sender="ann@example.com", number="1"):
    envelope = Envelope(sender, to, mail_parameters={}, rcpt_parameters=({},) * len(to))
    return Mail(number, envelope, [content.encode()])


BOB, ANN, HI = Match(to="bob@example.com"), Match(to="ann@example.com"), Match(subject="Hi")


@pytest.mark.parametrize(
    ("condition", "is_met", "text"),
    [
        (BOB & HI, True, "(Match(to='bob@example.com') & Match(subject='Hi'))"),
        (BOB & ANN, False, "(Match(to='bob@example.com') & Match(to='ann@example.com'))"),
        (ANN | HI, True, "(Match(to='ann@example.com') | Match(subject='Hi'))"),
        (ANN | ~HI, False, "(Match(to='ann@example.com') | ~Match(subject='Hi'))"),
        (~(ANN | ~HI), True, "~(Match(to='ann@example.com') | ~Match(subject='Hi'))"),
        (~BOB, False, "~Match(to='bob@example.com')"),
        (Match(), True, "Match()"),
        (~Match(), False, "~Match()"),
        (Match(where=BOB | ANN), True, None),
        (Match(where=~BOB), False, None),
    ],
)
def test_combined_conditions_match_and_have_a_repr(condition, is_met, text):
    assert condition(mail()) is is_met and (condition.describe_mismatches(mail()) == []) is is_met
    assert text is None or repr(condition) == text
    assert bool(Inbox().matching(condition)) is False


def test_combination_with_other_types_raises_type_error():
    for wrong in (lambda: BOB & 1, lambda: BOB | "x", lambda: Match(where="bob@example.com")):
        with pytest.raises(TypeError):
            wrong()


# The recipient that every matching mail has: the key of the inbox's index.
@pytest.mark.parametrize(
    ("condition", "recipient"),
    [
        (BOB, "bob@example.com"),
        (Match(to="Bob@EXAMPLE.com"), "Bob@example.com"),
        (Match(to="*@example.com"), None),
        (Match(to=["*@example.com", "bob@example.com"]), "bob@example.com"),
        (Match(to=re.compile("bob")), None),
        (Match(sender="bob@example.com"), None),
        (HI & BOB, "bob@example.com"),
        (HI | BOB, None),
        (~BOB, None),
    ],
)
def test_recipient_is_the_address_that_every_match_has(condition, recipient):
    assert condition.recipient == recipient


addresses = st.sampled_from(["ann@a.example", "Ann@a.example", "ann@A.example", "bob@b.example", "", "postmaster"])
conditions = st.recursive(
    st.builds(Match, to=st.one_of(addresses, st.just("*@a.example")))
    | st.builds(Match, sender=addresses)
    | st.just(Match()),
    lambda inner: (
        st.builds(lambda one, other: one & other, inner, inner)
        | st.builds(lambda one, other: one | other, inner, inner)
        | inner.map(lambda one: ~one)
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(addresses, st.lists(addresses, min_size=1, max_size=3))),
    conditions,
    st.integers(0, 10),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_recipient_index_finds_the_same_mails_as_a_full_scan(mails, condition, since, keep):
    inbox = Inbox(keep_mails=keep)
    made = [mail(to=tuple(to), sender=sender, number=str(n)) for n, (sender, to) in enumerate(mails)]
    for one in made:
        inbox.append(one)

    kept = made if keep is None else made[-keep:]
    assert list(inbox) == kept and inbox.dropped == len(made) - len(kept)
    assert inbox.matching(condition, since=since) == [one for one in kept if condition(one) and int(one.id) >= since]
    assert inbox.sent_to("ann@a.example") == [one for one in kept if Match(to="ann@a.example")(one)]


def test_list_requires_each_of_its_values():
    both = mail(to=("ann@example.com", "bob@example.com"))

    assert Match(to=["bob@example.com", "ann@*"], subject=[re.compile("^H"), re.compile("i$")])(both)
    assert not Match(to=["bob@example.com", "cy@example.com"])(both)
    assert Match(header={"Subject": ("Hi",)})(both)


# Criteria, the arguments of `mail`, and the expected description.
FAILURES = [
    (
        {"to": "Bob@example.com"},
        {},
        "to is 'bob@example.com': only the case differs (re.compile('(?i)…') ignores case)",
    ),
    ({"text": "Hello"}, {}, "text is 'Hello\\n': only white space at the ends differs"),
    ({"subject": "A  B"}, {"content": "Subject: A B\r\n\r\n"}, "subject is 'A B': only white space differs"),
    (
        {"to": "cy@example.com"},
        {"content": "To: Cy <Cy@example.com>\r\n\r\n"},
        ("to is 'bob@example.com': a header field names cy@example.com, but `to` compares the envelope's recipients"),
    ),
    ({"to": "cy@example.com"}, {"to": ("a@b.example", "c@d.example")}, "to is 'a@b.example', 'c@d.example'"),
    (  # a header field that only contains the text names another address
        {"to": "ann@example.co"},
        {"content": "To: ann@example.com\r\n\r\n", "to": ("ann@example.com",)},
        "to is 'ann@example.com': 1 character differs",
    ),
    ({"to": "bob@exampl.com"}, {}, "to is 'bob@example.com': 1 character differs"),
    (
        {"to": "bob@example.cmo"},
        {"to": ("x@y.example", "bob@example.com")},
        "to is 'x@y.example', 'bob@example.com': 1 character differs",
    ),
    ({"to": "bobs@example.org"}, {}, "to is 'bob@example.com'"),
    ({"to": "bo@example.com"}, {"to": ("al@example.com",)}, "to is 'al@example.com'"),
    (
        {"to": "@example.com"},
        {},
        "to is 'bob@example.com': the whole address is compared; did you mean '*@example.com'?",
    ),
    (
        {"to": "example.com"},
        {},
        "to is 'bob@example.com': the whole address is compared; did you mean '*@example.com'?",
    ),
    (
        {"to": "@Example.COM"},
        {},
        "to is 'bob@example.com': the whole address is compared; did you mean '*@example.com'?",
    ),
    (
        {"sender": "@example.com"},
        {},
        "sender is 'ann@example.com': the whole address is compared; did you mean '*@example.com'?",
    ),
    ({"to": "bob"}, {}, "to is 'bob@example.com': the whole address is compared; did you mean 'bob@*'?"),
    (
        {"from_": "@b.example"},
        {"content": "From: a@b.example\r\n\r\n"},
        "from_ is 'a@b.example': the whole address is compared; did you mean '*@b.example'?",
    ),
    (
        {"to": "cy@xn--bcher-kva.example"},
        {"content": "Bcc: x@y.example, Cy <cy@bücher.example>\r\n\r\n"},
        (
            "to is 'bob@example.com': a header field names cy@xn--bcher-kva.example, but `to` compares the envelope's "
            "recipients"
        ),
    ),
    ({"to": "example"}, {"content": "To: cy@example.com\r\n\r\n"}, "to is 'bob@example.com'"),
    (
        {"subject": "[Shop] Hi"},
        {"content": "Subject: [Shop] Hi!\r\n\r\n"},
        "subject is '[Shop] Hi!': a string must be equal; re.compile('\\\\[Shop\\\\] Hi') searches",
    ),
    (
        {"subject": "10 EUR"},
        {"content": "Subject: 10\xa0EUR\r\n\r\n"},
        (
            "subject is '10\\xa0EUR': only the kind of space differs: character 3 is U+00A0 NO-BREAK SPACE, "
            "expected U+0020 SPACE"
        ),
    ),
    (
        {"subject": re.compile("10 EUR")},
        {"content": "Subject: 10\xa0EUR\r\n\r\n"},
        "subject is '10\\xa0EUR': found if the kind of space does not count",
    ),
    ({"code": "1235"}, {"content": "\r\nYour code is 1234.\r\n"}, "code is '1234'"),
    ({"attachment": "*.pdf"}, {}, "attachment is nothing"),
    ({"attachment": True}, {}, "attachment is nothing"),
    ({"subject": re.compile("x")}, {}, "subject is 'Hi'"),
    ({"subject": "H"}, {}, "subject is 'Hi': a string must be equal; re.compile('H') searches"),
    ({"text": "ell"}, {}, "text is 'Hello\\n': a string must be equal; re.compile('ell') searches"),
    (
        {"subject": "H*"},
        {},
        ("subject is 'Hi': * and ? are wildcards only in addresses; re.compile('…') searches"),
    ),
    (
        {"subject": "[Shop] *"},
        {"content": "Subject: [Shop] Hi\r\n\r\n"},
        "subject is '[Shop] Hi': * and ? are wildcards only in addresses; re.compile('…') searches",
    ),
    (
        {"sender": "Ann <ann@example.com>"},
        {},
        "sender is 'ann@example.com': only the address is compared, write 'ann@example.com'",
    ),
    ({"from_": "cy@example.com"}, {"content": "From: Ann <a@b.example>\r\n\r\n"}, "from_ is 'a@b.example'"),
    ({"reply_to": "cy@example.com"}, {}, "reply_to is nothing"),
    ({"bcc": "cy@example.com"}, {}, "bcc is 'bob@example.com'"),
    ({"subject": str.isupper}, {}, "subject is 'Hi'"),
    ({"cc": "cy@example.com"}, {}, "cc is nothing"),
    ({"header": {"X-Tag": "a"}}, {}, "header X-Tag is nothing"),
    ({"header": {"Subject": None}}, {}, "header Subject is 'Hi'"),
    (
        {"to": "z@y.example"},
        {"to": tuple(f"u{n}@x.example" for n in range(9))},
        f"to is {', '.join(repr(f'u{n}@x.example') for n in range(5))} and 4 more",
    ),
    (
        {"text": "one\nHi\n"},
        {"content": "\r\none\r\nH\x1b[2J\u202e\r\n"},
        "text is not equal:\n  --- expected\n  +++ received\n  @@ -1,2 +1,2 @@\n   one\n  -Hi\n  +H\\x1b[2J\\u202e",
    ),
    ({"where": lambda mail: mail.attachments[0]}, {}, "where raised IndexError: tuple index out of range"),
    ({"subject": "x"}, {"content": f"Subject: {'y' * 300}\r\n\r\n"}, f"subject is '{'y' * 160}…'"),
    ({"where": lambda mail: False}, {}, "where returned false"),
    ({"where": ~HI}, {}, "Match(subject='Hi') matches"),
    ({"where": BOB & ANN}, {}, "to is 'bob@example.com'"),
    (
        {"text": "one\ntwo\nfour\n"},
        {"content": "\r\none\r\ntwo\r\nthree\r\n"},
        "text is not equal:\n  --- expected\n  +++ received\n  @@ -2,2 +2,2 @@\n   two\n  -four\n  +three",
    ),
    (
        {"text": "a\n" * 40},
        {"content": "\r\n" + "b\r\n" * 40},
        "text is not equal:\n  --- expected\n  +++ received\n  @@ -1,40 +1,40 @@\n"
        + "  -a\n" * 9
        + "  … and 71 more lines",
    ),
    (
        {"text": "a\n" * 9000 + "b"},
        {"content": "\r\n" + "a\r\n" * 9000 + "c\r\n"},
        (
            "text is not equal:\n  - 'a\\na\\na\\na\\na\\na\\na\\na\\na\\na\\nb'\n"
            "  + 'a\\na\\na\\na\\na\\na\\na\\na\\na\\na\\nc\\n'\n  (from character 17980)"
        ),
    ),
]


@pytest.mark.parametrize(("match", "arguments", "description"), FAILURES)
def test_mismatch_names_the_value_and_the_likely_mistake(match, arguments, description):
    assert "\n".join(Match(**match).describe_mismatches(mail(**arguments))) == description


def test_mismatches_list_all_unmet_criteria():
    assert Match(to="x@y.example", subject="Ho", text="Hello\n").describe_mismatches(mail()) == [
        "to is 'bob@example.com'",
        "subject is 'Hi'",
    ]
    assert (ANN | Match(subject="Ho")).describe_mismatches(mail()) == ["to is 'bob@example.com'", "subject is 'Hi'"]


def test_exception_of_a_criterion_has_a_note_with_the_mail():
    inbox = Inbox()
    inbox.append(mail())
    with pytest.raises(IndexError) as failure:
        inbox.matching(where=lambda mail: mail.attachments[0].filename == "a")
    note = failure.value.__notes__[0]
    assert note.startswith("raised by the criterion where=<") and "> for <Mail 1 ann@example.com -> bob" in note


def test_failure_lists_the_nearest_of_many_mails():
    inbox = Inbox()
    for number in range(30):
        inbox.append(mail(f"Subject: {number}\r\n\r\nHello\r\n", to=("x@y.example",), number=str(number)))
    inbox.append(mail("Subject: Near\r\n\r\nHello\r\n", number="near"))
    inbox.append(mail("Subject: Far\r\n\r\n\r\n", to=("x@y.example",), number="far"))
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="bob@example.com", text="Hello\n", subject="Hi", timeout=0)
    report = str(failure.value)

    assert "<Mail near " in report and "<Mail far " not in report and "… and 22 more" in report


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda inbox: inbox.one("ann@example.com"),
            r"criteria must have names, got 'ann@example.com': to='ann@example.com', subject=",
        ),
        (
            lambda inbox: inbox.wait("ann@example.com"),
            r"count must be a number of mails, got 'ann@example.com'; criteria have names: wait\(1, to=",
        ),
        (lambda inbox: inbox.one(body="x"), r"unknown criterion 'body'; did you mean 'text'\? Known: sender, to"),
        (lambda inbox: inbox.one(subjct="x"), r"unknown criterion 'subjct'; did you mean 'subject'\?"),
        (lambda inbox: inbox.one(recipient="x"), r"unknown criterion 'recipient'; did you mean 'to'\?"),
        (lambda inbox: inbox.one(to="x", recipients="y"), r"recipients is another name of to; write to=\[…\]"),
        (lambda inbox: inbox.one(code=12345), "code must be a string, .* got 12345, write '12345'"),
        (lambda inbox: inbox.one(code=["1234", 5]), "code must be a string"),
        (lambda inbox: inbox.one(zzz="x"), "unknown criterion 'zzz'; known: sender"),
        (lambda inbox: inbox.none(timeout=1), "unknown criterion 'timeout': `none` takes within="),
        (lambda inbox: inbox.one(within=1), "unknown criterion 'within': only `none` takes within="),
        (
            lambda inbox: inbox.one(where="x"),
            "where must be a function of the mail, got 'x'; name the criterion: to='x'",
        ),
    ],
)
def test_wrong_arguments_raise_type_error_with_the_fix(call, message):
    with pytest.raises(TypeError, match=message):
        call(Inbox())


def test_header_address_criteria_and_bcc():
    one = mail(
        "From: Ann <ann@a.example>\r\nTo: x@y.example\r\nReply-To: r@a.example\r\n\r\n",
        to=("x@y.example", "b@c.example"),
    )

    assert Match(from_="*@a.example", reply_to="r@A.example", bcc="b@c.example")(one)
    assert not Match(bcc="x@y.example")(one)


def test_criterion_after_an_unmet_one_is_called_only_for_the_report():
    inbox = Inbox()
    inbox.append(mail())
    with pytest.raises(WaitTimeout, match=r"(?s)to is 'bob@example\.com'\n +where raised IndexError"):
        inbox.one(to="ann@*", where=lambda mail: mail.attachments[0].filename == "x", timeout=0)
    with pytest.raises(WaitTimeout):
        inbox.one(Match(to="ann@*") & Match(where=lambda mail: mail.attachments[0]), timeout=0)
    assert inbox.matching(Match(to="bob@*") | Match(where=lambda mail: mail.attachments[0]))
    assert inbox.describe_late_mails() == []


def test_classes_are_compared_and_not_called():
    class Meta(type):
        def __eq__(cls, other):
            return other == "Hi"

        __hash__ = None

    class IsHi(metaclass=Meta):
        pass

    assert Match(subject=IsHi)(mail()) and not Match(subject=IsHi)(mail("Subject: Ho\r\n\r\n"))


def test_header_criterion_compares_all_fields_and_accepts_none():
    two = mail("X-Tag: a\r\nX-Tag: b\r\n\r\n")

    assert Match(header={"X-Tag": "a"})(two) and Match(header={"x-tag": ["a", "b"]})(two)
    assert Match(header={"X-None": None}, cc=None, bcc=None)(mail("To: bob@example.com\r\n\r\n"))
    assert not Match(header={"X-Tag": None})(two) and not Match(header={"X-None": ""})(two)


def test_empty_list_raises_value_error():
    with pytest.raises(ValueError, match=r"to=\[\] must not be empty: every mail would match"):
        Match(to=[])


def test_failure_report_is_bounded_and_escaped():
    inbox = Inbox()
    for number in range(30):
        inbox.append(mail(to=tuple(f"user{n}\u202e@example.com" for n in range(1000)), number=str(number)))
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="nobody@example.com", timeout=0)

    assert len(str(failure.value)) < 8000 and "\u202e" not in str(failure.value)


WITH_FILES = (
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    "--x\r\n\r\nYour code is 012 345.\r\n"
    "--x\r\nContent-Disposition: attachment; filename=Invoice.pdf\r\n\r\na\r\n"
    "--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nb\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("match", "is_met"),
    [
        ({"attachment": "Invoice.pdf"}, True),
        ({"attachment": "*.pdf"}, True),
        ({"attachment": "Invoice.???"}, True),
        ({"attachment": "*"}, True),
        ({"attachment": ""}, True),  # the one without a name
        ({"attachment": "invoice.pdf"}, False),
        ({"attachment": "Invoice"}, False),
        ({"attachment": "*.png"}, False),
        ({"attachment": re.compile(r"\.pdf$")}, True),
        ({"attachment": ["*.pdf", ""]}, True),
        ({"attachment": ["*.pdf", "*.csv"]}, False),
        ({"attachment": str.islower}, False),
        ({"attachment": True}, True),
        ({"attachment": None}, False),
        ({"code": "012345"}, True),
        ({"code": "012 345"}, True),
        ({"code": "012-345"}, True),
        ({"code": "12345"}, False),
        ({"code": True}, True),
        ({"code": None}, False),
        ({"code": re.compile("^0")}, True),
        ({"subject": True}, False),
        ({"text": True, "cc": None}, True),
        ({"recipients": "bob@*"}, True),
        ({"recipients": "ann@*"}, False),
    ],
)
def test_code_attachment_and_presence(match, is_met):
    assert Match(**match)(mail(WITH_FILES)) is is_met
    assert bool(Match(**match).describe_mismatches(mail(WITH_FILES))) is not is_met


def test_presence_and_absence_in_a_mail_without_values():
    assert Match(attachment=None, code=None, subject=None, cc=None)(mail("\r\nHello\r\n"))
    nameless = mail("Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nb\r\n")
    assert Match(attachment=True)(nameless) and not Match(attachment=None)(nameless)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Match(to="ann@example.com"), "to ann@example.com"),
        (Match(to=["ann@*", "b@x.example"], subject="Hi"), "to ann@*, b@x.example with subject='Hi'"),
        (Match(sender="a@b.example", recipients="c@d.example"), "to c@d.example from a@b.example"),
        (Match(to=re.compile("x")), "with to=re.compile('x')"),
        (Match(to="two words"), "with to='two words'"),
        (Match(to="\x1b"), "with to='\\x1b'"),
        (Match(), ""),
        (Match(to="a@b") & HI, "with (Match(to='a@b') & Match(subject='Hi'))"),
    ],
)
def test_headline_names_the_addresses_first(condition, text):
    assert condition.describe_briefly() == text


@pytest.mark.parametrize(
    ("content", "match", "line"),
    [
        ("Subject: =?x-none?q?Gr=FC=DFe?= \r\n\r\nHello\r\n", {"subject": "Gr"}, "defect: header Subject: .*x-none"),
        ("X-Tag: =?x-none?q?a?=\r\n\r\n", {"header": {"X-Tag": "b"}}, "defect: header X-Tag: .*x-none"),
        ("Content-Type: text/plain; charset=x-none\r\n\r\nHi\r\n", {"text": "Ho\n"}, "defect: content: .*x-none"),
        ("From: =?x-none?q?A?= <a@b.example>\r\n\r\n", {"from_": "c@d.example"}, "defect: header From: .*x-none"),
        ("Subject: =?x-none?q?Gr=FC=DFe?= \r\n\r\nHello\r\n", {"to": "x@y.example"}, None),
        ("X-Tag: =?x-none?q?a?=\r\nSubject: Hi\r\n\r\n", {"subject": "Ho"}, None),
    ],
)
def test_report_lists_the_defects_of_the_compared_values(content, match, line):
    inbox = Inbox()
    inbox.append(mail(content))
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(timeout=0, **match)
    assert ("defect" in str(failure.value)) is bool(line)
    assert re.search(line or "", str(failure.value))


def test_report_lists_the_first_defects_of_many():
    inbox = Inbox()
    inbox.append(mail("".join(f"X-Tag: =?x-{n}?q?a?=\r\n" for n in range(9)) + "\r\n"))
    with pytest.raises(WaitTimeout, match="… and 6 more defects"):
        inbox.one(header={"X-Tag": "b"}, timeout=0)
