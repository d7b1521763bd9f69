"""Which event of the audit trail is told to CRMs as which type: data, in one table.

Rules: nothing is told that left no trace first; what is not in the table is not told. Whoever needs a new type records
an audit event and adds a line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from audit import Event
from records.crm.types import CrmType


class About(StrEnum):
    """What the `subject_id` of an audit event is, and so how its request and its document are found."""

    REQUEST = "request"
    CASE = "case"
    VISIT = "visit"  # its actor is a link
    MESSAGE = "message"
    UPLOAD = "upload"  # the document stands in the details
    DOCUMENT = "document"
    SLOT = "slot"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table: a type, and what must (not) stand in the details of the audit event."""

    type: CrmType
    about: About
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: bool = False
    """Told for the first such event of a request only."""
    reason: str | None = None
    """The detail that holds the code of the reason."""

    def fits(self, details: Mapping[str, object]) -> bool:
        """Whether an event with these details is told by this rule."""
        wanted = all(details.get(name) in values for name, values in self.when.items())
        return wanted and not any(details.get(name) in values for name, values in self.unless.items())


def _status(status: str) -> dict[str, frozenset[str]]:
    return {"status": frozenset({status})}


_INFECTED = {"finding": frozenset({"infected"})}
_NEEDLESS = {"reason": frozenset({"request_complete", "request_cancelled"})}
"""A message that stayed because it is needed no more has not failed."""

MAP: Mapping[str, tuple[Rule, ...]] = {
    Event.CRM_REQUEST_CREATED: (Rule(type=CrmType.REQUEST_CREATED, about=About.REQUEST),),
    Event.STAFF_REQUEST_CREATED: (Rule(type=CrmType.REQUEST_CREATED, about=About.REQUEST),),
    Event.CRM_REQUEST_CANCELLED: (Rule(type=CrmType.REQUEST_CANCELLED, about=About.REQUEST),),
    Event.STAFF_REQUEST_CANCELLED: (Rule(type=CrmType.REQUEST_CANCELLED, about=About.REQUEST),),
    Event.STAFF_REQUEST_COMPLETED: (Rule(type=CrmType.REQUEST_COMPLETED, about=About.REQUEST),),
    Event.COURIER_REQUEST_EXPIRED: (Rule(type=CrmType.REQUEST_EXPIRED, about=About.REQUEST),),
    Event.COURIER_MESSAGE_SENT: (Rule(type=CrmType.REQUEST_SENT, about=About.MESSAGE),),
    Event.COURIER_MESSAGE_FAILED: (
        Rule(type=CrmType.REQUEST_FAILED, about=About.MESSAGE, unless=_NEEDLESS, reason="reason"),
    ),
    Event.GATEWAY_STATUS_RECEIVED: (
        Rule(type=CrmType.REQUEST_DELIVERED, about=About.MESSAGE, when=_status("delivered")),
        Rule(type=CrmType.REQUEST_READ, about=About.MESSAGE, when=_status("read")),
    ),
    Event.CUSTOMER_LINK_ACTIVATED: (Rule(type=CrmType.REQUEST_OPENED, about=About.VISIT, once=True),),
    Event.CUSTOMER_UPLOAD_FINISHED: (Rule(type=CrmType.DOCUMENT_RECEIVED, about=About.UPLOAD),),
    Event.CUSTOMER_DOCUMENT_WITHDRAWN: (Rule(type=CrmType.DOCUMENT_WITHDRAWN, about=About.DOCUMENT),),
    Event.CUSTOMER_SLOT_DECLINED: (Rule(type=CrmType.DOCUMENT_DECLINED, about=About.SLOT, reason="reason"),),
    Event.INSPECTOR_DOCUMENT_FILED: (Rule(type=CrmType.DOCUMENT_CLEAN, about=About.DOCUMENT),),
    Event.INSPECTOR_DOCUMENT_REFUSED: (
        Rule(type=CrmType.DOCUMENT_INFECTED, about=About.DOCUMENT, when=_INFECTED, reason="reason"),
        Rule(type=CrmType.DOCUMENT_REJECTED, about=About.DOCUMENT, unless=_INFECTED, reason="reason"),
    ),
    Event.INSPECTOR_DOCUMENT_RECALLED: (Rule(type=CrmType.DOCUMENT_INFECTED, about=About.DOCUMENT, reason="reason"),),
    Event.STAFF_DOCUMENT_ACCEPTED: (Rule(type=CrmType.DOCUMENT_APPROVED, about=About.DOCUMENT),),
    Event.STAFF_DOCUMENT_RETURNED: (Rule(type=CrmType.DOCUMENT_RETURNED, about=About.DOCUMENT, reason="reason"),),
    Event.STAFF_SLOT_INSISTED: (Rule(type=CrmType.DOCUMENT_RETURNED, about=About.SLOT, reason="reason"),),
    Event.STAFF_SLOT_WAIVED: (Rule(type=CrmType.DOCUMENT_WAIVED, about=About.SLOT, reason="reason"),),
    Event.STAFF_CASE_CLOSED: (Rule(type=CrmType.CASE_CLOSED, about=About.CASE),),
    Event.GATEWAY_CHAT_DOCUMENT_INTERCEPTED: (Rule(type=CrmType.CHAT_DOCUMENT_INTERCEPTED, about=About.CASE),),
    Event.STAFF_SUBSCRIBER_TESTED: (Rule(type=CrmType.SUBSCRIBER_TEST, about=About.SUBSCRIBER),),
    Event.ADMINISTRATOR_SUBSCRIBER_TESTED: (Rule(type=CrmType.SUBSCRIBER_TEST, about=About.SUBSCRIBER),),
}


def rule_for(event: str, details: Mapping[str, object]) -> Rule | None:
    """Return the rule that tells an event of the trail, None for what no CRM is told."""
    return next((rule for rule in MAP.get(event, ()) if rule.fits(details)), None)
