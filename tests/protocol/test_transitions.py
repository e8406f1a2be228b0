"""The tables of replies and effects are complete."""

import pytest

from lazr.smtptest.protocol.smtp import events
from lazr.smtptest.protocol.smtp.commands import ARGUMENT_PARSERS
from lazr.smtptest.protocol.smtp.session import METHODS_BY_EFFECT
from lazr.smtptest.protocol.smtp.transitions import EFFECTS, REPLY_ONLY, SUGGESTED_REPLIES, Effect

EVENTS = {getattr(events, name) for name in events.__all__} - {events.Event, events.BaseEvent}


def test_every_command_has_a_suggested_reply():
    assert set(SUGGESTED_REPLIES) == set(ARGUMENT_PARSERS)


def test_every_effect_is_carried_out_by_one_method():
    assert set(METHODS_BY_EFFECT) == set(Effect)
    assert len(set(METHODS_BY_EFFECT.values())) == len(Effect)


def test_every_event_has_effects_and_every_effect_an_event():
    assert {effect for row in EFFECTS.values() for effect in row} == set(Effect)
    assert set(EFFECTS) == EVENTS


@pytest.mark.parametrize("event", [events.Noop, events.Vrfy, events.Expn, events.Help])
def test_commands_that_ask_for_text_change_nothing(event):
    assert EFFECTS[event] == REPLY_ONLY
