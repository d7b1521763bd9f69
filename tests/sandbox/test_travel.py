"""Time travel of the demo: what is due in three days is due now, and evidence keeps its time."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event, record
from records.links import UploadLink
from sandbox.travel import main, travel
from storage.database import Database
from tests.notifications.plans import DAY, a_plan
from tests.records.case_of_ana import NOW
from tests.services.processes import ROOT


def test_what_is_due_in_three_days_is_due_now(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        record(session, Event.STAFF_CASE_VIEWED, org_id=plan.world.org.id, actor_id="a", subject_id="s", now=NOW)
    due, ends = plan.due(), plan.link().expires_at
    assert plan.turn(NOW + timedelta(hours=1)) == 0
    assert travel(database, timedelta(hours=72)) > 0
    assert (plan.due(), plan.link().expires_at) == (due - 3 * DAY, ends - 3 * DAY)
    plan.turn(NOW)
    plan.turn(NOW + DAY)  # a Sunday stays a day of rest
    assert len(plan.reminders()) == 1
    with database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.STAFF_CASE_VIEWED)).one()
        assert event.at == NOW
        assert session.scalars(select(UploadLink.created_at)).first() == NOW - 3 * DAY


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [
        (["--hours", "1"], "production"),
        (["--hours", "1", "--database-url", "sqlite:////nowhere/real.db"], None),
        (["--hours", "-5"], "sandbox"),
        (["--hours", "1", "--root", "/nowhere"], "sandbox"),
    ],
)
def test_nobody_travels_outside_the_sandbox(arguments: list[str], profile: str | None) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    if profile is not None:
        environment["RESGUARDO_PROFILE"] = profile
    command = [sys.executable, "-m", "sandbox.travel", *arguments]
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode != 0


def test_the_command_says_what_it_did(sqlite_database: Database, monkeypatch, capsys) -> None:
    a_plan(sqlite_database)
    monkeypatch.setenv("RESGUARDO_PROFILE", "sandbox")
    assert main(["--hours", "24", "--database-url", str(sqlite_database.url)]) == 0
    assert "24 hours older" in capsys.readouterr().out
