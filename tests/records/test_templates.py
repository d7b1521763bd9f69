"""What may be sent of a company's templates, what stands in for what may not, and when an edit is allowed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from records.organizations import Organization
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, ask_resync, sendable, standby_for
from storage.database import Database

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WABA = "102290129340398"


@pytest.fixture
def org_id(database: Database) -> str:
    with database.transaction() as session:
        organization = Organization(slug="aurora", name="Aurora", created_at=NOW)
        session.add(organization)
        session.flush()
        return organization.id


def an_account(session: Session, org_id: str, **values: Any) -> TemplateAccount:
    account = TemplateAccount(org_id=org_id, waba_id=WABA, **({"synced_at": NOW} | values))
    session.add(account)
    session.flush()
    return account


def a_template(
    account: TemplateAccount, name: str = "asked", language: str = "es_CO", **values: Any
) -> MessageTemplate:
    return MessageTemplate(
        **{
            "org_id": account.org_id,
            "account": account,
            "name": name,
            "language": language,
            "wanted_category": "UTILITY",
            "category": "UTILITY",
            "body": "Hola {{1}}",
            "footer": "BAJA",
            "label": "Abrir",
            "changed_at": NOW,
            "status": TemplateStatus.APPROVED,
            **values,
        }
    )


def which(org_id: str, name: str = "asked", language: str = "es_CO") -> dict[str, str]:
    return {"org_id": org_id, "waba_id": WABA, "name": name, "language": language}


def test_an_account_that_was_never_read_sends_as_before(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        assert sendable(session, **which(org_id))
        an_account(session, org_id, synced_at=None)
        assert sendable(session, **which(org_id))
        assert standby_for(session, **which(org_id)) is None


@pytest.mark.parametrize("status", list(TemplateStatus))
def test_only_what_the_platform_approved_is_sent(database: Database, org_id: str, status: TemplateStatus) -> None:
    with database.transaction() as session:
        session.add(a_template(an_account(session, org_id), status=status))
        session.flush()
        assert sendable(session, **which(org_id)) == (status is TemplateStatus.APPROVED)
        assert not sendable(session, **which(org_id, language="pt_BR"))


def test_the_templates_of_another_company_do_not_count(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        other = Organization(slug="other", name="Other", created_at=NOW)
        session.add(other)
        session.flush()
        an_account(session, org_id)
        session.add(a_template(an_account(session, other.id)))
        session.flush()
        assert not sendable(session, **which(org_id))
        assert standby_for(session, **which(org_id, language="es_MX")) is None


def test_a_template_that_became_marketing_stays_where_the_company_says_so(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        account = an_account(session, org_id)
        session.add(a_template(account, category="MARKETING"))
        session.flush()
        assert sendable(session, **which(org_id))
        account.refuse_marketing = True
        session.flush()
        assert not sendable(session, **which(org_id))


def test_the_standby_comes_first_then_the_same_words_of_another_country(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        account = an_account(session, org_id)
        asked = a_template(account, status=TemplateStatus.PAUSED, standby_name="later")
        later = a_template(account, "later")
        mexican = a_template(account, language="es_MX", standby_name="later")
        mexican_later = a_template(account, "later", "es_MX")
        english, other = a_template(account, language="en"), a_template(account, "third")
        session.add_all([asked, later, mexican, mexican_later, english, other])
        expected = [("later", "es_CO"), ("asked", "es_MX"), ("later", "es_MX"), None]
        for row, found in zip((later, mexican, mexican_later, None), expected, strict=True):
            session.flush()
            assert standby_for(session, **which(org_id)) == found
            if row is not None:
                row.status = TemplateStatus.DISABLED


def test_a_language_that_nobody_registered_is_served_by_its_neighbour(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        session.add(a_template(an_account(session, org_id), language="es_MX"))
        session.flush()
        assert standby_for(session, **which(org_id)) == ("asked", "es_MX")
        assert standby_for(session, **which(org_id, language="pt_BR")) is None


def test_asking_for_a_new_reading_does_not_ask_all_the_time(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        asked = {"org_id": org_id, "waba_id": WABA, "now": NOW}
        ask_resync(session, **asked)
        account = an_account(session, org_id)
        ask_resync(session, **asked)
        assert account.due_at == NOW + timedelta(minutes=5)
        account.synced_at, account.due_at = NOW - timedelta(hours=1), NOW + timedelta(hours=5)
        ask_resync(session, **asked)
        assert account.due_at == NOW


def test_edits_wait_for_the_day_and_the_month(database: Database, org_id: str) -> None:
    with database.transaction() as session:
        template = a_template(an_account(session, org_id))
        assert template.next_edit(NOW) == NOW
        template.edits = [(NOW - timedelta(hours=3)).isoformat()]
        assert template.next_edit(NOW) == NOW + timedelta(hours=21)
        template.edits = [(NOW - timedelta(days=day)).isoformat() for day in range(2, 12)]
        assert template.next_edit(NOW) == NOW + timedelta(days=19)
        template.edits = [(NOW - timedelta(days=40)).isoformat()] * 10
        assert template.next_edit(NOW) == NOW
