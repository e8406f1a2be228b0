"""XCLIENT: the facts that a trusted proxy sends about its client replace the server's."""

from __future__ import annotations

from lazr.smtptest._util.host_port import format_host_port, split_host_port
from lazr.smtptest.protocol.smtp.sasl_types import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.protocol.smtp.session_record import SessionRecord

__all__ = ["record_client"]


def record_client(
    record: SessionRecord, attributes: Mapping[str, str | None], earlier_credentials: Credentials | None
) -> None:
    """Record the client that a proxy names.

    Args:
        record: The record of the session.
        attributes: The attributes of XCLIENT, with names in capitals; None for a value that the proxy does not know.
        earlier_credentials: The credentials before XCLIENT; they stay, unless LOGIN replaces them.
    """
    if "ADDR" in attributes or "PORT" in attributes:
        host, port = split_host_port(record.peer)
        if "ADDR" in attributes:
            host, port = attributes["ADDR"] or "unknown", "0"
        record.peer = format_host_port(host, attributes.get("PORT") or port)
    record.client_name = attributes.get("NAME") or record.client_name
    record.helo = attributes.get("HELO") or ""
    login = attributes.get("LOGIN")
    if "LOGIN" in attributes:
        record.auth = Credentials("XCLIENT", login) if login else None
    else:
        record.auth = earlier_credentials
