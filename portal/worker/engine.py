"""The job engine of a worker role: due rows in, DBOS workflows out, effects fenced by the attempt number.

The domain row is the outbox. A poll leases due rows and starts one workflow `<task>-<row>-<attempt>` for each, in the
role's own engine schema; arguments and results are ids, numbers and codes only. A killed worker's workflow goes on in
its next life when that comes before the lease ends, else another worker takes the row over with a higher attempt, and
whatever the first still does changes nothing. No engine queue is used: capacity is what the poll leases.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import dbos._serialization
import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatusString
from dbos._serialization import DBOSPortableJSONSerializer, Serializer

from portal.worker.inflight import InFlight
from storage.database import Database, utcnow
from storage.due import Due, Lease, LostLease, any_due, lease, renew, settle

log = structlog.get_logger(__name__)

POLL_S = 0.1
RENEW_S = 15.0
MAX_BACKOFF = timedelta(minutes=5)
STOP_S = 10
"""On a stop rounds have this long to end, and then the workflows as long again."""
KEEP = timedelta(days=3)
"""How long the engine remembers workflows that ended."""
CLEAN_S = 3600.0
CLEAN_BATCH = 200
VERSION = "1"
"""Fixed: workflows are recovered across releases, since all they hold is a row and an attempt."""


class PickleRefused(Exception):
    """A row of the engine asked for the pickle decoder, which runs code: nothing of ours writes such a row."""

    code = "pickle_refused"


class _NoPickle(Serializer):
    """Stands where the engine keeps its default serializer, which a row may choose for itself."""

    def name(self) -> str:
        return "py_pickle"

    def serialize(self, data: Any) -> NoReturn:
        raise PickleRefused("serialize")

    def deserialize(self, serialized_data: str) -> NoReturn:
        raise PickleRefused("deserialize")


class Postponed(Exception):
    """The work cannot be done now through no fault of the row: again at `after` from now, without giving up."""

    def __init__(self, code: str, after: timedelta) -> None:
        """Name why with a stable code."""
        super().__init__(code)
        self.code = code
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work on the due rows of one model. `run` commits its own effects, fenced by the lease."""

    name: str
    model: type[Due]
    run: Callable[[Lease], None]
    concurrency: int = 4
    condition: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Something done again and again: sealing the audit trail, sweeping, heartbeats."""

    name: str
    every_s: float
    run: Callable[[datetime], None]


class Engine:
    """Runs the tasks and rounds of one role until told to stop."""

    def __init__(
        self,
        role: str,
        database: Database,
        *,
        jobs_url: str,
        schema: str,
        worker: str = "",
        tasks: Sequence[Task],
        rounds: Sequence[Round],
    ) -> None:
        """Remember everything; nothing runs before `run`.

        `worker` names this process among several of one role: a worker goes on with its own unfinished workflows when
        it starts, so two that live at once must not share a name.
        """
        self._role = role
        self._database = database
        self._tasks = {task.name: task for task in tasks}
        self._rounds = [*rounds, Round(name="clean", every_s=CLEAN_S, run=_clean)]
        self._in_flight = InFlight()
        self._config: DBOSConfig = {
            "name": f"resguardo-{role}",
            "system_database_url": jobs_url,
            "dbos_system_schema": schema,
            "serializer": DBOSPortableJSONSerializer(),
            "executor_id": f"{role}-{worker}" if worker else role,
            "application_version": VERSION,
            "run_migrations": False,
            "log_level": "WARNING",
            "enable_otlp": False,
        }

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then let what is running come to its next commit."""
        refuse_pickle()
        DBOS(config=self._config)

        @DBOS.workflow(name=f"{self._role}-work")
        def workflow(task_name: str, row_id: str, attempt: int) -> str:
            """One durable step that answers with a code."""
            result: str = DBOS.run_step({"name": task_name}, self._attempt, task_name, row_id, attempt)
            return result

        DBOS.launch()
        threads = [threading.Thread(target=self._go_round, args=(each, stop), name=each.name) for each in self._rounds]
        threads.append(threading.Thread(target=self._renew, args=(stop,), name="renew"))
        for thread in threads:
            thread.start()
        try:
            while not stop.wait(0 if self._poll(workflow) else POLL_S):
                pass
        finally:
            stop.set()
            deadline = time.monotonic() + STOP_S
            for thread in threads:
                thread.join(timeout=max(0.0, deadline - time.monotonic()))
            DBOS.destroy(workflow_completion_timeout_sec=STOP_S)
            self._hand_back()

    def _hand_back(self) -> None:
        """Make due again what did not end in time; what its threads still do changes nothing any more."""
        for task_name, held in self._in_flight.begun():
            self._again(self._tasks[task_name], held, "stopped", timedelta(0))

    def _poll(self, workflow: Callable[[str, str, int], str]) -> bool:
        """Lease what there is room for and start it. True when a task was filled, so that more may wait."""
        filled = False
        for task in self._tasks.values():
            room = task.concurrency - self._in_flight.count(task.name)
            if room <= 0:
                continue
            try:
                with self._database.reading() as session:
                    waiting = any_due(session, task.model, now=utcnow(), only=_condition(task))
                if not waiting:
                    continue
                with self._database.transaction() as session:
                    leases = lease(session, task.model, now=utcnow(), limit=room, only=_condition(task))
            except Exception as error:  # noqa: BLE001 (a database that is away comes back; the poll goes on)
                log.warning("poll_failed", role=self._role, task=task.name, error=type(error).__name__)
                continue
            for held in leases:
                self._start(workflow, task, held)
            filled = filled or len(leases) == room
        return filled

    def _start(self, workflow: Callable[[str, str, int], str], task: Task, held: Lease) -> None:
        self._in_flight.add(task.name, held)
        try:
            with SetWorkflowID(f"{task.name}-{held.id}-{held.attempt}"):
                DBOS.start_workflow(workflow, task.name, held.id, held.attempt)
        except Exception as error:  # noqa: BLE001 (an engine that is away comes back; the row is due again)
            log.warning("start_failed", role=self._role, task=task.name, row=held.id, **describe(error))
            self._in_flight.remove(task.name, held)
            self._again(task, held, "engine_away", timedelta(seconds=1))

    def _attempt(self, task_name: str, row_id: str, attempt: int) -> str:
        task, held = self._tasks[task_name], Lease(id=row_id, attempt=attempt)
        self._in_flight.begin(task_name, held)
        try:
            with self._database.transaction() as session:
                renew(session, task.model, held, now=utcnow())
            task.run(held)
        except LostLease:
            return "lost_lease"
        except Postponed as postponed:
            return self._again(task, held, postponed.code, postponed.after)
        except Exception as error:  # noqa: BLE001 (any failure of a job: logged by class, tried again with back-off)
            log.warning("job_failed", role=self._role, task=task_name, row=row_id, attempt=attempt, **describe(error))
            return self._again(task, held, "failed", min(timedelta(seconds=2 ** min(attempt, 9)), MAX_BACKOFF))
        else:
            return "done"
        finally:
            self._in_flight.remove(task_name, held)

    def _again(self, task: Task, held: Lease, code: str, after: timedelta) -> str:
        try:
            with self._database.transaction() as session:
                settle(session, task.model, held, due_at=utcnow() + after)
        except LostLease:
            return "lost_lease"
        except Exception as error:  # noqa: BLE001 (the lease runs out instead)
            log.warning("settle_failed", role=self._role, task=task.name, row=held.id, **describe(error))
        return code

    def _renew(self, stop: threading.Event) -> None:
        while not stop.wait(RENEW_S):
            self._in_flight.forget_lost()
            for task_name, held in self._in_flight.begun():
                try:
                    with self._database.transaction() as session:
                        renew(session, self._tasks[task_name].model, held, now=utcnow())
                except LostLease:
                    self._in_flight.remove(task_name, held)
                except Exception as error:  # noqa: BLE001 (an unrenewed lease runs out; the row is taken over)
                    log.warning("renew_failed", role=self._role, task=task_name, error=type(error).__name__)

    def _go_round(self, each: Round, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                each.run(utcnow())
            except Exception as error:  # noqa: BLE001 (a round that fails is logged and comes again)
                log.warning("round_failed", role=self._role, round=each.name, **describe(error))
            stop.wait(each.every_s)


def _clean(now: datetime) -> None:
    """Delete what the engine remembers of workflows that ended long ago: the rows are the truth, not they."""
    while True:
        ended = DBOS.list_workflows(
            status=[WorkflowStatusString.SUCCESS.value, WorkflowStatusString.ERROR.value],
            completed_before=(now - KEEP).isoformat(),
            limit=CLEAN_BATCH,
            load_input=False,
            load_output=False,
        )
        DBOS.delete_workflows([each.workflow_id for each in ended])
        if len(ended) < CLEAN_BATCH:
            return


def refuse_pickle() -> None:
    """Take the pickle decoder out of the engine; a row that asks for it fails, the others run."""
    dbos._serialization.DBOSDefaultSerializer = _NoPickle()


def describe(error: BaseException) -> dict[str, str]:
    """Return class, code and place of an error for the log: never its message, which may quote values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace is not None else "?"
    return {"error": type(error).__name__, "error_code": str(getattr(error, "code", "-")), "where": where}


def _condition(task: Task) -> Any:
    return task.condition() if task.condition is not None else None
