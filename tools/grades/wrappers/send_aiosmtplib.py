"""Send with aiosmtplib, as its documentation shows: a client as an asynchronous context manager."""

import asyncio
import sys

import aiosmtplib
import settings


async def send_messages() -> dict[str, aiosmtplib.SMTPResponse]:
    """Send the messages over one connection, and return the refused recipients of all of them."""
    refused = {}
    client = aiosmtplib.SMTP(
        hostname=settings.HOST,
        port=settings.PORT,
        timeout=settings.TIMEOUT,
        use_tls=settings.SECURITY == "implicit",
        start_tls=settings.SECURITY == "starttls",
        tls_context=None if settings.SECURITY == "none" else settings.create_context(),
        username=settings.USER or None,
        password=settings.PASSWORD or None,
    )
    async with client:
        for path in settings.MESSAGES:
            message = settings.compose_message(path)
            errors, _text = await client.send_message(message, sender=settings.SENDER, recipients=settings.RECIPIENTS)
            refused |= errors
    return refused


def main() -> int:
    """Send each message, and return the exit status."""
    try:
        refused = asyncio.run(send_messages())
    except aiosmtplib.SMTPRecipientsRefused as error:
        print(repr(error), file=sys.stderr)
        return settings.get_exit_status(*(recipient.code for recipient in error.recipients))
    except aiosmtplib.SMTPResponseException as error:
        print(repr(error), file=sys.stderr)
        return settings.get_exit_status(error.code)
    if refused:
        print(f"refused recipients: {refused}", file=sys.stderr)
        return settings.get_exit_status(*(response.code for response in refused.values()))
    return 0


sys.exit(main())
