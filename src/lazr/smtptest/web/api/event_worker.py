"""Child process that builds the frames of new mails, apart from receiving.

`EventEncoder` starts it while many mails arrive.  Requests and responses are length-prefixed; see `WorkerProcess`.
"""

from __future__ import annotations

import marshal
import pickle
import sys

from lazr.smtptest import Envelope
from lazr.smtptest._util.worker_process import serve_requests
from lazr.smtptest.protocol.smtp import Credentials
from lazr.smtptest.store import Arrival
from lazr.smtptest.web.api.event_frames import NewMailEncoder

__all__ = ["build_request", "parse_response"]

_PackedMarks = tuple[str, str, bool, tuple[str, ...]]
_PackedArrival = tuple[str, float, str, tuple[str, ...], str, bytes, tuple[str, ...], _PackedMarks]


def build_request(setup: bytes | None, arrivals: list[Arrival]) -> bytes:
    """Return a request for the frames of some mails.

    Args:
        setup: the pickled arguments of `NewMailEncoder`; None for those of the request before.
        arrivals: the mails.  Secrets of their sessions are left out.
    """
    packed: list[_PackedArrival] = [
        (
            arrival.id,
            arrival.received_at,
            arrival.envelope.mail_from,
            tuple(arrival.envelope.rcpt_tos),
            "" if arrival.envelope.auth is None else arrival.envelope.auth.username,
            b"".join(arrival.parts),
            tuple(arrival.tags),
            (arrival.folder, arrival.owner, arrival.read, tuple(arrival.flags)),
        )
        for arrival in arrivals
    ]
    return marshal.dumps((setup, packed))


def parse_response(data: bytes) -> list[tuple[bytes, list[int]]]:
    """Return the results of `NewMailEncoder.encode` for the mails of a request.

    Raises:
        ValueError: the data is no response.
    """
    try:
        results = marshal.loads(data)  # noqa: S302 - from our own child process; checked below
    except (EOFError, TypeError) as error:
        raise ValueError(f"the response of the worker cannot be read: {error}") from None
    if not isinstance(results, list):
        raise ValueError(f"the response of the worker must be a list, got {type(results).__name__}")  # noqa: TRY004 - the data is wrong, not the call
    return results


def _unpack(packed: _PackedArrival) -> Arrival:
    mail_id, received_at, mail_from, recipients, username, content, tags, (folder, owner, read, flags) = packed
    envelope = Envelope(
        mail_from,
        recipients,
        mail_parameters={},
        rcpt_parameters=tuple({} for _ in recipients),
        auth=Credentials("PLAIN", username) if username else None,
    )
    return Arrival(mail_id, received_at, envelope, [content], tags, folder=folder, owner=owner, read=read, flags=flags)


class _RequestHandler:
    def __init__(self) -> None:
        self._encoder: NewMailEncoder | None = None

    def handle(self, request: bytes) -> bytes:
        setup, packed = marshal.loads(request)  # noqa: S302 - from our parent process
        if setup is not None:
            self._encoder = NewMailEncoder(*pickle.loads(setup))  # noqa: S301 - from our parent process
        if self._encoder is None:
            raise ValueError("the first request must have a setup, got none")
        return marshal.dumps([self._encoder.encode(_unpack(arrival)) for arrival in packed])


if __name__ == "__main__":
    serve_requests(sys.stdin.buffer, sys.stdout.buffer, _RequestHandler().handle)
