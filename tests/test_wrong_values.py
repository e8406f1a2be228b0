"""Values of the wrong type, or out of range, are refused where they are written, with what to write instead."""

import smtplib

import pytest

from lazr.smtptest import (
    Envelope,
    Extension,
    Lenient,
    MailServer,
    Match,
    Reply,
    Rules,
    Tls,
    WaitTimeout,
    presets,
)


def decide(event, reply, unit=1):
    return reply


class Decider:
    def __call__(self, event, reply):
        return reply


@pytest.mark.parametrize(
    ("write", "error", "text"),
    [
        # MailServer
        (
            lambda: MailServer(decide=lambda event: None),
            TypeError,
            r"two arguments, decide\(event, reply\)",
        ),
        (lambda: MailServer(decide=lambda: None), TypeError, "function of two arguments"),
        (lambda: MailServer(decide=Decider), TypeError, r"must be a function decide\(event, reply\).*Decider"),
        (lambda: MailServer(hostname="mail example"), ValueError, "one word without spaces, got 'mail example'"),
        (lambda: MailServer(hostname=""), ValueError, "one word without spaces, got ''"),
        (lambda: MailServer(hostname="a\r\nb"), ValueError, "one word"),
        (lambda: MailServer(greeting="Hi\r\n250 x"), ValueError, "greeting must be one line of text"),
        (lambda: MailServer(keep_mails=0), ValueError, "keep_mails must be a number of mails >= 1, got 0; False keeps"),
        (lambda: MailServer(tls="start"), ValueError, "unknown TLS mode 'start'; did you mean 'starttls'?"),
        # parts of it
        (lambda: Tls(handshake_timeout="10"), TypeError, "handshake_timeout must be a number of seconds, got '10'"),
        (lambda: Tls(handshake_timeout=0), ValueError, "handshake_timeout"),
        (lambda: Tls(required="yes"), TypeError, "required must be True or False, got 'yes'"),
        (lambda: Lenient(any_helo_domain="no"), TypeError, "any_helo_domain must be True or False, got 'no'"),
        (lambda: Extension(5), TypeError, "must be a string, got 5"),
        (lambda: Extension("X-A b"), ValueError, "must be one word, got 'X-A b'; argument= is the rest"),
        (lambda: Reply(250, 5), TypeError, r"the text of a reply must be strings, got \(5,\)"),
        (lambda: Reply(250, ["a", "b"]), TypeError, "write one string for each line"),
        (
            lambda: Envelope("a@b.example", "c@d.example", mail_parameters={}, rcpt_parameters=()),
            TypeError,
            r"rcpt_tos must be a tuple of addresses, got 'c@d.example'; write \('c@d.example',\)",
        ),
        # criteria that no mail can meet
        (lambda: Match(to=b"ann@b.example"), TypeError, "got b'ann@b.example'; write to='ann@b.example'"),
        (lambda: Match(to=5), TypeError, "to must be a string, a pattern or a function, got 5"),
        (lambda: Match(to={"ann@b.example"}), TypeError, r"write a list, .*to=\['ann@b.example'\]"),
        (lambda: Match(subject=["Hi", 1.5]), TypeError, "subject must be a string"),
        (lambda: Match(header={"X-Tag": 5}), TypeError, "header X-Tag must be a string|X-Tag must be"),
        (lambda: Match(attachment=False), TypeError, "attachment=None is for no value"),
        (lambda: Match(where=Match), TypeError, r"got the class <class .*Match'>; write Match\(…\)"),
        (lambda: Match(where=str), TypeError, "where must be a function of the mail, got the class <class 'str'>"),
        # rules
        (lambda: Rules().add("greylist"), TypeError, r"write rules.load\(\[{'preset': 'greylist'}\]\)"),
        (lambda: Rules().add(presets.greylist), TypeError, r"call it: greylist\(\)"),
        (lambda: Rules().add({"preset": "greylist"}), TypeError, r"write rules.load\(\[{'preset': 'greylist'}\]\)"),
        (
            lambda: Rules().load({"preset": "greylist"}),
            TypeError,
            "expected a list of definitions, .*write rules",
        ),
        (lambda: Rules().load("greylist"), TypeError, "expected a list of definitions, got 'greylist'"),
        (lambda: Rules().load(5), TypeError, "expected a list of definitions, got 5"),
        (
            lambda: Rules().load([{"preset": "greylist", "attempt": 2}]),
            TypeError,
            "unknown argument of preset greylist, 'attempt'; did you mean 'attempts'?",
        ),
    ],
)
def test_wrong_value_is_refused_with_advice(write, error, text):
    with pytest.raises(error, match=text):
        write()


@pytest.mark.parametrize(
    "make",
    [
        lambda: MailServer(decide=decide),
        lambda: MailServer(decide=Decider()),
        lambda: MailServer(decide=lambda *arguments: arguments[1]),
        lambda: MailServer(decide=print),
        lambda: MailServer(hostname="gr_ü.example", greeting="Grüße, ESMTP"),
        lambda: MailServer(keep_mails=False),
        lambda: Match(attachment=True, to=True, cc=None),
        lambda: Match(to=str.islower),
        lambda: Rules().load([{"preset": "quota_full", "to": "ann@*", "username": "ann"}]),
        lambda: Rules().load(iter([{"preset": "greylist"}])),
    ],
)
def test_right_value_is_accepted(make):
    assert make() is not None


def test_misspelled_header_field_is_named():
    with MailServer() as server:
        with smtplib.SMTP(*server.address) as client:
            client.sendmail("app@example.com", "ann@example.com", "Subject: Hi\r\nX-Tag: a\r\n\r\nHello")
        with pytest.raises(WaitTimeout, match="header Subjct is nothing: did you mean the field 'Subject'"):
            server.inbox.one(header={"Subjct": "Hi"}, timeout=0)
