"""What the trail can say: the closed set of events, each `actor:subject:action`.

Rules: lower snake words; the actor is one of ActorKind; a name, once released, never changes and is never reused.
Signing a checkpoint is deliberately no event: its event would need the next checkpoint, for ever. A test enforces the
grammar.
"""

import re
from enum import StrEnum

GRAMMAR = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*")
"""What every event matches in full."""

EVENT_LENGTH = 96
"""Longest event name, characters."""


class ActorKind(StrEnum):
    """Who acts. The kind tells how to read `actor_id`."""

    STAFF = "staff"  # a member of the organization, signed in
    CUSTOMER = "customer"  # whoever holds a link; actor_id is the link's id
    CRM = "crm"  # an API key
    INSPECTOR = "inspector"
    COURIER = "courier"
    CUSTODIAN = "custodian"
    OPENER = "opener"
    GATEWAY = "gateway"
    ADMINISTRATOR = "administrator"  # somebody at the command line
    SYSTEM = "system"


class Event(StrEnum):
    """Everything that leaves a trace."""

    # Requests and links
    CRM_REQUEST_CREATED = "crm:request:created"
    CRM_REQUEST_CANCELLED = "crm:request:cancelled"
    CRM_REQUEST_EXTENDED = "crm:request:extended"
    CRM_MESSAGE_QUEUED = "crm:message:queued"
    CRM_LINK_COPIED = "crm:link:copied"
    CRM_CONTACT_CHANGED = "crm:contact:changed"
    STAFF_REQUEST_CREATED = "staff:request:created"
    STAFF_REQUEST_CANCELLED = "staff:request:cancelled"
    STAFF_REQUEST_COMPLETED = "staff:request:completed"
    COURIER_LINK_ISSUED = "courier:link:issued"
    COURIER_LINK_WITHHELD = "courier:link:withheld"
    CUSTOMER_LINK_WISHED = "customer:link:wished"
    STAFF_LINK_REVOKED = "staff:link:revoked"
    STAFF_LINK_COPIED = "staff:link:copied"
    STAFF_MESSAGE_QUEUED = "staff:message:queued"
    # The customer's visit
    CUSTOMER_LINK_ACTIVATED = "customer:link:activated"
    CUSTOMER_NOTICE_ACCEPTED = "customer:notice:accepted"
    CUSTOMER_CODE_REQUESTED = "customer:code:requested"
    CUSTOMER_CODE_CONFIRMED = "customer:code:confirmed"
    CUSTOMER_CODE_REFUSED = "customer:code:refused"
    CUSTOMER_CODE_LOCKED = "customer:code:locked"
    CUSTOMER_UPLOAD_STARTED = "customer:upload:started"
    CUSTOMER_UPLOAD_FINISHED = "customer:upload:finished"
    CUSTOMER_UPLOAD_TERMINATED = "customer:upload:terminated"
    CUSTOMER_DOCUMENT_WITHDRAWN = "customer:document:withdrawn"
    CUSTOMER_SLOT_DECLINED = "customer:slot:declined"
    CUSTOMER_PAGE_GATHERED = "customer:page:gathered"
    CUSTOMER_RECEIPT_REQUESTED = "customer:receipt:requested"
    GATEWAY_CONTACT_OPTED_OUT = "gateway:contact:opted_out"
    GATEWAY_CONTACT_OPTED_IN = "gateway:contact:opted_in"
    GATEWAY_CHAT_DOCUMENT_INTERCEPTED = "gateway:chat_document:intercepted"
    COURIER_CHAT_DOCUMENT_DELETED = "courier:chat_document:deleted"
    COURIER_CHAT_DOCUMENT_LEFT = "courier:chat_document:left"
    COURIER_CHAT_ANSWERED = "courier:chat:answered"
    STAFF_CHAT_DOCUMENT_HANDLED = "staff:chat_document:handled"
    STAFF_CONTACT_OPTED_IN = "staff:contact:opted_in"
    CRM_CONTACT_OPTED_IN = "crm:contact:opted_in"
    # Inspection and filing
    INSPECTOR_DOCUMENT_FILED = "inspector:document:filed"
    INSPECTOR_DOCUMENT_REFUSED = "inspector:document:refused"
    INSPECTOR_DOCUMENT_POSTPONED = "inspector:document:postponed"
    INSPECTOR_DOCUMENT_RECALLED = "inspector:document:recalled"
    INSPECTOR_RESCAN_FAILED = "inspector:rescan:failed"
    INSPECTOR_DOCUMENT_ERASED = "inspector:document:erased"
    INSPECTOR_UPLOAD_SWEPT = "inspector:upload:swept"
    # Review
    STAFF_DOCUMENT_VIEWED = "staff:document:viewed"
    STAFF_DOCUMENT_ACCEPTED = "staff:document:accepted"
    STAFF_DOCUMENT_RETURNED = "staff:document:returned"
    STAFF_DOCUMENT_DOWNLOADED = "staff:document:downloaded"
    STAFF_SLOT_WAIVED = "staff:slot:waived"
    STAFF_SLOT_INSISTED = "staff:slot:insisted"
    # Cases
    STAFF_CASE_CREATED = "staff:case:created"
    CRM_CASE_CREATED = "crm:case:created"
    STAFF_CASE_VIEWED = "staff:case:viewed"
    STAFF_CASE_CLOSED = "staff:case:closed"
    STAFF_CASE_REASSIGNED = "staff:case:reassigned"
    STAFF_CASE_EXPORTED = "staff:case:exported"
    STAFF_EXPORT_DOWNLOADED = "staff:export:downloaded"
    # Access
    STAFF_SESSION_STARTED = "staff:session:started"
    STAFF_SESSION_REFUSED = "staff:session:refused"
    STAFF_SESSION_ENDED = "staff:session:ended"
    STAFF_ACCESS_REFUSED = "staff:access:refused"
    STAFF_AUDIT_VIEWED = "staff:audit:viewed"
    STAFF_AUDIT_VERIFIED = "staff:audit:verified"
    # Keys and openings
    OPENER_PART_OPENED = "opener:part:opened"
    OPENER_PART_REFUSED = "opener:part:refused"
    CUSTODIAN_ROOT_MINTED = "custodian:root:minted"
    CUSTODIAN_CASE_KEY_MINTED = "custodian:case_key:minted"
    INSPECTOR_QUARANTINE_KEY_DESTROYED = "inspector:quarantine_key:destroyed"
    CUSTODIAN_QUARANTINE_KEY_CERTIFIED = "custodian:quarantine_key:certified"
    CUSTODIAN_RESCAN_GRANTED = "custodian:rescan:granted"
    CUSTODIAN_RESCAN_REFUSED = "custodian:rescan:refused"
    # Messages
    COURIER_MESSAGE_SENT = "courier:message:sent"
    COURIER_MESSAGE_FAILED = "courier:message:failed"
    GATEWAY_STATUS_RECEIVED = "gateway:status:received"
    COURIER_MESSAGE_REROUTED = "courier:message:rerouted"
    COURIER_LINK_BLOCKED = "courier:link:blocked"
    COURIER_BREAKER_OPENED = "courier:breaker:opened"
    COURIER_BREAKER_CLOSED = "courier:breaker:closed"
    COURIER_ALARM_RAISED = "courier:alarm:raised"
    COURIER_ALARM_SETTLED = "courier:alarm:settled"
    COURIER_LIMIT_CHANGED = "courier:limit:changed"
    STAFF_MESSAGE_RETRIED = "staff:message:retried"
    STAFF_MESSAGE_MOVED = "staff:message:moved"
    STAFF_MESSAGE_CANCELLED = "staff:message:cancelled"
    STAFF_CONTACT_VERIFIED = "staff:contact:verified"
    STAFF_BREAKER_CLOSED = "staff:breaker:closed"
    STAFF_ALARM_CLOSED = "staff:alarm:closed"
    # Reminders, notices, calls for a person
    COURIER_REMINDER_QUEUED = "courier:reminder:queued"
    COURIER_REMINDER_SKIPPED = "courier:reminder:skipped"
    COURIER_NOTICE_QUEUED = "courier:notice:queued"
    COURIER_REQUEST_EXPIRED = "courier:request:expired"
    COURIER_CALL_RAISED = "courier:call:raised"
    STAFF_CALL_CLEARED = "staff:call:cleared"
    CUSTOMER_CALL_CLEARED = "customer:call:cleared"
    STAFF_REMINDERS_PAUSED = "staff:reminders:paused"
    STAFF_REMINDERS_RESUMED = "staff:reminders:resumed"
    # Message templates
    STAFF_MESSAGE_TEMPLATE_SUBMITTED = "staff:message_template:submitted"
    STAFF_MESSAGE_TEMPLATE_DELETED = "staff:message_template:deleted"
    STAFF_MESSAGE_TEMPLATE_STANDBY_SET = "staff:message_template:standby_set"
    STAFF_TEMPLATE_ACCOUNT_SYNCED = "staff:template_account:synced"
    STAFF_TEMPLATE_ACCOUNT_CHANGED = "staff:template_account:changed"
    ADMINISTRATOR_MESSAGE_TEMPLATE_SUBMITTED = "administrator:message_template:submitted"
    ADMINISTRATOR_MESSAGE_TEMPLATE_DELETED = "administrator:message_template:deleted"
    ADMINISTRATOR_TEMPLATE_ACCOUNT_SYNCED = "administrator:template_account:synced"
    COURIER_MESSAGE_TEMPLATE_SUBMITTED = "courier:message_template:submitted"
    COURIER_MESSAGE_TEMPLATE_REFUSED = "courier:message_template:refused"
    COURIER_MESSAGE_TEMPLATE_CHANGED = "courier:message_template:changed"
    COURIER_MESSAGE_TEMPLATE_RECATEGORISED = "courier:message_template:recategorised"
    COURIER_MESSAGE_TEMPLATE_RATED = "courier:message_template:rated"
    # The trail itself
    COURIER_CHECKPOINT_STAMPED = "courier:checkpoint:stamped"
    COURIER_RECEIPT_GATHERED = "courier:receipt:gathered"
    # Administration: by a member at the console, or at the command line
    STAFF_MEMBER_DISABLED = "staff:member:disabled"
    STAFF_MEMBER_ENABLED = "staff:member:enabled"
    STAFF_API_KEY_CREATED = "staff:api_key:created"
    STAFF_API_KEY_REVOKED = "staff:api_key:revoked"
    STAFF_SUBSCRIBER_PAUSED = "staff:subscriber:paused"
    STAFF_SUBSCRIBER_RESUMED = "staff:subscriber:resumed"
    STAFF_SUBSCRIBER_TESTED = "staff:subscriber:tested"
    STAFF_DELIVERY_REPLAYED = "staff:delivery:replayed"
    ADMINISTRATOR_SUBSCRIBER_ADDED = "administrator:subscriber:added"
    ADMINISTRATOR_SUBSCRIBER_ROTATED = "administrator:subscriber:rotated"
    ADMINISTRATOR_SUBSCRIBER_PAUSED = "administrator:subscriber:paused"
    ADMINISTRATOR_SUBSCRIBER_RESUMED = "administrator:subscriber:resumed"
    ADMINISTRATOR_SUBSCRIBER_REMOVED = "administrator:subscriber:removed"
    ADMINISTRATOR_SUBSCRIBER_TESTED = "administrator:subscriber:tested"
    COURIER_SUBSCRIBER_DISABLED = "courier:subscriber:disabled"
    STAFF_API_KEY_ROTATED = "staff:api_key:rotated"
    ADMINISTRATOR_ORGANIZATION_CREATED = "administrator:organization:created"
    ADMINISTRATOR_MEMBER_CREATED = "administrator:member:created"
    ADMINISTRATOR_MEMBER_DISABLED = "administrator:member:disabled"
    ADMINISTRATOR_API_KEY_CREATED = "administrator:api_key:created"
    ADMINISTRATOR_API_KEY_ROTATED = "administrator:api_key:rotated"
    ADMINISTRATOR_API_KEY_REVOKED = "administrator:api_key:revoked"
    ADMINISTRATOR_API_KEY_BOUND = "administrator:api_key:bound"
    ADMINISTRATOR_NOTICE_PUBLISHED = "administrator:notice:published"
    ADMINISTRATOR_TEMPLATE_PUBLISHED = "administrator:template:published"
    ADMINISTRATOR_TEAM_CREATED = "administrator:team:created"
    ADMINISTRATOR_MEMBER_RESET = "administrator:member:reset"
    ADMINISTRATOR_SENDER_ADDED = "administrator:sender:added"
    ADMINISTRATOR_MAIL_SENDER_SET = "administrator:mail_sender:set"
    ADMINISTRATOR_SENDER_RENEWED = "administrator:sender:renewed"
    ADMINISTRATOR_CASE_KEY_RECOVERED = "administrator:case_key:recovered"
    ADMINISTRATOR_ORGANIZATION_CHANGED = "administrator:organization:changed"
    ADMINISTRATOR_ORGANIZATION_LIMITED = "administrator:organization:limited"
    ADMINISTRATOR_SMS_SENDER_SET = "administrator:sms_sender:set"
    ADMINISTRATOR_CONTACT_RULES_SET = "administrator:contact_rules:set"

    @property
    def actor(self) -> ActorKind:
        """Who acts in this event."""
        return ActorKind(self.value.partition(":")[0])
