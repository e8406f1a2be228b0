"""Clients with one fault each, for the tests of verdicts."""

import contextlib
import select
import smtplib
import socket
import ssl
import time

from tests.grading import reference_client
from tests.grading.reference_client import connect, send_message


def ignore_replies(task):
    """Say that the mail was sent, whatever the server replied."""
    with contextlib.suppress(reference_client.Refused, OSError):
        reference_client.deliver(task)


def send_in_clear(task):
    """Send in clear if the server does not offer STARTTLS, or refuses it."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.ehlo()
        if client.has_extn("starttls"):
            with contextlib.suppress(smtplib.SMTPResponseException):
                client.starttls(context=task.context())
                client.ehlo()
        if task.user:
            client.login(task.user, task.password)
        client.sendmail(task.sender, task.recipients, task.message)


def never_use_tls(task):
    """Send the mail without credentials and TLS, whatever the task demands."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.sendmail(task.sender, task.recipients, task.message)


def trust_any_certificate(task):
    """Use TLS, and verify no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.starttls(context=context)
        client.sendmail(task.sender, task.recipients, task.message)


def keep_injected_replies(task):
    """Read replies from a buffer that is kept when TLS begins."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.ehlo()
        client.docmd("STARTTLS")
        context = task.context()
        buffered = client.file
        client.sock = context.wrap_socket(client.sock, server_hostname=task.host)
        client.file = buffered
        code, text = client.docmd("EHLO client.example")
        if code != 250:
            raise OSError(f"{code} {text!r}")


def never_double_dots(task):
    """Send lines that begin with a dot as they are."""
    with connect(task) as connection:
        connection.docmd(f"MAIL FROM:<{task.sender}>")
        connection.docmd(f"RCPT TO:<{task.recipients[0]}>")
        connection.docmd("DATA")
        connection.send(task.message + b".\r\n")
        connection.getreply()


def change_subject(task):
    """Send another subject than that of the message."""
    with connect(task) as connection:
        send_message(connection, task, task.message.replace(b"Subject: ", b"Subject: [list] "))
        connection.quit()


def send_again_after_success(task):
    """Send the mail a second time, although it was accepted."""
    reference_client.deliver(task)
    reference_client.deliver(task)


def resend_all_mails(task):
    """After a failure, send all mails again, also those that were accepted."""
    try:
        reference_client.deliver(task)
    except (reference_client.Refused, OSError):
        reference_client.deliver(task)


def send_until_replies(task, count=3):
    """Send the mail three times, whether or not a reply is lost."""
    for _ in range(count):
        with contextlib.suppress(OSError):
            reference_client.deliver(task)


def fail_after_retry(task):
    """Report the first failure, although a later attempt has delivered."""
    try:
        reference_client.deliver(task)
    except (reference_client.Refused, OSError):
        reference_client.deliver(task)
        raise


def defer_after_retry(task):
    """Keep the mail after a failure, although a later attempt has delivered."""
    try:
        fail_after_retry(task)
    except (reference_client.Refused, OSError) as error:
        raise reference_client.Deferred(str(error)) from None


def keep_after_two_attempts(task):
    """Try once more after any refusal, and keep the mail after the second one, also if that is permanent."""
    try:
        repeat_permanent_failures(task)
    except reference_client.Refused as refusal:
        raise reference_client.Deferred(str(refusal)) from None


def repeat_permanent_failures(task):
    """Make the same attempt once more after any refusal, also a permanent one."""
    try:
        reference_client.deliver(task)
    except reference_client.Refused:
        reference_client.deliver(task)


def skip_mails_after_disconnect(task):
    """Send one mail after the other, and end without a word when the connection is closed."""
    with connect(task) as connection:
        for message in task.messages:
            if connection.sock is None or select.select([connection.sock], [], [], 0.3)[0]:
                return
            send_message(connection, task, message)
        connection.quit()


def hang(task):
    """Wait without a timeout."""
    smtplib.SMTP(task.host, task.port, local_hostname="client.example")
    time.sleep(2)


def wait_after_mail(task):
    """Do nothing for a while in the middle of a transaction."""
    with connect(task) as connection:
        connection.docmd(f"MAIL FROM:<{task.sender}>")
        time.sleep(1)


def send_content_after_any_reply(task):
    """Send the content after DATA, whatever the server replied, and report the failure at its end."""
    with connect(task) as connection:
        connection.docmd(f"MAIL FROM:<{task.sender}>")
        connection.docmd(f"RCPT TO:<{task.recipients[0]}>")
        connection.docmd("DATA")
        connection.send(task.message + b".\r\n")
        code, text = connection.getreply()
        if code != 250:
            raise OSError(text)


def speak_before_greeting(task):
    """Send EHLO at once, without waiting for the greeting."""
    deliver_after_greeting(task, 0)


def read_one_greeting_line(task):
    """Take the first line of the greeting for all of it."""
    deliver_after_greeting(task, 1)


def deliver_after_greeting(task, lines):
    """Send EHLO after some lines of the greeting, and deliver."""
    with socket.create_connection((task.host, task.port), timeout=task.timeout) as connection:
        replies = connection.makefile("rb")
        for _ in range(lines):
            replies.readline()
        connection.sendall(b"EHLO client.example\r\n")
        for line in iter(replies.readline, b""):
            if line[:4] == b"250 ":
                break
        for command in (f"MAIL FROM:<{task.sender}>", f"RCPT TO:<{task.recipients[0]}>", "DATA"):
            connection.sendall(f"{command}\r\n".encode())
            replies.readline()
        connection.sendall(task.message + b".\r\n")
        replies.readline()
        connection.sendall(b"QUIT\r\n")
        replies.readline()


def never_wait_for_data_reply(task):
    """Send the content right after DATA."""
    with connect(task) as connection:
        connection.docmd(f"MAIL FROM:<{task.sender}>")
        connection.docmd(f"RCPT TO:<{task.recipients[0]}>")
        connection.send(b"DATA\r\n" + task.message + b".\r\n")
        for _ in range(2):
            connection.getreply()
        connection.quit()


def pipeline_always(task):
    """Send MAIL and all RCPT at once, whether or not the server offers PIPELINING."""
    with connect(task) as connection:
        lines = [f"MAIL FROM:<{task.sender}>", *(f"RCPT TO:<{recipient}>" for recipient in task.recipients)]
        connection.send("".join(line + "\r\n" for line in lines).encode())
        for _ in lines:
            connection.getreply()
        connection.docmd("DATA")
        connection.send(task.message + b".\r\n")
        connection.getreply()
        connection.quit()


def keep_for_ever(task):
    """Keep the mail after any failure, also a permanent one."""
    try:
        reference_client.deliver(task)
    except reference_client.Refused as refusal:
        raise reference_client.Deferred(str(refusal)) from None


def fail_at_quit(task):
    """Take another reply to QUIT than 221 for a failure."""
    with connect(task) as connection:
        send_message(connection, task, task.message)
        if connection.docmd("QUIT")[0] != 221:
            raise OSError("QUIT failed")


def connect_again_at_once(task):
    """Connect 40 times without a pause."""
    for _ in range(40):
        with contextlib.suppress(OSError):
            reference_client.deliver(task)
            return
    raise OSError("no connection")


def send_eight_bits(task):
    """Send 8-bit text without BODY=8BITMIME."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.sendmail(task.sender, task.recipients, task.message)


def send_bare_lf(task):
    """Send a message as it is, also with LF alone at the ends of lines."""
    send_eight_bits(task)


def send_lf_in_lines(task):
    """Send the content of a message as it is, with LF alone inside its lines."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.ehlo()
        client.mail(task.sender)
        client.rcpt(task.recipients[0])
        client.docmd("DATA")
        client.send(task.message + b".\r\n")
        code, text = client.getreply()
    if code != 250:
        raise OSError(text)


def send_starttls_unasked(task):
    """Send STARTTLS although the server does not offer it, and deliver if that succeeds."""
    with smtplib.SMTP(task.host, task.port, local_hostname="client.example", timeout=task.timeout) as client:
        client.ehlo()
        client.esmtp_features["starttls"] = ""
        code, text = client.starttls(context=task.context())
        if code != 220:
            raise OSError(text)
        client.sendmail(task.sender, task.recipients, task.message)


def never_connect(task):
    """Say that the mail was sent, without sending it."""


def have_no_smtp(task):
    """Fail before the connection."""
    raise OSError("no network")
