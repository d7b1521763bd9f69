"""What an API key reaches: the rows of its organization; with a team, those of the team and what the key asked itself.

A case that was handed to another team stays in sight of the integration that asked in it, with its own requests only.
What is out of reach looks like what does not exist.
"""

from typing import TypeVar

from sqlalchemy import ColumnElement, ScalarResult, or_, select
from sqlalchemy.orm import Session

from records.apikeys import ApiKey
from records.cases import Case, Party
from records.errors import NotFound
from records.requests import DocumentRequest

Row = TypeVar("Row")


def reached_requests(key: ApiKey) -> ColumnElement[bool]:
    """Return the SQL condition for the requests that a key reaches."""
    own_org = DocumentRequest.org_id == key.org_id
    if key.team_id is None:
        return own_org
    of_team = select(Case.id).where(Case.team_id == key.team_id)
    return own_org & or_(DocumentRequest.created_by == key.id, DocumentRequest.case_id.in_(of_team))


def reached_cases(key: ApiKey) -> ColumnElement[bool]:
    """Return the SQL condition for the cases that a key reaches."""
    own_org = Case.org_id == key.org_id
    if key.team_id is None:
        return own_org
    asked = select(DocumentRequest.case_id).where(DocumentRequest.created_by == key.id)
    return own_org & or_(Case.team_id == key.team_id, Case.id.in_(asked))


def reached_parties(key: ApiKey) -> ColumnElement[bool]:
    """Return the SQL condition for the people that a key reaches."""
    own_org = Party.org_id == key.org_id
    if key.team_id is None:
        return own_org
    of_team = select(Case.id).where(Case.team_id == key.team_id)
    asked = select(DocumentRequest.party_id).where(DocumentRequest.created_by == key.id)
    return own_org & or_(Party.case_id.in_(of_team), Party.id.in_(asked))


def request_in_reach(session: Session, key: ApiKey, request_id: str) -> DocumentRequest:
    """Return a request that the key reaches. Raises NotFound."""
    return _one(session.scalars(select(DocumentRequest).where(DocumentRequest.id == request_id, reached_requests(key))))


def case_in_reach(session: Session, key: ApiKey, case_id: str) -> Case:
    """Return a case that the key reaches. Raises NotFound."""
    return _one(session.scalars(select(Case).where(Case.id == case_id, reached_cases(key))))


def party_in_reach(session: Session, key: ApiKey, party_id: str) -> Party:
    """Return a person that the key reaches. Raises NotFound."""
    return _one(session.scalars(select(Party).where(Party.id == party_id, reached_parties(key))))


def _one(found: ScalarResult[Row]) -> Row:
    row = found.one_or_none()
    if row is None:
        raise NotFound("out of reach")
    return row
