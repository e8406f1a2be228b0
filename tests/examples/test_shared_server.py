"""Tests that run against a server of their own, or against a shared one."""

import smtplib


def signup(address, settings):  # your application
    with smtplib.SMTP(settings["SMTP_HOST"], int(settings["SMTP_PORT"])) as client:
        if "SMTP_USERNAME" in settings:
            client.login(settings["SMTP_USERNAME"], settings["SMTP_PASSWORD"])
        client.sendmail("app@example.com", [address], "Subject: Welcome\r\n\r\nYour code is 123456\r\n")


def test_application_that_the_test_configures(smtptest):
    signup("ann@example.com", smtptest.env())

    assert smtptest.inbox.one(to="ann@example.com").codes == ("123456",)


def test_application_that_runs_already(smtptest, smtptest_domain):
    settings = {"SMTP_HOST": smtptest.host, "SMTP_PORT": smtptest.port}  # from its own configuration, without a login
    signup(f"bob@{smtptest_domain}", settings)

    assert smtptest.inbox.one(to=f"bob@{smtptest_domain}").codes == ("123456",)
