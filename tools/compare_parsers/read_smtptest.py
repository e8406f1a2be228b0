"""Read mails with the parser of this repository."""

import hashlib
import json
import sys
from pathlib import Path

from lazr.smtptest import Envelope, Mail


def read(content):
    mail = Mail("1", Envelope("", (), mail_parameters={}, rcpt_parameters=()), [content])
    return {
        "subject": mail.subject,
        "from": [one.addr_spec for one in mail.from_],
        "to": [one.addr_spec for one in mail.to],
        "date": None if mail.date is None else int(mail.date.timestamp()),
        "text": "" if mail.text_is_derived else mail.text,
        "html": mail.html,
        "attachments": [
            {
                "filename": one.filename,
                "type": one.content_type,
                "size": len(one.content),
                "sha256": hashlib.sha256(one.content).hexdigest(),
            }
            for one in mail.attachments
        ],
    }


def main():
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            answer = read(Path(path).read_bytes())
        except Exception as error:  # noqa: BLE001 - the table shows it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"path": path, **answer}), flush=True)


if __name__ == "__main__":
    main()
