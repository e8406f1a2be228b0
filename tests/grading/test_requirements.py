"""Clients that always demand TLS or AUTH: which behaviors they meet, and that a good one is right in all of them."""

import smtplib

import pytest

from lazr.smtptest.grading import BEHAVIORS, find_behaviors, grade
from lazr.smtptest.grading.requirements import SECURITIES
from tests.grading import reference_client

QUICK = ("greeting-554", "ehlo-421", "ehlo-many-lines", "rcpt-550", "data-end-554", "content-dots", "quit-421")


@pytest.mark.parametrize("auth", [False, True])
@pytest.mark.parametrize("security", [None, *SECURITIES])
def test_client_with_demands_is_right(security, auth):
    tasks = []

    def deliver(task):
        tasks.append((task.security, bool(task.user), bool(task.ca_file)))
        reference_client.deliver(task)

    grades = grade(deliver, only=QUICK, security=security, auth=auth)

    assert grades.score == f"{len(QUICK)} of {len(QUICK)}", grades.wrong
    assert set(tasks) == {(security or "none", auth, security is not None)}


@pytest.mark.slow
@pytest.mark.parametrize("security", SECURITIES)
def test_good_client_with_demands_is_right_everywhere(security):
    grades = grade(reference_client.deliver, security=security, auth=True, jobs=8)
    assert not grades.wrong and len(grades.skipped) < 6


@pytest.mark.parametrize("security", SECURITIES)
def test_behaviors_of_other_tls_are_left_out(security):
    found = find_behaviors(security=security)

    assert {behavior.security for behavior in found} == {security}
    assert {"starttls", "tls"} & {behavior.group for behavior in found} == {
        {"starttls": "starttls", "implicit": "tls"}[security]
    }


def test_auth_is_demanded_by_all_servers():
    assert all(behavior.auth for behavior in find_behaviors(auth=True))


def test_behaviors_that_are_about_the_demand_stay_as_they_are():
    known = {behavior.name: behavior for behavior in BEHAVIORS}
    assert all(one == known[one.name] for one in find_behaviors(["starttls"], security="starttls"))


def test_mail_in_clear_is_wrong_for_a_client_that_demands_tls():
    def deliver(task):
        with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as connection:
            connection.sendmail(task.sender, task.recipients, task.message)

    (result,) = grade(deliver, only=["content-plain"], security="starttls")
    assert result.outcome == "sent in clear" and not result.is_right


def test_unknown_security_is_an_error():
    with pytest.raises(ValueError, match='security must be "starttls" or "implicit", got \'tls\''):
        find_behaviors(security="tls")


def test_demand_without_a_behavior_is_an_error():
    with pytest.raises(ValueError, match="demands STARTTLS and AUTH cannot meet tls-valid, tls-expired, "):
        find_behaviors(["tls"], security="starttls", auth=True)
