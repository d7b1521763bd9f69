"""What one worker process has leased: how full each task is, which leases to renew, which never began."""

import threading
import time
from dataclasses import dataclass, field

from storage.due import LEASE, Lease


@dataclass(slots=True)
class InFlight:
    """What was leased and has not ended: begun once its workflow runs, until then only on its way."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    leases: dict[tuple[str, Lease], float | None] = field(default_factory=dict)

    def count(self, task: str) -> int:
        """How many rows of a task are in this process."""
        with self.lock:
            return sum(1 for name, _ in self.leases if name == task)

    def add(self, task: str, held: Lease) -> None:
        """Note a lease whose workflow is about to be started."""
        with self.lock:
            self.leases.setdefault((task, held), time.monotonic())

    def begin(self, task: str, held: Lease) -> None:
        """Note that its workflow runs."""
        with self.lock:
            self.leases[task, held] = None

    def remove(self, task: str, held: Lease) -> None:
        """Forget a lease that ended or was lost."""
        with self.lock:
            self.leases.pop((task, held), None)

    def begun(self) -> list[tuple[str, Lease]]:
        """Return what runs now: these leases are renewed."""
        with self.lock:
            return [key for key, waiting_since in self.leases.items() if waiting_since is None]

    def forget_lost(self) -> None:
        """Drop what never began within its lease: the engine swallowed it, and the row is due again."""
        oldest = time.monotonic() - LEASE.total_seconds()
        with self.lock:
            self.leases = {key: since for key, since in self.leases.items() if since is None or since > oldest}
