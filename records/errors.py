"""The errors of the case file. Each carries a stable `code`; portal/web/errors.py turns it into a status and words."""

from enum import StrEnum


class RecordsError(Exception):
    """A rule of the case file refuses what was asked. `code` is stable and public; messages hold ids only."""

    code = "records_error"


class NotFound(RecordsError):
    """The row does not exist, or belongs to another organization: the two look alike."""

    code = "not_found"


class Forbidden(RecordsError):
    """The policy refuses this actor. The refusal has its own audit event."""

    code = "forbidden"


class WrongState(RecordsError):
    """The row is not in a state from which this may be done."""

    code = "wrong_state"


class CaseClosed(WrongState):
    """The case takes no more documents."""

    code = "case_closed"


class RequestEnded(WrongState):
    """The request is complete or cancelled: nothing more is asked of anybody."""

    code = "request_ended"

    def __init__(self, request_id: str, state: str) -> None:
        """Tell which of the two."""
        super().__init__(f"request {request_id} is {state}")
        self.field, self.why = "request", state


class MessagePending(WrongState):
    """A message of this request is on its way, or may still be confirmed: another one would come twice."""

    code = "message_pending"


class LinkEnded(WrongState):
    """The newest link was revoked, or there is none: a new message or a new link comes first."""

    code = "link_ended"


class ContactOptedOut(WrongState):
    """The person asked for no more messages."""

    code = "contact_opted_out"


class ReferenceTaken(WrongState):
    """A case that this API key does not reach has this external reference."""

    code = "external_ref_taken"


class LinkClosed(RecordsError):
    """The link is unknown, expired, revoked or superseded: the reader is never told which."""

    code = "link_closed"


class CodeNeeded(RecordsError):
    """The visit waits for its one-time code: until then it may do nothing else."""

    code = "code_needed"


class TooManyCodes(RecordsError):
    """One-time codes of this request were asked for too fast or too often: later there are more."""

    code = "too_many_codes"


class TooManyChecks(RecordsError):
    """Too many wrong check codes that begin alike were typed this hour."""

    code = "too_many_checks"


class CodeLocked(RecordsError):
    """Too many wrong codes in a row: only a person of the company opens the request again."""

    code = "code_locked"


class Quota(StrEnum):
    """What is used up. The value is the stable code of the error."""

    LINK_FILES = "quota_link_files"
    LINK_BYTES = "quota_link_bytes"
    LINK_ATTEMPTS = "quota_link_attempts"
    CASE_FILES = "quota_case_files"
    CASE_BYTES = "quota_case_bytes"
    CASE_ATTEMPTS = "quota_case_attempts"
    ORGANIZATION_FILES = "quota_organization_files"
    ORGANIZATION_BYTES = "quota_organization_bytes"
    ORGANIZATION_ATTEMPTS = "quota_organization_attempts"


class QuotaExceeded(RecordsError):
    """A link, a case or an organization has taken in what it may. The code says which, and of what."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(quota.value)
        self.code = quota.value


class TooManyVisits(RecordsError):
    """The link was opened too often in the last hour: later it may be opened again."""

    code = "too_many_requests"


class SlotTaken(RecordsError):
    """Another upload holds this slot, or its document is already in review or accepted."""

    code = "slot_taken"


class NoticeChanged(RecordsError):
    """A newer privacy notice was published during the visit: it comes before the next file."""

    code = "notice_changed"


class UndoOver(RecordsError):
    """A file can no longer be taken back: half an hour has passed, or a person has decided on it."""

    code = "undo_over"


class InvalidValue(RecordsError):
    """A value breaks a rule of its field."""

    code = "invalid_value"

    def __init__(self, field: str, why: str) -> None:
        """Name the field and the rule; never the value."""
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why
