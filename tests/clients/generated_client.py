"""Call a client that openapi-python-client has generated as the package `generated`: python generated_client.py URL.

Standard output is what the calls returned, as JSON.
"""

import base64
import json
import sys

from generated import Client
from generated.api.message import get_message, get_part
from generated.api.messages import delete_messages, list_messages
from generated.api.send import send_message
from generated.models import DeleteMessagesRequest, NamedAddress, SendAttachment, SendError, SendRequest

client = Client(base_url=sys.argv[1])


def compose(sender):
    return SendRequest(
        from_=NamedAddress(email=sender),
        to=[NamedAddress(email="bob@example.com")],
        subject="Hello",
        attachments=[SendAttachment(filename="a.pdf", content=base64.b64encode(b"%PDF").decode())],
    )


sent = send_message.sync(client=client, body=compose("ann@example.com"))
refused = send_message.sync(client=client, body=compose("nobody"))
assert isinstance(refused, SendError)
message = get_message.sync(sent.id, client=client)
part = get_part.sync(sent.id, message.attachments[0].part_id, client=client)
results = {
    "ID": sent.id,
    "Subject": message.subject,
    "To": message.to[0].address,
    "Total": list_messages.sync(client=client).total,
    "Part": part.payload.read().decode(),
    "Error": refused.error,
    "Deleted": delete_messages.sync(client=client, body=DeleteMessagesRequest(i_ds=[sent.id])),
}
print(json.dumps(results))
