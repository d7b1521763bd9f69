"""Evidence that a person agreed to be written to, and what lifts a "no"."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from audit.events import ActorKind
from records.cases import Party, open_case
from records.errors import InvalidValue
from records.optins import Evidence, OptIn, OptInSource, lift_with_evidence, note_opt_in, opt_ins_of
from records.optouts import lift_opt_out, opt_out, opted_out
from records.organizations import Organization
from storage.database import utcnow

NOW = utcnow()
WHATSAPP = ("5215512345678", "MX.1")


@pytest.fixture
def ana(database):
    """Ana, whose phone the company has typed."""
    with database.transaction() as session:
        organization = Organization(slug="aurora", name="Aurora", created_at=NOW)
        session.add(organization)
        session.flush()
        case, _ = open_case(session, org_id=organization.id, title="Crédito", now=NOW)
        party = Party(org_id=organization.id, case_id=case.id, name="Ana", phone="+525512345678", created_at=NOW)
        session.add(party)
    return party


def evidence(text="Aceptó por teléfono", **more):
    return Evidence(untrusted_text=text, source=OptInSource.CONSOLE, **more)


def by_eva(session, party, given=None):
    return note_opt_in(session, party, given or evidence(), actor=ActorKind.STAFF, actor_id="eva", now=NOW)


def test_evidence_says_who_when_in_which_words_and_where(database, ana):
    with database.transaction() as session:
        by_eva(session, ana, evidence("  Aceptó\n por teléfono ", untrusted_at=NOW - timedelta(days=3)))
    with database.reading() as session:
        (row,) = opt_ins_of(session, [ana.id])
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:contact:opted_in"))
    assert (row.text, row.source, row.recorded_by) == ("Aceptó por teléfono", "console", "eva")
    assert row.at == NOW - timedelta(days=3)
    assert (event.subject_id, event.case_id, event.details["party"]) == (row.id, ana.case_id, ana.id)
    assert "tel" not in str(event.details)


@pytest.mark.parametrize(
    "given",
    [
        evidence("   "),
        evidence("a" * 301),
        evidence("hola\u202e"),
        evidence(untrusted_at=NOW + timedelta(seconds=1)),
        evidence(untrusted_at=NOW.replace(tzinfo=None)),
    ],
)
def test_evidence_that_is_none_is_refused(database, ana, given):
    with database.transaction() as session, pytest.raises(InvalidValue) as refused:
        by_eva(session, ana, given)
    assert refused.value.field == "opt_in"


def test_evidence_alone_lifts_no_opt_out(database, ana):
    with database.transaction() as session:
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=NOW - timedelta(hours=1))
        by_eva(session, ana)
        assert opted_out(session, ana)


def test_a_person_who_takes_their_no_back_is_written_to_again(database, ana):
    with database.transaction() as session:
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=NOW - timedelta(hours=1))
        who = {"actor": ActorKind.STAFF, "actor_id": "eva", "now": NOW}
        assert lift_with_evidence(session, ana, evidence(), **who)
        assert not opted_out(session, ana)
        assert not lift_with_evidence(session, ana, evidence(), **who)  # nothing is left to lift
        assert len(session.scalars(select(OptIn)).all()) == 2


def test_an_older_word_never_lifts_a_newer_no(database, ana):
    with database.transaction() as session:
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=NOW)
        assert lift_opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=NOW) == 0
        before = NOW - timedelta(seconds=1)
        assert lift_opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=before) == 0
        assert opted_out(session, ana)


def test_what_a_person_said_last_counts_in_whatever_order_it_arrives(database, ana):
    first, second, third = (NOW + timedelta(seconds=each) for each in (1, 2, 3))
    with database.transaction() as session:
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=first)
        lift_opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=third)
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=second)
        assert not opted_out(session, ana)
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=third + timedelta(seconds=1))
        assert opted_out(session, ana)


def test_a_no_said_twice_is_as_new_as_the_second(database, ana):
    first, second, third = (NOW + timedelta(seconds=each) for each in (1, 2, 3))
    with database.transaction() as session:
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=first)
        opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=third)
        assert lift_opt_out(session, org_id=ana.org_id, addresses=WHATSAPP, said_at=second) == 0
        assert opted_out(session, ana)
