"""The same calls bring the same answers and the same webhooks, byte for byte, in any run."""

from datetime import UTC, datetime

from tests.sandbox.whatsapp.plain import a_message, a_template
from tests.sandbox.whatsapp.stage import ANA, Stage, staged

START = datetime(2026, 11, 26, 15, tzinfo=UTC)


def play(stage: Stage) -> list[bytes]:
    """A bit of everything."""
    number, waba = stage.settings.phone_number_id, stage.settings.waba_id
    stage.sim("knobs", {"batch": 3, "duplicate": 1, "reorder": 2})
    answers = [
        stage.post(f"{number}/messages", a_message()).content,
        stage.post(f"{waba}/message_templates", a_template(name="otra_v1")).content,
        stage.post(f"{number}/messages", a_message(to="ana")).content,
    ]
    stage.sim("inbound", {"phone": ANA, "file": {"count": 3}})
    stage.pass_time()
    stage.sim("messages/read", {"phone": ANA})
    stage.sim("flush", {})
    return answers + [body.replace(stage.url.encode(), b"") for body in stage.received.bodies]


def test_two_runs_are_alike_byte_for_byte() -> None:
    runs = []
    for _ in range(2):
        with staged(templates=(a_template(),), start=START) as stage:
            runs.append(play(stage))
    assert runs[0] == runs[1]
    assert len(runs[0]) > 6


def test_a_reset_is_a_new_run_at_the_time_it_is() -> None:
    with staged(templates=(a_template(),), start=START) as stage:
        first = play(stage)
        stage.sim("reset", {})
        state = stage.sim("state")
        assert (state["messages"], state["phones"], state["media"], state["faults"]) == ([], [], [], [])
        assert state["knobs"]["batch"] == 1
        stage.received.bodies.clear()
        again = play(stage)
        assert again[:2] == first[:2]


def test_drawn_ids_differ_from_run_to_run() -> None:
    sent = []
    for _ in range(2):
        with staged(templates=(a_template(),), start=START, random_ids=True) as stage:
            answer = stage.post(f"{stage.settings.phone_number_id}/messages", a_message()).json()
            sent.append(answer["messages"][0]["id"])
    assert sent[0] != sent[1]


def test_the_clock_starts_where_it_is_told_and_never_goes_back() -> None:
    with staged(start=START) as stage:
        assert stage.sim("state")["now"] == START.isoformat()
        assert stage.sim("clock", {"to": "2026-12-01T00:00:00+00:00"})["now"].startswith("2026-12-01T00:00")
        for wrong in ({"advance": -1}, {"to": START.isoformat()}):
            assert stage.call("POST", "../sim/clock", json=wrong).status_code == 400
