"""The sign of life that every worker role writes."""

import threading
from collections.abc import Callable
from datetime import datetime

from portal.worker.engine import Round
from records.heartbeats import beat
from storage.database import Database

HEARTBEAT_S = 2.0

Stop = threading.Event


def heartbeat(role: str, database: Database, words: Callable[[], dict[str, str]]) -> Round:
    """Return the round that writes the sign of life of `role` with what `words` says about its parts."""

    def write(now: datetime) -> None:
        with database.transaction() as session:
            beat(session, role, now=now, details=words())

    return Round(name="heartbeat", every_s=HEARTBEAT_S, run=write)
