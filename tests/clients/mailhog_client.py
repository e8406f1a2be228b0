"""Call methods of the client of the PyPI package mailhog: python mailhog_client.py HOST PORT.

Standard input is [[method, arguments…], …] in JSON.  Standard output is the list of results: for a list of mails, the
senders, recipients and subjects; for other calls null.  "$n" is the first mail of result n.
"""

import json
import sys

from mailhog import Mailhog

client = Mailhog(sys.argv[1], int(sys.argv[2]))
mails, results = [], []
for method, *arguments in json.load(sys.stdin):
    result = getattr(client, method)(
        *(mails[int(value[1:])] if str(value).startswith("$") else value for value in arguments)
    )
    mails.append(result.items[0] if result and result.items else None)
    results.append(
        result
        and {
            "total": result.total,
            "items": [(mail.get_sender(), mail.get_recipients(), mail.get_subject()) for mail in result.items],
        }
    )
print(json.dumps(results))
