"""A good client for the tests: careful about every reply, without a queue or with one."""

import contextlib
import quopri
import re
import smtplib

from lazr.smtptest.grading import Deferred

_LINE_END = re.compile(rb"\r\n|\r|\n")


class Refused(Exception):
    """The server refused something, for ever or for now."""

    def __init__(self, code, text):
        super().__init__(f"{code} {text!r}")
        self.is_temporary = code < 500


def deliver(task):
    """Send the mails of a task, or raise an exception; the function for `grade`."""
    connection = open_connection(task)
    try:
        refusals = []
        for message in task.messages:
            try:
                refusals += send_message(connection, task, message)
            except Refused as refusal:
                refusals.append(refusal)
                connection.docmd("RSET")
    finally:
        # The mail is accepted, or is not: the reply to QUIT does not change that.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.docmd("QUIT")
        connection.close()
    if refusals:
        raise refusals[0]


def deliver_with_queue(task, max_attempts=4):
    """Send as an MTA does: try again after temporary failures, and keep the mail after some attempts."""
    sent = set()
    for _ in range(max_attempts):
        waiting = False
        for number, message in enumerate(task.messages):
            recipients = [recipient for recipient in task.recipients if (number, recipient) not in sent]
            if not recipients:
                continue
            try:
                accepted, refusals = attempt(task, message, recipients)
            except Refused as refusal:
                accepted, refusals = [], [refusal]
            except OSError:
                accepted, refusals = [], [Refused(421, "the connection failed")]
            sent |= {(number, recipient) for recipient in accepted}
            permanent = [refusal for refusal in refusals if not refusal.is_temporary]
            if permanent:
                raise permanent[0]
            waiting |= bool(refusals)
        if not waiting:
            return
    raise Deferred("the mail is in the queue")


def attempt(task, message, recipients):
    """Send one message over a connection of its own; return the accepted recipients and the refusals."""
    connection = open_connection(task)
    try:
        accepted = []
        refusals = send_message(connection, task, message, recipients, accepted)
        return accepted, refusals
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.docmd("QUIT")
        connection.close()


def open_connection(task):
    """Return a connection that is greeted, secured and authenticated as the task demands."""
    options = {"local_hostname": "client.example", "timeout": task.timeout}
    if task.security == "implicit":
        connection = smtplib.SMTP_SSL(task.host, task.port, context=task.context(), **options)
    else:
        connection = smtplib.SMTP(task.host, task.port, **options)
    try:
        connection.ehlo_or_helo_if_needed()
        if task.security == "starttls":
            connection.starttls(context=task.context())
            connection.ehlo_or_helo_if_needed()
        if task.user:
            connection.login(task.user, task.password)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def connect(task):
    """Open a connection as `open_connection` does, and close it at the end of the block, without QUIT."""
    connection = open_connection(task)
    try:
        yield connection
    finally:
        connection.close()


def send_message(connection, task, message, recipients=None, accepted=None):
    """Send one message; return the refusals of recipients, and add those that were not refused to `accepted`."""
    message, parameters = prepare(connection, task, _LINE_END.sub(b"\r\n", message))
    check(connection.docmd(f"MAIL FROM:<{task.sender}>{parameters}"), 2)
    refusals, taken = [], []
    for recipient in recipients or task.recipients:
        code, text = command(connection, f"RCPT TO:<{recipient}>")
        if code // 100 == 2:
            taken.append(recipient)
        else:
            refusals.append(Refused(code, text))
    if taken:
        check(connection.docmd("DATA"), 3)
        connection.send(smtplib._quote_periods(message) + b".\r\n")
        check(connection.getreply(), 2)
    else:
        raise refusals[0]
    if accepted is not None:
        accepted += taken
    return refusals


def prepare(connection, task, message):
    """Return the message in a form that the server takes, and the parameters of MAIL."""
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    needs_utf8 = not all(recipient.isascii() for recipient in task.recipients)
    if needs_utf8 and not connection.has_extn("smtputf8"):
        raise Refused(553, "the server does not offer SMTPUTF8")
    parameters = " SMTPUTF8" if needs_utf8 else ""
    if not message.isascii():
        if connection.has_extn("8bitmime"):
            parameters += " BODY=8BITMIME"
        else:
            head, _, body = message.partition(b"\r\n\r\n")
            head = head.replace(b"Transfer-Encoding: 8bit", b"Transfer-Encoding: quoted-printable")
            body = _LINE_END.sub(b"\r\n", quopri.encodestring(body.replace(b"\r\n", b"\n")))
            message = head + b"\r\n\r\n" + body
    if connection.has_extn("size"):
        parameters += f" SIZE={len(message)}"
    return message, parameters


def command(connection, line):
    """Send a command, perhaps with UTF-8, and return the reply."""
    connection.send(line.encode() + b"\r\n")
    return connection.getreply()


def check(reply, first_digit):
    """Raise `Refused` if the reply has another first digit."""
    code, text = reply
    if code // 100 != first_digit:
        raise Refused(code, text)
