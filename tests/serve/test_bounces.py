"""`smtptest serve` sends bounces: into its store, to an SMTP server, and to a webhook."""

import json

import pytest

from lazr.smtptest import MailServer
from tests.helpers.command_line import ServeProcess, run_smtptest
from tests.helpers.http_receiver import Receiver, respond
from tests.serve.test_serve import get_json, list_subjects, post_json, send, serve

RULES = [{"when": "END_OF_DATA", "match": {"to": "gone@*"}, "do": [{"accept": True, "then_bounce": {"after": 0.01}}]}]
BOUNCE = "bounce@simulator.amazonses.com"


def wait_for_notifications(serving, count):
    """Return the notifications as soon as there are so many with an outcome."""
    while True:  # the time limit of the test ends this loop otherwise
        found = [one for one in get_json(serving, "/api/v1/notifications") if one["Outcome"] != "scheduled"]
        if len(found) >= count:
            return found


@pytest.mark.slow
def test_process_sends_bounces_of_rules_to_an_smtp_server(tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    with MailServer() as application:
        options = ["--database", "memory:", "--rules", rules, "--bounces-to", application.url]
        with serve(*options, kind=ServeProcess) as serving:
            send(serving, "one", "gone@example.com")
            mail = application.inbox.one(to="ann@example.com", timeout=20)
            (record,) = wait_for_notifications(serving, 1)

    assert mail.sender == "" and b"Final-Recipient: rfc822; gone@example.com" in mail.content
    assert (record["Outcome"], record["Target"]) == ("delivered", application.url)


def test_simulator_addresses_bounce_into_the_store():
    with serve("--database", "memory:", "--simulator-addresses") as serving:
        send(serving, "one", BOUNCE)
        wait_for_notifications(serving, 1)

        assert list_subjects(serving) == ["Message not delivered", "one"]
        assert json.loads(post_json(serving, "/api/v1/message/latest/bounce", {}))["Outcome"] == "not sent"


@pytest.mark.slow
def test_webhook_that_fails_is_logged_and_serve_ends_in_order():
    with (
        Receiver(respond(500)) as receiver,
        serve("--database", "memory:", "--simulator-addresses", "--bounces-to", receiver.url()) as serving,
    ):
        send(serving, "one", BOUNCE)
        (record,) = wait_for_notifications(serving, 1)
        _, errors, status = serving.stop()
        assert json.loads(receiver.get_request().body)["recipients"] == [BOUNCE]

    assert status == 0 and "notification: bounce 5.1.1" in errors and "Traceback" not in errors
    assert (record["Outcome"], record["Reason"]) == ("failed", "the answer was 500, and must be 2xx")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bounces-to", "smtp://192.0.2.1"], "192.0.2.1 is not in an allowed network"),
        (["--bounces-to", "127.0.0.1:25"], "--bounces-to must be"),
        (["--bounces-to", "smtp://127.0.0.1", "--bounces-allow", "local"], "--bounces-allow must be networks"),
        (["--bounces-allow", "10.0.0.0/8"], "--bounces-allow needs --bounces-to"),
    ],
)
def test_wrong_options_are_usage_errors(options, message):
    result = run_smtptest("serve", "--database", "memory:", "--no-http", *options)

    assert result.returncode == 2 and message in result.stderr
