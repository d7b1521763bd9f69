"""Progress: how far a request is, in the few words and numbers that an agent in a CRM sees.

The same everywhere: in the REST API, in webhooks and in what connectors write. It names no document and no person.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from records.requests import SETTLED_SLOTS, WAITING_SLOTS, DocumentRequest, RequestState, SlotState


class ProgressStatus(StrEnum):
    """The one word. RETURNED: something must be sent again, because the inspection or a person did not take it."""

    REQUESTED = "requested"
    OPENED = "opened"
    RECEIVING = "receiving"
    RETURNED = "returned"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a request is: "2 of 4 received" is `received` of `total`.

    Only required documents count, each side for itself, so that `accepted` equals `total` when the request is complete.
    `received` is what the customer no longer owes: in inspection, filed, declined, or settled (`accepted`).
    """

    status: ProgressStatus
    received: int
    accepted: int
    total: int

    def as_json(self) -> dict[str, Any]:
        """Return {status, received, accepted, total}."""
        return asdict(self) | {"status": self.status.value}


def progress(request: DocumentRequest) -> Progress:
    """Tell how far a request is, from its own row and its slots."""
    required = [slot.state for slot in request.slots if slot.requirement.required]
    return Progress(
        status=_status(request),
        received=sum(state not in WAITING_SLOTS for state in required),
        accepted=sum(state in SETTLED_SLOTS for state in required),
        total=len(required),
    )


def progress_of_case(requests: Sequence[DocumentRequest]) -> Progress:
    """Tell how far a case is: the sum of its requests that were not cancelled, and the word that asks for most care."""
    told = [progress(each) for each in requests]
    counted = [each for each in told if each.status != ProgressStatus.CANCELLED] or told
    return Progress(
        status=_least([each.status for each in counted]),
        received=sum(each.received for each in counted),
        accepted=sum(each.accepted for each in counted),
        total=sum(each.total for each in counted),
    )


def _least(statuses: Sequence[ProgressStatus]) -> ProgressStatus:
    """Return the one word for all: something to correct first, then what is under way; complete only when all are."""
    if ProgressStatus.RETURNED in statuses:
        return ProgressStatus.RETURNED
    begun = {ProgressStatus.RECEIVING, ProgressStatus.COMPLETE} & set(statuses)
    if begun and set(statuses) != {ProgressStatus.COMPLETE}:
        return ProgressStatus.RECEIVING
    order = (ProgressStatus.COMPLETE, ProgressStatus.OPENED, ProgressStatus.REQUESTED)
    return next((each for each in order if each in statuses), ProgressStatus.CANCELLED)


def _status(request: DocumentRequest) -> ProgressStatus:
    states = {SlotState(slot.state) for slot in request.slots}
    match RequestState(request.state):
        case RequestState.CANCELLED:
            return ProgressStatus.CANCELLED
        case RequestState.COMPLETE:
            return ProgressStatus.COMPLETE
        case RequestState.OPENED | RequestState.REQUESTED as state:
            if states & {SlotState.REFUSED, SlotState.RETURNED}:
                return ProgressStatus.RETURNED
            if states - WAITING_SLOTS:
                return ProgressStatus.RECEIVING
            return ProgressStatus.OPENED if state == RequestState.OPENED else ProgressStatus.REQUESTED
