"""Progress: the words and numbers that an agent in a CRM sees."""

import pytest

from records.progress import ProgressStatus, progress
from records.requests import DocumentRequest, RequestState, Slot, SlotState
from records.requirements import Requirement


def a_request(*states: SlotState, state: RequestState = RequestState.OPENED, optional: int = 0) -> DocumentRequest:
    """A request whose slots stand so; the last `optional` ones are not required."""
    needed = len(states) - optional
    slots = [Slot(state=each, requirement=Requirement(required=at < needed)) for at, each in enumerate(states)]
    return DocumentRequest(state=state, slots=slots)


@pytest.mark.parametrize(
    ("states", "state", "expected"),
    [
        (("missing", "missing"), RequestState.REQUESTED, ("requested", 0, 0, 2)),
        (("missing", "missing"), RequestState.OPENED, ("opened", 0, 0, 2)),
        (("received", "filed", "missing", "missing"), RequestState.OPENED, ("receiving", 2, 0, 4)),
        (("accepted", "filed", "missing"), RequestState.OPENED, ("receiving", 2, 1, 3)),
        (("declined", "missing"), RequestState.OPENED, ("receiving", 1, 0, 2)),
        (("waived", "filed"), RequestState.OPENED, ("receiving", 2, 1, 2)),
        (("accepted", "returned"), RequestState.OPENED, ("returned", 1, 1, 2)),
        (("filed", "refused"), RequestState.OPENED, ("returned", 1, 0, 2)),
        (("accepted", "waived"), RequestState.COMPLETE, ("complete", 2, 2, 2)),
        (("accepted", "returned"), RequestState.CANCELLED, ("cancelled", 1, 1, 2)),
    ],
)
def test_an_agent_sees_one_word_and_three_numbers(states, state, expected):
    told = progress(a_request(*map(SlotState, states), state=state)).as_json()
    assert tuple(told.values()) == expected
    assert list(told) == ["status", "received", "accepted", "total"]


def test_what_is_not_required_is_not_counted():
    told = progress(a_request(SlotState.FILED, SlotState.MISSING, optional=1))
    assert (told.received, told.total) == (1, 1)


def test_an_optional_document_that_came_back_is_told_of():
    told = progress(a_request(SlotState.FILED, SlotState.RETURNED, optional=1))
    assert told.status == ProgressStatus.RETURNED


@pytest.mark.parametrize("state", [RequestState.REQUESTED, RequestState.OPENED])
@pytest.mark.parametrize("slot", SlotState)
def test_what_is_accepted_was_received_and_neither_exceeds_the_total(slot, state):
    told = progress(a_request(slot, SlotState.MISSING, state=state))
    assert 0 <= told.accepted <= told.received <= told.total == 2
