"""Turns: many together or one alone."""

import threading

import pytest

from portal.worker.turns import Turns

WAIT = 5


def test_jobs_run_together_and_a_suspect_runs_alone() -> None:
    turns, log, release = Turns(), [], threading.Event()
    inside = threading.Barrier(3)

    def together() -> None:
        with turns.taken(alone=False):
            inside.wait(WAIT)
            release.wait(WAIT)
            log.append("together")

    def suspect() -> None:
        with turns.taken(alone=True):
            log.append("alone")

    def later() -> None:
        with turns.taken(alone=False):
            log.append("later")

    threads = [threading.Thread(target=together) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(WAIT)
    for work in (suspect, later):
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        threads[-1].join(0.1)
    assert log == [], "nobody comes in beside the two while a suspect waits"
    release.set()
    for thread in threads:
        thread.join(WAIT)
    assert log == ["together", "together", "alone", "later"]


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns()
    for alone in (True, False):
        with pytest.raises(ZeroDivisionError), turns.taken(alone=alone):
            _ = 1 / 0
    with turns.taken(alone=True):
        pass
