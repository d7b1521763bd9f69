"""Progress: the words and numbers that an agent in a CRM sees."""

import pytest

from records.progress import ProgressStatus, progress, progress_of_case
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


def test_a_case_sums_its_requests_without_those_that_were_cancelled():
    told = progress_of_case(
        [
            a_request(SlotState.ACCEPTED, state=RequestState.COMPLETE),
            a_request(SlotState.FILED, SlotState.MISSING),
            a_request(SlotState.MISSING, SlotState.MISSING, state=RequestState.CANCELLED),
        ]
    )
    assert tuple(told.as_json().values()) == ("receiving", 2, 1, 3)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((RequestState.COMPLETE, RequestState.REQUESTED), ProgressStatus.RECEIVING),
        ((RequestState.COMPLETE, RequestState.COMPLETE), ProgressStatus.COMPLETE),
        ((RequestState.OPENED, RequestState.REQUESTED), ProgressStatus.OPENED),
        ((RequestState.REQUESTED,), ProgressStatus.REQUESTED),
        ((RequestState.CANCELLED, RequestState.CANCELLED), ProgressStatus.CANCELLED),
        ((RequestState.CANCELLED, RequestState.COMPLETE), ProgressStatus.COMPLETE),
    ],
)
def test_the_word_of_a_case_is_that_of_the_request_which_needs_most(states, expected):
    assert progress_of_case([a_request(SlotState.MISSING, state=state) for state in states]).status == expected


def test_one_document_to_correct_makes_a_case_one_to_correct():
    returned = a_request(SlotState.RETURNED, SlotState.MISSING)
    assert progress_of_case([a_request(SlotState.MISSING), returned]).status == ProgressStatus.RETURNED
