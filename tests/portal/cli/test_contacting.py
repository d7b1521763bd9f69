"""When and how a company writes to its customers, from the command line."""

from sqlalchemy import select

from audit import AuditEvent, Event
from records.contacting import rules_of
from records.organizations import Organization
from storage.database import Database
from tests.portal.cli.conftest import Run


def test_every_rule_can_be_set_and_the_trail_says_to_what(run: Run, company: str, database: Database) -> None:
    day = ("--opens", "00:00", "--closes", "24:00", "--rest-days", "none", "--rest-on-holidays", "no")
    way = ("--channels", "email,whatsapp", "--undelivered-hours", "6", "--received-notices", "no")
    told = run("organization", "reminders", company, *day, *way, "--opt-out-everywhere", "yes").output
    assert "rest-days: none" in told
    with database.reading() as session:
        rules = rules_of(session, session.scalars(select(Organization.id)).one())
        assert (rules.opens, rules.closes, rules.rest_days, rules.channels) == (
            "00:00",
            "24:00",
            [],
            ["email", "whatsapp"],
        )
        wanted = select(AuditEvent).where(AuditEvent.event == Event.ADMINISTRATOR_CONTACT_RULES_SET)
        details = session.scalars(wanted).one().details
    assert (details["rest_days"], details["channels"], details["opens"]) == ("none", "email,whatsapp", "00:00")


def test_without_options_it_tells_and_records_nothing(run: Run, company: str, database: Database) -> None:
    assert "opens: " in run("organization", "reminders", company).output
    with database.reading() as session:
        wanted = select(AuditEvent).where(AuditEvent.event == Event.ADMINISTRATOR_CONTACT_RULES_SET)
        assert session.scalars(wanted).all() == []


def test_a_day_that_closes_before_it_opens_is_refused(run: Run, company: str) -> None:
    run("organization", "reminders", company, "--opens", "20:00", "--closes", "09:00", fails=1)
