"""The types of CRM events and what each means. A released type never changes its meaning."""

from collections.abc import Mapping
from enum import StrEnum


class CrmType(StrEnum):
    """What a CRM can be told, each with the moment that it stands for."""

    REQUEST_CREATED = "request.created"
    REQUEST_SENT = "request.sent"
    REQUEST_DELIVERED = "request.delivered"
    REQUEST_READ = "request.read"
    REQUEST_FAILED = "request.failed"
    REQUEST_OPENED = "request.opened"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_COMPLETED = "request.completed"
    REQUEST_CANCELLED = "request.cancelled"
    DOCUMENT_RECEIVED = "document.received"
    DOCUMENT_CLEAN = "document.clean"
    DOCUMENT_INFECTED = "document.infected"
    DOCUMENT_REJECTED = "document.rejected"
    DOCUMENT_APPROVED = "document.approved"
    DOCUMENT_RETURNED = "document.returned"
    DOCUMENT_WITHDRAWN = "document.withdrawn"
    DOCUMENT_DECLINED = "document.declined"
    DOCUMENT_WAIVED = "document.waived"
    CASE_CLOSED = "case.closed"
    CHAT_DOCUMENT_INTERCEPTED = "chat_document.intercepted"
    SUBSCRIBER_TEST = "subscriber.test"


MEANINGS: Mapping[CrmType, str] = {
    CrmType.REQUEST_CREATED: "Documents were asked for, by the API or at the console.",
    CrmType.REQUEST_SENT: "A message with the link was handed to its channel (`message` says which and why).",
    CrmType.REQUEST_DELIVERED: "The channel says that the message reached the customer's phone.",
    CrmType.REQUEST_READ: "The channel says that the customer read the message.",
    CrmType.REQUEST_FAILED: "A message could not be delivered; `reason` is the code of the channel or one of ours.",
    CrmType.REQUEST_OPENED: "The customer opened the link for the first time. Told once for each request.",
    CrmType.REQUEST_EXPIRED: "The time of the request ended before it was complete.",
    CrmType.REQUEST_COMPLETED: "Everything required is accepted. Told again when a request that reopened completes.",
    CrmType.REQUEST_CANCELLED: "Nothing is asked for any more.",
    CrmType.DOCUMENT_RECEIVED: "The customer sent a document; it waits for its inspection.",
    CrmType.DOCUMENT_CLEAN: "The inspection let the document pass; it is sealed in the case and waits for a person.",
    CrmType.DOCUMENT_INFECTED: "A virus was found, at the inspection or by later signatures. The customer must resend.",
    CrmType.DOCUMENT_REJECTED: "The inspection refused the document; `reason` says why. The customer must resend.",
    CrmType.DOCUMENT_APPROVED: "A person accepted the document.",
    CrmType.DOCUMENT_RETURNED: "A person returned the document; `reason` says why. The customer was asked again.",
    CrmType.DOCUMENT_WITHDRAWN: "The customer took back a document that was just sent.",
    CrmType.DOCUMENT_DECLINED: "The customer says that there is no such document; `reason` says why.",
    CrmType.DOCUMENT_WAIVED: "A person let a declined document go: it is not needed.",
    CrmType.CASE_CLOSED: "The case takes no more documents.",
    CrmType.CHAT_DOCUMENT_INTERCEPTED: "The customer tried to send a file by chat. It was not downloaded.",
    CrmType.SUBSCRIBER_TEST: "Somebody pressed the test button. Sent to that one subscriber only.",
}
"""In words, for the catalogue of events in docs/webhooks.md."""
