"""A worker with one toy task, in a process of its own: what a chore does, its kind says."""

import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from portal.worker.engine import Engine, Postponed, Round, Task
from storage.database import Base, Database, NewId, new_id, utcnow
from storage.due import Due, Lease, settle


class Toys(DeclarativeBase):
    """Tables of these tests only: migrations must not see them."""

    registry = Base.registry.__class__(type_annotation_map=Base.registry.type_annotation_map)


class Chore(Due, Toys):
    """Something due."""

    __tablename__ = "chores"

    id: Mapped[NewId]
    kind: Mapped[str] = mapped_column(String(20))


class Run(Toys):
    """One effect of one chore."""

    __tablename__ = "chore_runs"

    id: Mapped[NewId]
    chore_id: Mapped[str] = mapped_column(String(32))
    attempt: Mapped[int]
    worker: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]


def do(database: Database, worker: str, gate: Path, held: Lease) -> None:
    """Work on one chore and commit its effect behind the lease."""
    with database.reading() as session:
        kind = session.get_one(Chore, held.id).kind
    match kind:
        case "fails_first" if held.attempt == 1:
            raise RuntimeError("broken")
        case "postponed_first" if held.attempt == 1:
            raise Postponed("away", timedelta(seconds=0.5))
        case "gated":
            Path(f"{gate}.{worker}.begun").touch()
            while not gate.exists():
                time.sleep(0.02)
    with database.transaction() as session:
        settle(session, Chore, held)
        session.add(Run(id=new_id(), chore_id=held.id, attempt=held.attempt, worker=worker, at=utcnow()))


def main(database_url: str, jobs_url: str, schema: str, worker: str, gate: str) -> None:
    """Run until SIGTERM."""
    database = Database(database_url)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    marker = Path(f"{gate}.{worker}.up")

    def up(_now: datetime) -> None:
        marker.touch()

    def broken(_now: datetime) -> None:
        raise RuntimeError("a round that raises goes on")

    Engine(
        "toys",
        database,
        jobs_url=jobs_url,
        schema=schema,
        tasks=[Task(name="chore", model=Chore, run=lambda held: do(database, worker, Path(gate), held), concurrency=4)],
        rounds=[Round(name="up", every_s=0.2, run=up), Round(name="broken", every_s=0.2, run=broken)],
    ).run(stop)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
