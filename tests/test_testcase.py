"""`MailServerMixin`: a server for each test, reports in failures, and handler exceptions as errors."""

import smtplib
import types
import unittest
from unittest import IsolatedAsyncioTestCase, TestCase

import aiosmtplib
import pytest

from lazr.smtptest import MailServer, MailServerMixin


def send(server, subject="Hi"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], f"Subject: {subject}\r\n\r\nHello")


def raise_key_error(event, reply):
    raise KeyError("the handler's")


class Cases(MailServerMixin, TestCase):
    __test__ = False  # run by the tests below
    servers = []  # noqa: RUF012 - read by the tests below

    def test_passes(self):
        send(self.smtptest)
        self.servers.append(self.smtptest)
        assert self.smtptest.inbox.one().subject == "Hi"

    def test_fails(self):
        send(self.smtptest, "evidence")
        self.fail("no")

    def test_subtests_fail(self):
        for number in range(2):
            with self.subTest(number=number):
                send(self.smtptest, f"evidence {number}")
                assert number == 1

    def test_a_handler_raises(self):
        with pytest.raises(smtplib.SMTPException):
            smtplib.SMTP(*self.smtptest_factory(decide=raise_key_error).address)

    def test_fails_and_a_handler_raises(self):
        with pytest.raises(smtplib.SMTPException):
            smtplib.SMTP(*self.smtptest_factory(decide=raise_key_error).address)
        self.fail("no")

    def test_without_a_server(self):
        self.fail("no")

    def test_uses_random_numbers(self):
        self.smtptest_factory(seed=77).on("RCPT", probability=0.5).reply(450).optional()
        self.fail("no")

    def test_a_rule_never_acts(self):
        self.smtptest.on("RCPT").reply(450)

    def test_is_skipped(self):
        self.smtptest.on("RCPT").reply(450)
        self.skipTest("no network here")


class FailsInTearDown(MailServerMixin, TestCase):
    __test__ = False  # run by the tests below

    def tearDown(self):
        send(self.smtptest, "evidence")
        raise OSError

    def test_passes(self):
        pass


class Coroutines(MailServerMixin, IsolatedAsyncioTestCase):
    __test__ = False  # run by the tests below
    smtptest_options = {"hostname": "mail.example.com"}  # noqa: RUF012 - as in a user's test

    async def test_passes(self):
        server = self.smtptest
        client = aiosmtplib.SMTP(hostname=server.host, port=server.port)
        async with client:
            await client.sendmail("ann@example.com", ["bob@example.com"], b"Subject: Hi\r\n\r\nHello")
        [mail] = await server.inbox.async_wait(subject="Hi")
        assert mail.sender == "ann@example.com"
        with smtplib.SMTP() as client:
            assert client.connect(*server.address)[1].startswith(b"mail.example.com ")

    async def test_fails(self):
        send(self.smtptest, "evidence")
        self.fail("no")


@pytest.mark.parametrize(
    ("kind", "name", "failures", "errors", "expected"),
    [
        (Cases, "test_passes", 0, 0, ()),
        (Cases, "test_fails", 1, 0, ("AssertionError: no", "-- mail received", "Subject: evidence", "-- SMTP tr")),
        (Cases, "test_subtests_fail", 1, 0, ("(number=0)", "Subject: evidence 0")),
        (
            Cases,
            "test_a_handler_raises",
            0,
            1,
            ("in raise_key_error\n", 'KeyError: "the handler\'s"', "-- SMTP transcript"),
        ),
        (Cases, "test_fails_and_a_handler_raises", 1, 1, ("AssertionError: no", 'KeyError: "the handler\'s"')),
        (Cases, "test_uses_random_numbers", 1, 0, ("-- dice of the rules", "seed=77; MailServer(seed=77) repeats it")),
        (Cases, "test_a_rule_never_acts", 1, 0, ("RuleNeverActed: 1 rule never acted",)),
        (FailsInTearDown, "test_passes", 0, 1, ("OSError", "Subject: evidence")),
        (Coroutines, "test_passes", 0, 0, ()),
        (Coroutines, "test_fails", 1, 0, ("AssertionError: no", "Subject: evidence")),
    ],
)
def test_failures_have_notes_about_the_servers(kind, name, failures, errors, expected):
    for argument in (unittest.TestResult(), None):
        result = kind(name).run(argument)

        assert argument is None or result is argument
        check_result(result, failures, errors, expected)


def check_result(result, failures, errors, expected):
    assert (result.testsRun, len(result.failures), len(result.errors)) == (1, failures, errors)
    text = "\n".join(f"{test} {what}" for test, what in result.failures + result.errors)
    assert all(words in text for words in expected), text


def test_skipped_test_does_not_report_unused_rules():
    result = Cases("test_is_skipped").run()

    assert result.wasSuccessful() and len(result.skipped) == 1


def test_test_object_can_run_again():
    case = Cases("test_a_handler_raises")

    for _ in range(2):
        check_result(case.run(), 0, 1, ["KeyError"])


def test_test_without_smtptest_starts_no_server():
    case = Cases("test_without_a_server")

    assert "mail received" not in case.run().failures[0][1]


def test_each_test_has_its_own_server():
    Cases.servers.clear()
    result = unittest.TestResult()

    unittest.TestSuite([Cases("test_passes"), Cases("test_passes")]).run(result)

    assert result.wasSuccessful()
    first, second = Cases.servers
    assert first is not second and not first.running and not second.running


def test_cleanup_can_read_the_inbox():
    seen = []

    class Case(MailServerMixin, unittest.TestCase):
        def setUp(self):
            self.addCleanup(lambda: seen.append((len(self.smtptest.inbox), self.smtptest.running)))

        def test(self):
            send(self.smtptest)

    case = Case("test")
    assert case.run().wasSuccessful() and case.run().wasSuccessful()
    assert seen == [(1, False), (1, False)]


def test_misuse_of_the_mixin_raises():
    with pytest.raises(TypeError, match="class Wrong: name MailServerMixin before TestCase"):

        class Wrong(unittest.TestCase, MailServerMixin):
            pass

    class Misspelt(MailServerMixin, unittest.TestCase):
        smtptest_options = types.MappingProxyType({"tsl": "starttls"})

        def test(self):
            _ = self.smtptest

    class Late(MailServerMixin, unittest.TestCase):
        def test(self):
            _ = self.smtptest
            self.smtptest_options = {"hostname": "late.example"}
            _ = self.smtptest

    for case, message in ((Misspelt, "did you mean 'tls'?"), (Late, "set them before the first use of self.smtptest")):
        ((_, trace),) = case("test").run().errors
        assert message in trace


def test_failure_shows_servers_of_the_class():
    class Shared(MailServerMixin, unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.server = cls.enterClassContext(MailServer())
            send(cls.server, "early")

        def test_fails(self):
            send(self.server, "late")
            self.fail()

    result = unittest.TestResult()
    unittest.TestSuite([Shared("test_fails")]).run(result)
    [(_, report)] = result.failures
    assert "-- mail received\n" in report and "Subject: late" in report and "early" not in report
