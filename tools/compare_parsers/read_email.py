"""Read mails with Python's `email`."""

import hashlib
import json
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path


def read(content):
    message = message_from_bytes(content, policy=default)
    answer = {"text": "", "html": "", "attachments": []}
    seen = set()
    stack = [message]
    while stack:
        part = stack.pop()
        kind = part.get_content_type()
        if part.is_multipart() and kind != "message/rfc822":
            stack.extend(reversed(part.get_payload()))
            continue
        name = {"text/plain": "text", "text/html": "html"}.get(kind)
        if name and name not in seen and part.get_content_disposition() != "attachment":
            seen.add(name)
            answer[name] = part.get_content()
            continue
        if kind == "message/rfc822" and part.is_multipart():
            body = part.get_payload()[0].as_bytes()
        else:
            body = part.get_payload(decode=True) or b""
        answer["attachments"].append(
            {
                "filename": part.get_filename() or "",
                "type": kind,
                "size": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            }
        )
    answer["subject"] = str(message["subject"] or "")
    for name in ("from", "to"):
        answer[name] = [one.addr_spec for one in message[name].addresses] if message[name] else []
    date = message["date"].datetime if message["date"] else None
    answer["date"] = int(date.timestamp()) if date else None
    return answer


for line in sys.stdin:
    path = line.rstrip("\n")
    try:
        found = read(Path(path).read_bytes())
    except Exception as error:  # noqa: BLE001 - the table shows it
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"path": path, **found}), flush=True)
