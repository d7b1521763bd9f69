"""What every connector keeps to, whatever the CRM does: run over each stand-in and over a real django-helpdesk."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from notifications.connectors.protocol import CrmTrouble
from notifications.crm.outcomes import Failed, Retry
from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus
from sandbox.crm.serving import Fault
from tests.notifications.connectors.stage import (
    CASE_URL,
    Stage,
    a_chatwoot,
    a_generic,
    a_helpdesk,
    a_hubspot,
    an_update,
)

STAGES: dict[str, Callable[..., AbstractContextManager[Stage]]] = {
    "chatwoot": a_chatwoot,
    "hubspot": a_hubspot,
    "generic": a_generic,
    "helpdesk": a_helpdesk,
}
COMPLETE = Progress(status=ProgressStatus.COMPLETE, received=4, accepted=4, total=4)


@pytest.fixture(params=["chatwoot", "hubspot", "generic", pytest.param("helpdesk", marks=pytest.mark.services)])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    given = [request.getfixturevalue("helpdesk")] if request.param == "helpdesk" else []
    with STAGES[request.param](*given) as made:
        yield made


def tell(stage: Stage, event: int = 1, **how: object) -> None:
    deadline = float(str(how.pop("deadline", 5.0)))
    stage.connector(deadline=deadline).tell(an_update(event, refs=stage.refs, **how))  # type: ignore[arg-type]


def trouble(stage: Stage, **how: object) -> Retry | Failed:
    with pytest.raises(CrmTrouble) as caught:
        tell(stage, **how)
    return caught.value.outcome


def test_an_agent_reads_what_happened_and_finds_the_case_behind_login(stage):
    tell(stage)
    (note,) = stage.notes()
    assert "Identificación oficial" in note
    assert CASE_URL in note


def test_every_event_is_one_note_in_their_order(stage):
    tell(stage, 1, type=CrmType.REQUEST_CREATED)
    tell(stage, 2, type=CrmType.REQUEST_OPENED)
    assert [("pidieron" in note, "abrió" in note) for note in stage.notes()] == [(True, False), (False, True)]


def test_the_state_is_the_last_one(stage):
    tell(stage, 1)
    tell(stage, 2, type=CrmType.REQUEST_COMPLETED, progress=COMPLETE)
    assert stage.state() in ("Completo", "resolved")


def test_what_was_told_before_is_not_told_again(stage):
    tell(stage)
    tell(stage)
    assert len(stage.notes()) == 1


def test_an_answer_that_got_lost_makes_no_second_note(stage):
    stage.faults.add(Fault(kind="drop", path=stage.writes))
    assert isinstance(trouble(stage), Retry)
    tell(stage)
    assert len(stage.notes()) == 1


def test_an_answer_that_came_too_late_makes_no_second_note(stage):
    tell(stage, 1, type=CrmType.REQUEST_CREATED, deadline=10.0)
    stage.faults.add(Fault(kind="slow", path=stage.writes, seconds=2.5))
    assert trouble(stage, event=2, deadline=1.5) == Retry(code="timeout")
    _settle(stage, 2)
    tell(stage, 2)
    assert len(stage.notes()) == 2


def _settle(stage: Stage, notes: int) -> None:
    """Wait until the slow call has had its effect."""
    import time

    for _turn in range(100):
        if len(stage.notes()) >= notes:
            return
        time.sleep(0.1)


def test_a_process_that_died_before_it_kept_the_answer_makes_no_second_note(stage):
    tell(stage)
    stage.memory.forget()
    tell(stage)
    assert len(stage.notes()) == 1


def test_a_call_that_hangs_ends_at_the_deadline_and_is_tried_again(stage):
    stage.faults.add(Fault(kind="hang", method="*", seconds=3.0))
    assert trouble(stage, deadline=1.0) == Retry(code="timeout")
    tell(stage)
    assert len(stage.notes()) == 1


def test_a_token_that_is_refused_is_tried_again_since_it_can_be_renewed(stage):
    with pytest.raises(CrmTrouble) as caught:
        stage.connector(token="old").tell(an_update(refs=stage.refs))
    assert caught.value.outcome == Retry(code="unauthorized", status=401)
    assert stage.notes() == []


@pytest.mark.parametrize(
    ("status", "retry_after", "code"),
    [(429, "7", "busy"), (503, "", "busy"), (500, "", "server_error"), (502, "", "server_error")],
)
def test_a_crm_that_is_busy_or_broken_is_tried_again_when_it_says(stage, status, retry_after, code):
    stage.faults.add(Fault(path=stage.writes, status=status, retry_after=retry_after))
    outcome = trouble(stage)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.status) == (code, status)
    assert outcome.after is None or outcome.after.total_seconds() == 7
    assert (outcome.after is not None) == bool(retry_after)
    tell(stage)
    assert len(stage.notes()) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(404, "not_found"), (422, "refused"), (400, "refused"), (302, "redirected")]
)
def test_what_the_crm_does_not_know_or_take_waits_for_a_person(stage, status, code):
    stage.faults.add(Fault(path=stage.writes, status=status))
    assert trouble(stage) == Failed(code=code, status=status)


def test_a_crm_that_is_not_there_is_tried_again_and_nothing_left(stage):
    connector = stage.connector()
    calls = connector.calls  # type: ignore[attr-defined]
    gone = type(calls)(egress=calls.egress, base_url="http://127.0.0.1:9", headers=calls.headers, private=True)
    with pytest.raises(CrmTrouble) as caught:
        _with(connector, gone).tell(an_update(refs=stage.refs))
    assert isinstance(caught.value.outcome, Failed | Retry)
    assert stage.notes() == []


def _with(connector, calls):
    import dataclasses

    return dataclasses.replace(connector, calls=calls)


def test_the_check_finds_a_token_that_does_not_work(stage):
    with pytest.raises(CrmTrouble) as caught:
        stage.connector(token="old").check()
    assert caught.value.outcome.code == "unauthorized"


def test_the_check_writes_no_note(stage):
    stage.connector().check()
    assert all("Identificación" not in note for note in stage.notes())
