"""Verdicts on clients with one fault each: the outcome, and the reason that names what happened."""

import quopri

import pytest

from lazr.smtptest.grading import BEHAVIORS, Deferred, NotSupported, Outcome, grade
from tests.grading import bad_clients, reference_client

# The client, the behavior, the outcome and the reason; all of them are wrong.
WRONG = [
    (
        bad_clients.ignore_replies, "rcpt-550", Outcome.LOST,
        "the client said that the mail was sent, but it did not arrive: the server answered 550 to RCPT",
    ),
    (
        bad_clients.ignore_replies, "rcpt-one-of-three-550", Outcome.LOST,
        ("the client said that the mail was sent, but it did not arrive for carol@example.com: "
        "the server answered 550 to RCPT"),
    ),
    (
        bad_clients.ignore_replies, "data-end-451", Outcome.LOST,
        "the client said that the mail was sent, but it did not arrive: the server answered 451 to the content",
    ),
    (
        bad_clients.ignore_replies, "data-end-closed", Outcome.LOST,
        ("the client said that the mail was sent, but it did not arrive: "
        "the server closed the connection after the content"),
    ),
    (
        bad_clients.ignore_replies, "greeting-554", Outcome.LOST,
        "the client said that the mail was sent, but it did not arrive: the server greeted with 554",
    ),
    (
        bad_clients.ignore_replies, "starttls-expired", Outcome.LOST,
        ("the client said that the mail was sent, but it did not arrive: "
        "the TLS handshake failed (sslv3 alert certificate expired)"),
    ),
    (
        bad_clients.never_connect, "content-plain", Outcome.LOST,
        "the client said that the mail was sent, but it did not arrive: it did not connect",
    ),
    (
        bad_clients.send_in_clear, "starttls-stripped", Outcome.IN_CLEAR,
        "the client sent its credentials and its mail without TLS, which it was told to demand",
    ),
    (
        bad_clients.send_in_clear, "starttls-unknown", Outcome.IN_CLEAR,
        "the client sent its credentials and its mail without TLS, which it was told to demand",
    ),
    (
        bad_clients.never_use_tls, "starttls-valid", Outcome.IN_CLEAR,
        "the client sent its mail without TLS, which it was told to demand",
    ),
    (
        bad_clients.trust_any_certificate, "starttls-expired", Outcome.DELIVERED,
        "the client delivered the mail, although the certificate of the server expired yesterday",
    ),
    (
        bad_clients.trust_any_certificate, "starttls-wrong-host", Outcome.DELIVERED,
        "the client delivered the mail, although the certificate of the server is for another host",
    ),
    (
        bad_clients.keep_injected_replies, "starttls-injected", Outcome.REFUSED,
        """the client reported a failure, instead of delivering the mail: it said "OSError: 554 b'5.7.1 Injected'\"""",
    ),
    (
        bad_clients.never_double_dots, "content-dots", Outcome.ALTERED,
        "what arrived is not what was sent: line 1 of the body is '', and was '.'",
    ),
    (
        bad_clients.change_subject, "content-plain", Outcome.ALTERED,
        "what arrived is not what was sent: the header field Subject is '[list] ",
    ),
    (bad_clients.send_again_after_success, "content-plain", Outcome.DUPLICATED, "the mail arrived 2 times"),
    (bad_clients.resend_all_mails, "connection-closed-between", Outcome.DUPLICATED, "the mail arrived 2 times"),
    (bad_clients.send_until_replies, "data-250-lost", Outcome.DUPLICATED, "the mail arrived 3 times"),
    (
        bad_clients.ignore_replies, "data-250-lost", Outcome.DELIVERED,
        ("the client said that the mail was sent, but no reply told it so: "
        "the server closed the connection after the content"),
    ),
    (
        bad_clients.fail_after_retry, "data-250-lost", Outcome.DUPLICATED,
        "the client reported a failure, although the mail had arrived (SMTPServerDisconnected: ",
    ),
    (
        bad_clients.fail_after_retry, "data-451", Outcome.REFUSED,
        "the client reported a failure, although the mail had arrived (Refused: 451 ",
    ),
    (
        bad_clients.defer_after_retry, "data-451", Outcome.DEFERRED,
        "the client kept the mail for a later attempt, although the mail had arrived (451 ",
    ),
    (
        bad_clients.keep_after_two_attempts, "retries-450-then-550", Outcome.DEFERRED,
        "the client kept the mail, although 550 to RCPT is permanent (RFC 5321 4.2.1)",
    ),
    (
        bad_clients.repeat_permanent_failures, "rcpt-550", Outcome.REFUSED,
        "the client made the same attempt again after 550 to RCPT (RFC 5321 4.2.1)",
    ),
    (
        bad_clients.repeat_permanent_failures, "data-end-552", Outcome.REFUSED,
        "the client made the same attempt again after 552 to the content (RFC 5321 4.2.1)",
    ),
    *(
        (
            bad_clients.skip_mails_after_disconnect, name, Outcome.LOST,
            "the client said that both mails were sent, but it did not begin the second one; without the fault, it",
        )
        for name in ("connection-closed-between", "connection-421-unasked")
    ),
    (
        bad_clients.hang, "greeting-never", Outcome.HUNG,
        "the client was stopped after 0.5 s, without a result: the server did not greet",
    ),
    *(
        (
            bad_clients.send_content_after_any_reply, name, Outcome.REFUSED,
            ("the client sent its content, although the server had answered DATA with "
            f"{code} (RFC 5321 3.3)"),
        )
        for name, code in (("data-250-for-354", 250), ("data-554", 554), ("data-451", 451))
    ),
    (
        bad_clients.speak_before_greeting, "greeting-slow", Outcome.DELIVERED,
        "the mail was delivered, but the client sent input before the end of the greeting (RFC 5321 4.3.1)",
    ),
    (
        bad_clients.read_one_greeting_line, "greeting-multi-line", Outcome.DELIVERED,
        "the mail was delivered, but the client sent input before the end of the greeting (RFC 5321 4.3.1)",
    ),
    (
        bad_clients.never_wait_for_data_reply, "data-354-multi-line", Outcome.DELIVERED,
        "the mail was delivered, but content came before the reply to DATA (RFC 2920 3.1)",
    ),
    (
        bad_clients.pipeline_always, "ehlo-no-pipelining", Outcome.DELIVERED,
        ("the mail was delivered, but RCPT came before the reply to MAIL, and the server offers no PIPELINING "
        "(RFC 2920 3.1)"),
    ),
    (
        bad_clients.keep_for_ever, "rcpt-550", Outcome.DEFERRED,
        "the client kept the mail for a later attempt, which is wrong here: the server answered 550 to RCPT",
    ),
    (
        bad_clients.fail_at_quit, "quit-421", Outcome.REFUSED,
        "the client reported a failure, although the mail had arrived (OSError: QUIT failed)",
    ),
    (
        bad_clients.connect_again_at_once, "retries-421-always", Outcome.REFUSED, "the client connected 40 times in ",
    ),
    (
        bad_clients.send_eight_bits, "content-8bit", Outcome.DELIVERED,
        "the mail was delivered, but the content has 8-bit octets, and MAIL had no BODY=8BITMIME (RFC 6152 3)",
    ),
    (
        bad_clients.send_bare_lf, "content-lf-lines", Outcome.ALTERED,
        "what arrived is not what was sent: line 3 of the body is '..', and was '.'",
    ),
    (
        bad_clients.send_lf_in_lines, "content-bare-lf", Outcome.DELIVERED,
        "the mail was delivered, but the content has an LF alone (RFC 5321 2.3.8)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("deliver", "name", "outcome", "reason"), WRONG, ids=[f"{row[0].__name__}-{row[1]}" for row in WRONG]
)
def test_bad_client_is_wrong(deliver, name, outcome, reason):
    (result,) = grade(deliver, only=[name], timeout=0.5 if outcome is Outcome.HUNG else 10)

    assert (result.outcome, result.is_right) == (outcome, False)
    assert result.reason.startswith(reason)


def test_table_has_every_outcome_that_can_be_wrong():
    assert {row[2] for row in WRONG} == set(Outcome) - {Outcome.SKIPPED}


def test_starttls_that_is_not_offered_is_no_way_to_deliver():
    (result,) = grade(bad_clients.send_starttls_unasked, only=["starttls-stripped"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, True)
    assert result.reason.startswith("the client reported the failure: the server answered 502 to STARTTLS")


@pytest.mark.slow
def test_good_client_is_right_everywhere():
    grades = grade(reference_client.deliver)

    assert [repr(result) for result in grades.wrong] == []
    assert [result.behavior.name for result in grades.skipped] == ["bdat-valid", "bdat-451", "bdat-552"]
    assert [result.behavior for result in grades] == list(BEHAVIORS)


@pytest.mark.slow
def test_good_client_with_queue_is_right_and_tries_again():
    # Without the behaviors whose many delays only repeat.
    grades = grade(reference_client.deliver_with_queue, exclude=["*-never", "*-slow", "*-late", "replies"])

    assert [repr(result) for result in grades.wrong] == []
    outcomes = {result.behavior.name: result.outcome for result in grades}
    assert outcomes["data-end-451"] is outcomes["retries-greylist"] is outcomes["greeting-421"] is Outcome.DELIVERED
    assert outcomes["rcpt-550"] is outcomes["retries-450-then-550"] is Outcome.REFUSED
    assert outcomes["retries-452-always"] is outcomes["starttls-expired"] is Outcome.DEFERRED
    assert outcomes["data-250-lost"] is Outcome.DUPLICATED


def test_reason_of_a_later_success_has_the_attempts():
    (result,) = grade(reference_client.deliver_with_queue, only=["data-end-451"])

    assert (result.outcome, result.reason, result.attempts) == (
        Outcome.DELIVERED, "the mail arrived, in 2 attempts", 2
    )  # fmt: skip


def test_client_that_does_not_connect_for_tls_is_skipped():
    (result,) = grade(bad_clients.have_no_smtp, only=["starttls-valid"])

    assert result.is_skipped
    assert result.reason == "the client did not connect (OSError: no network)"


def test_client_that_does_not_connect_is_wrong_without_an_excuse():
    (result,) = grade(bad_clients.have_no_smtp, only=["content-plain"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, False)


def test_client_without_the_feature_is_skipped():
    def deliver(task):
        raise NotSupported("this client has no TLS")

    (result,) = grade(deliver, only=["starttls-valid"])

    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "this client has no TLS")


def test_client_without_auth_is_skipped():
    (result,) = grade(bad_clients.trust_any_certificate, only=["auth-535"])

    assert result.is_skipped
    assert result.reason == "the client did not get so far: the server answered 530 to MAIL"


def test_client_that_fails_before_the_fault_of_a_harmless_server_is_wrong():
    (result,) = grade(bad_clients.keep_injected_replies, only=["starttls-ehlo-changed"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, False)


def test_failed_handshake_excuses_the_client_of_injected_replies():
    def deliver(task):
        import smtplib

        connection = smtplib.SMTP(task.host, task.port, timeout=task.timeout)
        connection.ehlo()
        connection.send(b"STARTTLS\r\n")
        # Byte by byte, so that the injected reply goes into the handshake, as in clients without a buffer.
        while connection.sock.recv(1) != b"\n":
            pass
        task.context().wrap_socket(connection.sock, server_hostname=task.host)

    (result,) = grade(deliver, only=["starttls-injected"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, True)
    assert result.reason.startswith("the client reported the failure: the TLS handshake failed")


def test_bounce_of_the_client_is_no_copy_of_the_mail():
    def deliver(task):
        with reference_client.connect(task) as connection:
            connection.docmd("MAIL FROM:<>")
            connection.docmd(f"RCPT TO:<{task.sender}>")
            connection.docmd("DATA")
            connection.send(b"Subject: Undelivered mail\r\n\r\n" + task.message + b".\r\n")
            connection.getreply()
            connection.quit()
        raise OSError("bounced")

    (result,) = grade(deliver, only=["content-plain"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, False)


def test_deferred_mail_that_has_arrived_is_wrong():
    def deliver(task):
        reference_client.deliver(task)
        raise Deferred

    (result,) = grade(deliver, only=["content-plain"])

    assert (result.outcome, result.is_right) == (Outcome.DEFERRED, False)
    assert result.reason == "the client kept the mail for a later attempt, although the mail had arrived"


@pytest.mark.parametrize(
    "name", ["connection-two-mails", "connection-closed-between", "connection-421-between", "connection-421-unasked"]
)
def test_client_for_one_mail_is_skipped(name):
    def deliver(task):
        with reference_client.connect(task) as connection:
            reference_client.send_message(connection, task, task.message)

    (result,) = grade(deliver, only=[name])

    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "the client sent one mail of 2")


def test_client_that_loses_the_second_mail_is_wrong():
    (result,) = grade(bad_clients.ignore_replies, only=["connection-421-between"])

    assert (result.outcome, result.is_right) == (Outcome.LOST, False)


def test_client_without_size_sends_a_content_that_is_too_big():
    def deliver(task):
        with reference_client.connect(task) as connection:
            connection.esmtp_features.pop("size")
            reference_client.send_message(connection, task, task.message)

    (result,) = grade(deliver, only=["size-exceeded"])

    assert (result.outcome, result.is_right) == (Outcome.REFUSED, True)
    assert result.reason == "the client reported the failure: the server answered 552 to the content"


def test_client_that_encodes_long_lines_delivers():
    def deliver(task):
        head, _, body = task.message.partition(b"\r\n\r\n")
        head = head.replace(b"Encoding: 7bit", b"Encoding: Quoted-Printable")
        body = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        with reference_client.connect(task) as connection:
            reference_client.send_message(connection, task, head + b"\r\n\r\n" + body)

    grades = grade(deliver, only=["content-long-line*"])

    assert [(result.outcome, result.is_right) for result in grades] == [(Outcome.DELIVERED, True)] * 2


def test_reason_of_a_hung_client_has_the_last_command():
    (result,) = grade(bad_clients.wait_after_mail, only=["content-plain"], timeout=0.3)

    assert result.reason == "the client was stopped after 0.3 s, without a result: its last command was MAIL"


def test_behaviors_of_bdat_count_for_a_client_that_uses_it():
    def deliver(task):
        with reference_client.connect(task) as connection:
            connection.docmd(f"MAIL FROM:<{task.sender}>")
            connection.docmd(f"RCPT TO:<{task.recipients[0]}>")
            connection.send(f"BDAT {len(task.message)} LAST\r\n".encode() + task.message)
            reference_client.check(connection.getreply(), 2)
            connection.quit()

    grades = grade(deliver, only=["bdat-*"])

    assert [(result.behavior.name, result.outcome.value, result.is_right) for result in grades] == [
        ("bdat-valid", "delivered", True),
        ("bdat-451", "refused and reported", True),
        ("bdat-552", "refused and reported", True),
    ]
