"""Administering API keys at the console: a key or a new secret is shown once; only administrators touch them."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.apikeys import ApiKey, ApiKeyRefused, Scope, authenticate, create_api_key
from records.organizations import Organization, Team
from storage.database import Database, utcnow
from tests.portal.staff.company import NOW, Company
from tests.portal.staff.conftest import Browser

Enter = Callable[[str], Browser]


def names(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(AuditEvent.event)))


def a_form(team: str, **changes: object) -> dict[str, object]:
    return {"name": "CRM de ventas", "team": team, "days": "365", "scope": [*Scope], "networks": ""} | changes


def shown(page: str) -> str:
    found = re.search(r'value="(rsg_live_[^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_an_api_key_is_shown_once_works_and_can_be_revoked(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    saul = browser_of("saul")
    norte = company.teams["norte"].id
    page = saul.post("/api-keys", a_form(norte)).get_data(as_text=True)
    found = re.search(r'value="(rsg_live_[^"]+)"', page)
    assert found is not None
    assert found.group(1) not in saul.get("/administration").get_data(as_text=True)
    with sqlite_database.reading() as session:
        row = authenticate(session, found.group(1), now=utcnow())
    assert row.team_id == norte
    assert saul.post(f"/api-keys/{row.id}/revoke").status_code == 303
    assert saul.post(f"/api-keys/{row.id}/revoke").status_code == 409
    with sqlite_database.reading() as session:
        assert session.get_one(ApiKey, row.id).revoked_at is not None
    assert {"staff:api_key:created", "staff:api_key:revoked"} <= names(sqlite_database)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", "a\nb"])
def test_an_api_key_needs_a_name(browser_of: Enter, company: Company, name: str) -> None:
    answer = browser_of("saul").post("/api-keys", {"name": name, "team": company.teams["norte"].id})
    assert answer.status_code == 422


def test_an_api_key_needs_a_team_of_ours_so_that_somebody_sees_its_cases(
    browser_of: Enter, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        other = Organization(slug="otra", name="Otra", created_at=NOW)
        session.add(other)
        session.flush()
        strange = Team(org_id=other.id, name="Equipo ajeno")
        session.add(strange)
        session.flush()
    for team in ("", "x", strange.id):
        answer = browser_of("saul").post("/api-keys", {"name": "CRM", "team": team})
        assert answer.status_code == 422
        assert "Elige el equipo que recibe los expedientes." in answer.get_data(as_text=True)
    with sqlite_database.reading() as session:
        assert session.scalars(select(ApiKey)).all() == []


def test_a_key_has_the_scopes_networks_and_last_day_of_its_form(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    form = a_form(
        company.teams["norte"].id, scope=["requests:read", "events:read"], networks=" 203.0.113.0/24\r\n2001:db8::/48 "
    )
    key = shown(browser_of("saul").post("/api-keys", form).get_data(as_text=True))
    with sqlite_database.reading() as session:
        row = authenticate(session, key, now=utcnow())
    assert row.scopes == ["requests:read", "events:read"]
    assert row.networks == ["203.0.113.0/24", "2001:db8::/48"]
    assert row.expires_at is not None
    assert timedelta(days=364) < row.expires_at - utcnow() <= timedelta(days=365)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scope": []}, "Elige al menos un permiso."),
        ({"scope": ["everything"]}, "Elige al menos un permiso."),
        ({"networks": "203.0.113.7/24"}, "Escribe direcciones como"),
        ({"networks": "internet"}, "Escribe direcciones como"),
        ({"networks": "::ffff:10.0.0.1"}, "Escribe direcciones como"),
        ({"networks": " ".join(f"10.0.0.{each}" for each in range(51))}, "Caben hasta 50"),
        ({"days": "100000"}, ""),
    ],
)
def test_a_key_that_would_do_anything_from_anywhere_by_mistake_is_refused(
    browser_of: Enter, company: Company, sqlite_database: Database, changes: dict[str, object], words: str
) -> None:
    answer = browser_of("saul").post("/api-keys", a_form(company.teams["norte"].id, **changes))
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    with sqlite_database.reading() as session:
        assert session.scalars(select(ApiKey)).all() == []


def test_a_rotated_key_works_at_once_and_the_old_one_for_the_time_that_was_chosen(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    saul = browser_of("saul")
    old = shown(saul.post("/api-keys", a_form(company.teams["norte"].id)).get_data(as_text=True))
    key_id = old.split("_")[2]
    new = shown(saul.post(f"/api-keys/{key_id}/rotate", {"overlap": "1"}).get_data(as_text=True))
    page = saul.get("/administration").get_data(as_text=True)
    assert new not in page
    assert "La clave anterior vale hasta" in page
    with sqlite_database.reading() as session:
        assert authenticate(session, new, now=utcnow()).id == authenticate(session, old, now=utcnow()).id == key_id
        with pytest.raises(ApiKeyRefused):
            authenticate(session, old, now=utcnow() + timedelta(days=1))
    newest = shown(saul.post(f"/api-keys/{key_id}/rotate", {"overlap": "0"}).get_data(as_text=True))
    with sqlite_database.reading() as session:
        assert authenticate(session, newest, now=utcnow()).id == key_id
        for ended in (old, new):
            with pytest.raises(ApiKeyRefused):
                authenticate(session, ended, now=utcnow())
    assert "staff:api_key:rotated" in names(sqlite_database)


def test_a_revoked_key_is_not_brought_back_by_rotating_it(
    browser_of: Enter, company: Company, sqlite_database: Database
) -> None:
    saul = browser_of("saul")
    key_id = shown(saul.post("/api-keys", a_form(company.teams["norte"].id)).get_data(as_text=True)).split("_")[2]
    saul.post(f"/api-keys/{key_id}/rotate", {"overlap": "7"})
    saul.post(f"/api-keys/{key_id}/revoke")
    assert saul.post(f"/api-keys/{key_id}/rotate", {"overlap": "1"}).status_code == 409
    assert saul.post(f"/api-keys/{key_id}/rotate", {"overlap": "99"}).status_code == 422


def test_omar_cannot_rotate_a_key(browser_of: Enter, company: Company, sqlite_database: Database) -> None:
    with sqlite_database.transaction() as session:
        row, _ = create_api_key(session, org_id=company.org.id, name="CRM", scopes=["requests:read"], now=NOW)
    assert browser_of("omar").post(f"/api-keys/{row.id}/rotate", {"overlap": "0"}).status_code == 403


def test_a_key_of_another_organization_is_not_found(browser_of: Enter, sqlite_database: Database) -> None:
    with sqlite_database.transaction() as session:
        other = Organization(slug="otra", name="Otra", created_at=NOW)
        session.add(other)
        session.flush()
        row, key = create_api_key(session, org_id=other.id, name="CRM", scopes=["requests:read"], now=NOW)
    for act in ("rotate", "revoke"):
        assert browser_of("saul").post(f"/api-keys/{row.id}/{act}", {"overlap": "0"}).status_code == 404
    with sqlite_database.reading() as session:
        assert authenticate(session, key, now=utcnow()).id == row.id
