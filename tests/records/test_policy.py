"""The one policy: every role, every action, own and other cases; and the query says the same as the decision."""

import itertools

import pytest
from sqlalchemy import select

from records.cases import Case, open_case
from records.errors import Forbidden
from records.people import Role
from records.policy import ALLOWED, Action, decide, require, visible_cases
from storage.database import Database
from tests.records.case_of_ana import NOW, world_in

EXPECTED = {
    Role.EXECUTIVE: "list_cases see_case see_pages request_documents copy_link revoke_link handle_messages review",
    Role.SUPERVISOR: (
        "list_cases see_case see_pages request_documents copy_link revoke_link handle_messages review reassign"
        " close_case"
    ),
    Role.COMPLIANCE: "list_cases see_case see_pages revoke_link download_original export see_audit",
    Role.ADMINISTRATOR: "administer",
    Role.AUDITOR: "list_cases see_case see_audit",
}


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, Action)))
def test_each_role_may_exactly_what_is_written_down(sqlite_database: Database, role: Role, action: Action) -> None:
    world = world_in(sqlite_database)
    member = next(one for one in world.members.values() if one.role == role)
    assert decide(member, action, world.case).allowed == (action.value in EXPECTED[role].split())


def test_compliance_cannot_approve_and_executives_cannot_export() -> None:
    assert Action.REVIEW not in ALLOWED[Role.COMPLIANCE]
    assert not {Action.EXPORT, Action.DOWNLOAD_ORIGINAL, Action.SEE_AUDIT} & ALLOWED[Role.EXECUTIVE]


@pytest.mark.parametrize("action", list(Action))
def test_omar_cannot_do_anything_to_another_teams_case(sqlite_database: Database, action: Action) -> None:
    world = world_in(sqlite_database)
    with pytest.raises(Forbidden):
        require(world.members["omar"], action, world.case)


@pytest.mark.parametrize("action", list(Action))
def test_a_disabled_member_may_nothing(sqlite_database: Database, action: Action) -> None:
    world = world_in(sqlite_database)
    for member in world.members.values():
        member.active = False
        assert not decide(member, action).allowed
        assert not decide(member, action, world.case).allowed


@pytest.mark.parametrize("action", list(Action))
def test_nobody_may_anything_in_another_organization(sqlite_database: Database, action: Action) -> None:
    ours, theirs = world_in(sqlite_database), world_in(sqlite_database, slug="otra")
    for member in ours.members.values():
        assert not decide(member, action, theirs.case).allowed


def test_an_unknown_role_may_nothing(sqlite_database: Database) -> None:
    world = world_in(sqlite_database)
    world.members["eva"].role = "director"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="director"):
        decide(world.members["eva"], Action.SEE_CASE, world.case)


def test_the_query_lists_what_the_decision_allows(database: Database) -> None:
    world, other = world_in(database), world_in(database, slug="otra")
    eva, omar = world.members["eva"], world.members["omar"]
    with database.transaction() as session:
        for team, owner in ((None, None), (None, eva), (None, omar), ("sur", None), ("sur", eva), ("norte", omar)):
            team_id = world.teams[team].id if team else None
            owner_id = owner.id if owner else None
            open_case(session, org_id=world.org.id, title="x", team_id=team_id, owner_id=owner_id, now=NOW)
        cases = session.scalars(select(Case)).all()
        for member in (*world.members.values(), *other.members.values()):
            listed = {case.id for case in session.scalars(select(Case).where(visible_cases(member)))}
            assert listed == {case.id for case in cases if decide(member, Action.LIST_CASES, case).allowed}
