"""Send with smtplib, as its documentation shows: `send_message` in a `with` statement."""

import smtplib
import sys

import settings


def main() -> int:
    """Send each message over one connection, and return the exit status."""
    try:
        refused = send_messages()
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPResponseException as error:
        print(repr(error), file=sys.stderr)
        return settings.get_exit_status(error.smtp_code)
    if refused:
        print(f"refused recipients: {refused}", file=sys.stderr)
        return settings.get_exit_status(*(code for code, _text in refused.values()))
    return 0


def send_messages() -> dict[str, tuple[int, bytes]]:
    """Send the messages, and return the refused recipients of all of them."""
    refused = {}
    with connect() as client:
        if settings.SECURITY == "starttls":
            client.starttls(context=settings.create_context())
        if settings.USER:
            client.login(settings.USER, settings.PASSWORD)
        for path in settings.MESSAGES:
            message = settings.compose_message(path)
            refused |= client.send_message(message, settings.SENDER, settings.RECIPIENTS)
    return refused


def connect() -> smtplib.SMTP:
    """Return a connected client."""
    address = settings.HOST, settings.PORT
    if settings.SECURITY == "implicit":
        return smtplib.SMTP_SSL(*address, timeout=settings.TIMEOUT, context=settings.create_context())
    return smtplib.SMTP(*address, timeout=settings.TIMEOUT)


sys.exit(main())
