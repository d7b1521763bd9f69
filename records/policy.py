"""Who may do what: one function decides for every member of staff, every action and every case.

Everything that is not listed is refused.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, false, or_, true

from records.cases import Case
from records.errors import Forbidden
from records.people import Member, Role


class Action(StrEnum):
    """What staff may do. Case actions are decided for one case, the others for the organization."""

    LIST_CASES = "list_cases"
    SEE_CASE = "see_case"
    SEE_PAGES = "see_pages"
    REQUEST_DOCUMENTS = "request_documents"
    COPY_LINK = "copy_link"
    REVOKE_LINK = "revoke_link"
    HANDLE_MESSAGES = "handle_messages"
    REVIEW = "review"
    REASSIGN = "reassign"
    CLOSE_CASE = "close_case"
    DOWNLOAD_ORIGINAL = "download_original"
    EXPORT = "export"
    SEE_AUDIT = "see_audit"
    ADMINISTER = "administer"


ALLOWED: dict[Role, frozenset[Action]] = {
    Role.EXECUTIVE: frozenset(
        {
            Action.LIST_CASES,
            Action.SEE_CASE,
            Action.SEE_PAGES,
            Action.REQUEST_DOCUMENTS,
            Action.COPY_LINK,
            Action.REVOKE_LINK,
            Action.HANDLE_MESSAGES,
            Action.REVIEW,
        }
    ),
    Role.SUPERVISOR: frozenset(
        {
            Action.LIST_CASES,
            Action.SEE_CASE,
            Action.SEE_PAGES,
            Action.REQUEST_DOCUMENTS,
            Action.COPY_LINK,
            Action.REVOKE_LINK,
            Action.HANDLE_MESSAGES,
            Action.REVIEW,
            Action.REASSIGN,
            Action.CLOSE_CASE,
        }
    ),
    Role.COMPLIANCE: frozenset(
        {
            Action.LIST_CASES,
            Action.SEE_CASE,
            Action.SEE_PAGES,
            Action.REVOKE_LINK,
            Action.DOWNLOAD_ORIGINAL,
            Action.EXPORT,
            Action.SEE_AUDIT,
        }
    ),
    Role.ADMINISTRATOR: frozenset({Action.ADMINISTER}),
    Role.AUDITOR: frozenset({Action.LIST_CASES, Action.SEE_CASE, Action.SEE_AUDIT}),
}

OWN_TEAM_ONLY = frozenset({Role.EXECUTIVE})
"""Roles that see only the cases of their own team, or their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of the policy; `reason` is for the log of refusals."""

    allowed: bool
    reason: str


def decide(member: Member, action: Action, case: Case | None = None) -> Decision:
    """Decide whether `member` may do `action` (to `case`, where it is an action on a case)."""
    if not member.active:
        return Decision(allowed=False, reason="inactive")
    if action not in ALLOWED.get(Role(member.role), frozenset()):
        return Decision(allowed=False, reason="role")
    if case is None:
        return Decision(allowed=True, reason="role")
    if case.org_id != member.org_id:
        return Decision(allowed=False, reason="organization")
    own = case.owner_id == member.id or (member.team_id is not None and case.team_id == member.team_id)
    if member.role in OWN_TEAM_ONLY and not own:
        return Decision(allowed=False, reason="team")
    return Decision(allowed=True, reason="case")


def require(member: Member, action: Action, case: Case | None = None) -> None:
    """Raise Forbidden unless the policy allows it."""
    decision = decide(member, action, case)
    if not decision.allowed:
        raise Forbidden(f"{member.id} {action} {case.id if case else '-'}: {decision.reason}")


def visible_cases(member: Member) -> ColumnElement[bool]:
    """Return the SQL condition for the cases that `member` may list: the same rule as `decide`, for a query."""
    if not decide(member, Action.LIST_CASES).allowed:
        return false()
    own_org = Case.org_id == member.org_id
    if member.role not in OWN_TEAM_ONLY:
        return own_org & true()
    own_team = Case.team_id == member.team_id if member.team_id is not None else false()
    return own_org & or_(Case.owner_id == member.id, own_team)
