"""The module `lazr.smtptest.events`, which exports the events of the protocol."""

from lazr.smtptest import events
from lazr.smtptest.protocol.smtp import events as protocol_events


def test_every_kind_of_event_is_exported():
    assert events.__all__ == [name for name in protocol_events.__all__ if name != "BaseEvent"]
    assert all(getattr(events, name) is getattr(protocol_events, name) for name in events.__all__)
