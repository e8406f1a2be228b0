"""Conditions: how they are put together, and what they say of a mail that fails them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazr.smtptest import Envelope, Inbox, Mail, Match, WaitTimeout


def mail(content="Subject: Hi\r\n\r\nHello\r\n", to=("bob@example.com",), sender="ann@example.com", number="1"):
    envelope = Envelope(sender, to, mail_parameters={}, rcpt_parameters=({},) * len(to))
    return Mail(number, envelope, [content.encode()])


BOB, ANN, HI = Match(to="bob@example.com"), Match(to="ann@example.com"), Match(subject="Hi")


@pytest.mark.parametrize(
    ("condition", "met", "shown"),
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
def test_conditions_make_conditions(condition, met, shown):
    assert condition(mail()) is met and (condition.unmet(mail()) == []) is met
    assert shown is None or repr(condition) == shown
    assert bool(Inbox().matching(condition)) is False


def test_a_condition_goes_only_with_conditions():
    for wrong in (lambda: BOB & 1, lambda: BOB | "x", lambda: Match(where="bob@example.com")):
        with pytest.raises(TypeError):
            wrong()


# Which recipient a mail must have; what the inbox looks up in its index.
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
def test_a_condition_knows_the_recipient_that_it_needs(condition, recipient):
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


@given(
    st.lists(st.tuples(addresses, st.lists(addresses, min_size=1, max_size=3))),
    conditions,
    st.integers(0, 10),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_looking_in_the_index_finds_what_looking_at_all_mails_does(mails, condition, since, keep):
    inbox = Inbox(keep_mails=keep)
    made = [mail(to=tuple(to), sender=sender, number=str(n)) for n, (sender, to) in enumerate(mails)]
    for one in made:
        inbox.append(one)

    kept = made if keep is None else made[-keep:]
    assert list(inbox) == kept and inbox.dropped == len(made) - len(kept)
    assert inbox.matching(condition, since=since) == [one for one in kept if condition(one) and int(one.id) >= since]
    assert inbox.sent_to("ann@a.example") == [one for one in kept if Match(to="ann@a.example")(one)]


def test_a_list_wants_each_of_its_values():
    both = mail(to=("ann@example.com", "bob@example.com"))

    assert Match(to=["bob@example.com", "ann@*"], subject=[re.compile("^H"), re.compile("i$")])(both)
    assert not Match(to=["bob@example.com", "cy@example.com"])(both)
    assert Match(header={"Subject": ("Hi",)})(both)


# What was asked, of which mail, and what the failure says.
FAILURES = [
    ({"to": "Bob@example.com"}, {}, "to is 'bob@example.com': only the case differs (re.compile('(?i)…') takes any)"),
    ({"text": "Hello"}, {}, "text is 'Hello\\n': only white space at the ends differs"),
    ({"subject": "A  B"}, {"content": "Subject: A B\r\n\r\n"}, "subject is 'A B': only white space differs"),
    (
        {"to": "cy@example.com"},
        {"content": "To: Cy <Cy@example.com>\r\n\r\n"},
        (
            "to is 'bob@example.com': a header names cy@example.com, but `to` looks at the envelope's recipients, "
            "and it is none"
        ),
    ),
    ({"to": "cy@example.com"}, {"to": ("a@b.example", "c@d.example")}, "to is 'a@b.example', 'c@d.example'"),
    ({"subject": re.compile("x")}, {}, "subject is 'Hi'"),
    ({"subject": "H"}, {}, "subject is 'Hi': a string has to be equal; re.compile('H') searches"),
    ({"text": "ell"}, {}, "text is 'Hello\\n': a string has to be equal; re.compile('ell') searches"),
    (
        {"subject": "H*"},
        {},
        (
            "subject is 'Hi': * and ? stand for themselves here, and for anything in addresses only; "
            "re.compile('…') searches"
        ),
    ),
    (
        {"sender": "Ann <ann@example.com>"},
        {},
        "sender is 'ann@example.com': it is compared with the address alone, 'ann@example.com'",
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
        "text is not equal:\n  --- wanted\n  +++ the mail's\n  @@ -1,2 +1,2 @@\n   one\n  -Hi\n  +H\\x1b[2J\\u202e",
    ),
    ({"where": lambda mail: mail.attachments[0]}, {}, "where raised IndexError: tuple index out of range"),
    ({"subject": "x"}, {"content": f"Subject: {'y' * 300}\r\n\r\n"}, f"subject is '{'y' * 160}…'"),
    ({"where": lambda mail: False}, {}, "where says no"),
    ({"where": ~HI}, {}, "Match(subject='Hi') is true of it"),
    ({"where": BOB & ANN}, {}, "to is 'bob@example.com'"),
    (
        {"text": "one\ntwo\nfour\n"},
        {"content": "\r\none\r\ntwo\r\nthree\r\n"},
        "text is not equal:\n  --- wanted\n  +++ the mail's\n  @@ -2,2 +2,2 @@\n   two\n  -four\n  +three",
    ),
    (
        {"text": "a\n" * 40},
        {"content": "\r\n" + "b\r\n" * 40},
        "text is not equal:\n  --- wanted\n  +++ the mail's\n  @@ -1,40 +1,40 @@\n"
        + "  -a\n" * 9
        + "  … and 71 more lines",
    ),
    (
        {"text": "a\n" * 9000 + "b"},
        {"content": "\r\n" + "a\r\n" * 9000 + "c\r\n"},
        (
            "text is not equal:\n  - 'a\\na\\na\\na\\na\\na\\na\\na\\na\\na\\nb'\n"
            "  + 'a\\na\\na\\na\\na\\na\\na\\na\\na\\na\\nc\\n'\n  (from character 17980 on)"
        ),
    ),
]


@pytest.mark.parametrize(("match", "made", "told"), FAILURES)
def test_a_failure_says_what_the_mail_has_and_what_the_slip_may_be(match, made, told):
    assert "\n".join(Match(**match).unmet(mail(**made))) == told


def test_all_criteria_that_fail_are_told():
    assert Match(to="x@y.example", subject="Ho", text="Hello\n").unmet(mail()) == [
        "to is 'bob@example.com'",
        "subject is 'Hi'",
    ]
    assert (ANN | Match(subject="Ho")).unmet(mail()) == ["to is 'bob@example.com'", "subject is 'Hi'"]


def test_a_criterion_that_raises_says_of_which_mail():
    inbox = Inbox()
    inbox.append(mail())
    with pytest.raises(IndexError) as failure:
        inbox.matching(where=lambda mail: mail.attachments[0].filename == "a")
    assert "was asked about <Mail 1 ann@example.com -> bob@example.com 'Hi'" in failure.value.__notes__[0]


def test_of_many_mails_the_nearest_are_listed():
    inbox = Inbox()
    for number in range(30):
        inbox.append(mail(f"Subject: {number}\r\n\r\nHello\r\n", to=("x@y.example",), number=str(number)))
    inbox.append(mail("Subject: Near\r\n\r\nHello\r\n", number="near"))
    inbox.append(mail("Subject: Far\r\n\r\n\r\n", to=("x@y.example",), number="far"))
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="bob@example.com", text="Hello\n", subject="Hi", timeout=0)
    told = str(failure.value)

    assert "<Mail near " in told and "<Mail far " not in told and "… and 22 more" in told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda inbox: inbox.one("ann@example.com"), r"criteria have names: to='ann@example.com', subject="),
        (lambda inbox: inbox.wait("ann@example.com"), r"the number of mails first, and criteria by name: wait\(1, to="),
        (lambda inbox: inbox.one(body="x"), "no criterion 'body', but 'text'; there are sender, to"),
        (lambda inbox: inbox.one(subjct="x"), "no criterion 'subjct', but 'subject'"),
        (lambda inbox: inbox.one(recipients="x"), "no criterion 'recipients', but 'to'"),
        (lambda inbox: inbox.one(zzz="x"), "no criterion 'zzz'; there are sender"),
        (lambda inbox: inbox.none(timeout=1), "no criterion 'timeout': `none` has within="),
        (lambda inbox: inbox.one(within=1), "no criterion 'within': only `none` has within="),
        (lambda inbox: inbox.one(where="x"), "where wants a function of the mail, not 'x'; criteria have names"),
    ],
)
def test_a_slip_in_the_question_is_told_how_to_ask(wrong, told):
    with pytest.raises(TypeError, match=told):
        wrong(Inbox())


def test_criteria_of_the_header_and_of_blind_copies():
    one = mail(
        "From: Ann <ann@a.example>\r\nTo: x@y.example\r\nReply-To: r@a.example\r\n\r\n",
        to=("x@y.example", "b@c.example"),
    )

    assert Match(from_="*@a.example", reply_to="r@A.example", bcc="b@c.example")(one)
    assert not Match(bcc="x@y.example")(one)


def test_a_criterion_that_nothing_else_led_to_is_not_asked_while_matching_and_does_not_spoil_the_evidence():
    inbox = Inbox()
    inbox.append(mail())
    with pytest.raises(WaitTimeout, match=r"(?s)to is 'bob@example\.com'\n +where raised IndexError"):
        inbox.one(to="ann@*", where=lambda mail: mail.attachments[0].filename == "x", timeout=0)
    with pytest.raises(WaitTimeout):
        inbox.one(Match(to="ann@*") & Match(where=lambda mail: mail.attachments[0]), timeout=0)
    assert inbox.matching(Match(to="bob@*") | Match(where=lambda mail: mail.attachments[0]))
    assert inbox.late() == []


def test_types_are_compared_and_not_called():
    class Meta(type):
        def __eq__(cls, other):
            return other == "Hi"

        __hash__ = None

    class IsHi(metaclass=Meta):
        pass

    assert Match(subject=IsHi)(mail()) and not Match(subject=IsHi)(mail("Subject: Ho\r\n\r\n"))


def test_all_fields_of_a_name_are_looked_at_and_none_can_be_wanted():
    two = mail("X-Tag: a\r\nX-Tag: b\r\n\r\n")

    assert Match(header={"X-Tag": "a"})(two) and Match(header={"x-tag": ["a", "b"]})(two)
    assert Match(header={"X-None": None}, cc=None, bcc=None)(mail("To: bob@example.com\r\n\r\n"))
    assert not Match(header={"X-Tag": None})(two) and not Match(header={"X-None": ""})(two)


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match=r"to=\[\] wants nothing, so every mail would match"):
        Match(to=[])


def test_the_evidence_is_bounded_and_steers_no_terminal():
    inbox = Inbox()
    for number in range(30):
        inbox.append(mail(to=tuple(f"user{n}\u202e@example.com" for n in range(1000)), number=str(number)))
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="nobody@example.com", timeout=0)

    assert len(str(failure.value)) < 8000 and "\u202e" not in str(failure.value)
