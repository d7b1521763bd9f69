"""How a worker ends and what stays behind: stopped, killed in the middle, long finished."""

import os
import signal
import time

import pytest
from sqlalchemy import update

from portal.worker.engine import KEEP
from storage.database import utcnow
from tests.portal.worker.chores import Chore
from tests.portal.worker.test_engine import Workshop, migrated, until, workshop

__all__ = ["workshop"]
MINUTE_S = 60


def test_a_stopped_worker_hands_back_what_it_cannot_finish(workshop: Workshop) -> None:
    chore_id = workshop.chore("gated")
    first = workshop.start("one")
    workshop.begun("one")
    os.kill(first.pid, signal.SIGTERM)
    until(lambda: workshop.row(chore_id).lease_until is None)
    assert workshop.row(chore_id).due_at is not None
    workshop.gate.touch()
    workshop.start("two")
    until(lambda: workshop.done(chore_id))
    assert workshop.runs(chore_id) == [(2, "two")]
    assert workshop.row(chore_id).takeovers == 0


def test_an_effect_that_was_committed_is_not_repeated_when_its_worker_died_before_noting_it(workshop: Workshop) -> None:
    chore_id = workshop.chore("ok")
    first = workshop.start("one")
    until(lambda: workshop.workflow(f"chore-{chore_id}-1") == ("SUCCESS",))
    first.kill()
    values = {"id": f"chore-{chore_id}-1"}
    workshop.execute("DELETE FROM {schema}operation_outputs WHERE workflow_uuid = :id", values)
    workshop.execute(
        "UPDATE {schema}workflow_status SET status = 'PENDING', output = NULL, completed_at = NULL "
        "WHERE workflow_uuid = :id",
        values,
    )
    workshop.start("two")
    until(lambda: workshop.workflow(f"chore-{chore_id}-1") == ("SUCCESS",))
    assert workshop.runs(chore_id) == [(1, "one")]


def test_an_engine_that_remembers_other_workflows_of_the_same_name_does_not_stop_a_row(workshop: Workshop) -> None:
    """The rows were restored from a backup, the engine's database was not: attempts come a second time."""
    chore_id = workshop.chore("ok")
    first = workshop.start("one")
    until(lambda: workshop.workflow(f"chore-{chore_id}-1") == ("SUCCESS",))
    first.stop()
    with workshop.database.transaction() as session:
        session.execute(update(Chore).where(Chore.id == chore_id).values(attempt=0, due_at=utcnow()))
    workshop.start("two")
    until(lambda: workshop.row(chore_id).attempt == 1)
    workshop.expire(chore_id)
    until(lambda: workshop.done(chore_id))
    assert workshop.runs(chore_id) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.timeout(120)
def test_the_row_of_a_worker_killed_in_the_middle_is_taken_over_within_a_minute(workshop, engine_name, tmp_path):
    chore_id = workshop.chore("gated")
    first = workshop.start("one")
    workshop.begun("one")
    first.kill()
    killed = time.monotonic()
    workshop.gate.touch()
    workshop.start("two", jobs_url=migrated(f"sqlite:///{tmp_path / 'elsewhere.db'}"))
    until(lambda: workshop.done(chore_id), seconds=MINUTE_S)
    assert time.monotonic() - killed < MINUTE_S
    assert workshop.runs(chore_id) == [(2, "two")]


def test_the_engine_forgets_workflows_that_ended_long_ago(workshop: Workshop) -> None:
    old, new = workshop.chore("ok"), workshop.chore("ok")
    first = workshop.start("one")
    until(lambda: all(workshop.workflow(f"chore-{each}-1") == ("SUCCESS",) for each in (old, new)))
    first.stop()
    long_ago = int((utcnow() - KEEP).timestamp() * 1000) - 60_000
    workshop.execute(
        "UPDATE {schema}workflow_status SET completed_at = :at WHERE workflow_uuid = :id",
        {"at": long_ago, "id": f"chore-{old}-1"},
    )
    workshop.start("two")
    until(lambda: workshop.workflow(f"chore-{old}-1") == ())
    assert workshop.workflow(f"chore-{new}-1") == ("SUCCESS",)
    assert workshop.runs(old) == [(1, "one")]
