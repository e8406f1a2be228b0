"""Send one mail as a program: the task is in the environment, and the exit status says what became of the mail."""

import os
import smtplib
import ssl
import sys

TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h


def send(settings):
    context = ssl.create_default_context(cafile=settings["SMTP_CA_FILE"] or None)
    server = settings["SMTP_HOST"], int(settings["SMTP_PORT"])
    timeout = float(settings["SMTP_TIMEOUT"])
    if settings["SMTP_SECURITY"] == "implicit":
        client = smtplib.SMTP_SSL(*server, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(*server, timeout=timeout)
    with client:
        if settings["SMTP_SECURITY"] == "starttls":
            client.starttls(context=context)
        if settings["SMTP_USERNAME"]:
            client.login(settings["SMTP_USERNAME"], settings["SMTP_PASSWORD"])
        for path in settings["SMTP_MESSAGES"].split():
            with open(path, "rb") as file:
                client.sendmail(settings["SMTP_SENDER"], settings["SMTP_RECIPIENTS"].split(), file.read())


try:
    send(os.environ)
except smtplib.SMTPResponseException as error:
    print(error, file=sys.stderr)
    sys.exit(TRY_LATER if 400 <= error.smtp_code < 500 else 1)
