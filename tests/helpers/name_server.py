"""A name server that runs in a test, for lookups over the network."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """A name server for UDP on a free port.

    Args:
        answers: The records, by name and type.  Names that begin with "silent." get no response, and those that begin
            with "broken." SERVFAIL.
    """

    def __init__(self, answers):
        self.queries = []
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._socket.sendto(b"stop", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _run(self):
        while (received := self._socket.recvfrom(4096))[0] != b"stop":
            data, client = received
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, record_type = question.name.to_text().lower(), question.rdtype.name
            self.queries.append(name)
            if name.startswith("silent."):
                continue
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            if name.startswith("broken."):
                response.set_rcode(dns.rcode.SERVFAIL)
            elif (alias := self._answers.get((name, "CNAME"))) is not None:
                addresses = self._answers[alias[0], record_type]
                response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *alias))
                response.answer.append(dns.rrset.from_text(alias[0], 60, "IN", record_type, *addresses))
            elif (name, record_type) in self._answers:
                response.answer.append(
                    dns.rrset.from_text(question.name, 60, "IN", record_type, *self._answers[name, record_type])
                )
            elif not any(known == name for known, _ in self._answers):
                response.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(response.to_wire(max_size=65535), client)
