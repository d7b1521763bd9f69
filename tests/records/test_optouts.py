from datetime import timedelta

import pytest

from records.cases import Party, open_case
from records.optouts import address_key, opt_out, opted_out
from records.organizations import Organization
from storage.database import Database, utcnow


@pytest.mark.parametrize(
    ("written", "as_whatsapp_writes_it"),
    [
        ("+525512345678", "5215512345678"),
        ("+541112345678", "5491112345678"),
        ("+5511987654321", "551187654321"),
        ("+34600111222", "34600111222"),
        ("MX.13491208655302741918", "MX.13491208655302741918"),
    ],
)
def test_both_spellings_of_an_address_are_one(written: str, as_whatsapp_writes_it: str) -> None:
    assert address_key(written) == address_key(as_whatsapp_writes_it)


def test_whoever_says_stop_gets_no_more_messages_of_that_company_only(database: Database) -> None:
    now = utcnow()
    with database.transaction() as session:
        parties = []
        for slug in ("aurora", "boreal"):
            organization = Organization(slug=slug, name=slug, created_at=now)
            session.add(organization)
            session.flush()
            case, _ = open_case(session, org_id=organization.id, title="Crédito", now=now)
            party = Party(org_id=organization.id, case_id=case.id, name="Ana", phone="+525512345678", created_at=now)
            session.add(party)
            parties.append(party)
        session.flush()
        assert not opted_out(session, parties[0])
        for _ in range(2):
            opt_out(
                session, org_id=parties[0].org_id, addresses=("5215512345678", ""), said_at=now + timedelta(seconds=1)
            )
        assert opted_out(session, parties[0])
        assert not opted_out(session, parties[1])
