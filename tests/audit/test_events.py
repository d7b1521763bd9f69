"""The events: their grammar and their actors."""

import pytest

from audit import Event
from audit.events import EVENT_LENGTH, GRAMMAR, ActorKind


@pytest.mark.parametrize("event", Event)
def test_every_event_says_actor_subject_action(event):
    assert GRAMMAR.fullmatch(event.value)
    assert len(event.value) <= EVENT_LENGTH
    assert event.actor in ActorKind


@pytest.mark.parametrize("event", Event)
def test_a_name_in_code_is_the_event_in_capitals(event):
    assert event.name == event.value.replace(":", "_").upper()


def test_signing_a_checkpoint_is_no_event_or_it_would_ask_for_the_next_one():
    assert "custodian:checkpoint:signed" not in set(Event)
