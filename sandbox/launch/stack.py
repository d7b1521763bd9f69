"""One installation from nothing to healthy and back: what `make run` does, and what the browser tests drive."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import create_engine

from sandbox.launch import cells, leftovers, logins, prepare
from sandbox.launch.catalogue import product
from sandbox.launch.errors import LaunchRefused
from sandbox.launch.keys import make_keys
from sandbox.launch.layout import Layout
from sandbox.launch.programs import Program
from sandbox.launch.site import DEFAULT_PORT_BASE, Site
from sandbox.launch.supervisor import Supervisor
from sandbox.launch.welcome import last_words, with_codes

PATIENCE = 240.0
"""Seconds until everything must be healthy; a busy machine starts the product's programs slowly."""
MOST_STARTS = 4
"""A program that was started this often while its health is awaited will not come up at all."""

Catalogue = Callable[[Site, cells.Isolation], Sequence[Program]]
Say = Callable[[str], None]


class Stack:
    """The running product in one folder, on the ports after `port_base`, on SQLite or on `database_url`."""

    def __init__(
        self,
        root: Path,
        *,
        port_base: int = DEFAULT_PORT_BASE,
        database_url: str | None = None,
        blobs: str | None = None,
        storage_settings: Mapping[str, str] | None = None,
        catalogue: Catalogue | None = None,
        say: Say = lambda line: None,
    ) -> None:
        """Remember what to run; nothing happens before `start`. `catalogue` replaces the product's programs."""
        layout = Layout(root=root.absolute())
        self.site = Site(
            layout=layout,
            port_base=port_base,
            database_url=logins.without_password(layout, database_url or f"sqlite:///{layout.data}/resguardo.db"),
            blobs=blobs or f"file://{layout.data}/blobs",
            storage_settings=storage_settings or {},
        )
        self.isolation = cells.Isolation.INSECURE_NONE
        self.escrow_identity: str | None = None
        self.demo: Mapping[str, Any] = {}
        self._given_url = database_url
        self._catalogue = catalogue
        self._say = say
        self._programs: dict[str, Program] = {}
        self._since: dict[str, datetime] = {}
        """From when on a sign of life counts."""
        self._supervisor = Supervisor(layout)
        self._lock = leftovers.Lock(layout.root / "lock")
        self._locked = False
        self._engine = create_engine(self.site.database_url)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def urls(self) -> dict[str, str]:
        """Return where each application is reached."""
        return self.site.urls

    def logins(self) -> list[dict[str, str]]:
        """Return the demo's console logins: role, email, password and the current one-time code."""
        return with_codes(self.demo.get("logins", ()))

    def start(self) -> None:
        """Prepare, start and wait until everything is healthy. Raises LaunchRefused, with everything stopped again."""
        mask = os.umask(0o077)
        try:
            self._start()
        finally:
            os.umask(mask)

    def _start(self) -> None:
        layout = self.site.layout
        layout.make()
        self._lock.take()
        self._locked = True
        try:
            if ended := leftovers.stop_leftovers(layout.root):
                self._say(f"stopped {ended} processes that a killed run had left behind")
            self._prepare()
            self._choose_isolation()
            programs = self._make_catalogue()
            leftovers.refuse_busy_ports(program.port for program in programs if program.port)
            self._programs = {program.name: program for program in programs}
            self._since = dict.fromkeys(self._programs, datetime.now(UTC))
            self._supervisor.start(programs, self.isolation)
            self.await_health()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in order; what is left after that is killed. Doing it twice does nothing."""
        self._supervisor.stop()
        if self._locked:
            leftovers.stop_leftovers(self.site.layout.root)
            self.site.layout.remove_passing()
        self._engine.dispose()
        self._lock.release()
        self._locked = False

    def running(self) -> bool:
        """Tell whether the process manager lives."""
        return self._supervisor.running()

    def kill(self, name: str) -> None:
        """Kill -9 one program with its children; the manager starts it again."""
        self._supervisor.kill(name)
        self._since[name] = datetime.now(UTC)

    def pid(self, name: str) -> int:
        """Return the process id under which the manager runs a program (its cell's keeper)."""
        return int(self._supervisor.info(name)["pid"])

    def state(self, name: str) -> str:
        """Return the manager's word on a program: RUNNING, STARTING, STOPPED, BACKOFF, FATAL ..."""
        return self._supervisor.state(name)

    def stop_program(self, name: str) -> None:
        """Stop one program and keep it stopped until `start_program`."""
        self._supervisor.stop_program(name)

    def start_program(self, name: str) -> None:
        """Start a program that was stopped and wait until it is healthy."""
        self._since[name] = datetime.now(UTC)
        self._supervisor.start_program(name)
        self.await_health(name)

    def restart(self, name: str) -> None:
        """Stop one program in order, start it and wait until it is healthy."""
        self.stop_program(name)
        self.start_program(name)

    def await_health(self, *names: str, within: float = PATIENCE) -> None:
        """Wait until the named programs (all without names) are healthy. Raises LaunchRefused that names one."""
        waiting = {name: self._programs[name] for name in (names or self._programs)}
        deadline = time.monotonic() + within
        starts: set[tuple[str, int]] = set()
        while waiting:
            reasons = _ask_all([(program, self._since[program.name]) for program in waiting.values()])
            for name in [name for name, reason in reasons.items() if reason is None]:
                self._say(f"{name} is healthy")
                del waiting[name]
            for name in waiting:
                self._refuse_hopeless(name, starts)
            if waiting and time.monotonic() > deadline:
                name, reason = next((name, reasons[name]) for name in waiting)
                raise LaunchRefused(f"{name} is not healthy ({reason}): see {self.log(name)}")
            if waiting:
                time.sleep(0.1)

    def log(self, name: str) -> Path:
        """Return the log file of a program."""
        return self.site.layout.log / f"{name}.log"

    def _prepare(self) -> None:
        self.escrow_identity = make_keys(self.site.layout) or self.escrow_identity
        logins.keep_owners_password(self.site.layout, self._given_url)
        if self._catalogue is None:
            prepare.prepare(self.site)
            self.demo = prepare.load_demo(self.site)
            (self.site.layout.control / "demo.json").write_text(json.dumps(dict(self.demo)), encoding="utf-8")

    def _choose_isolation(self) -> None:
        self.isolation, reason = cells.probe()
        if self.isolation is cells.Isolation.INSECURE_NONE:
            self._say(f"WARNING: processes can open each other's keys on this machine ({reason}). Demo only!")

    def _make_catalogue(self) -> Sequence[Program]:
        if self._catalogue is not None:
            return self._catalogue(self.site, self.isolation)
        shared = self.isolation is cells.Isolation.INSECURE_NONE
        path = str(self.demo.get("webhook_path", "/webhooks/whatsapp"))
        return product(self.site, self._engine, shared_keys=shared, webhook_path=path)

    def _refuse_hopeless(self, name: str, starts: set[tuple[str, int]]) -> None:
        if not self._supervisor.running():
            raise LaunchRefused(f"the process manager ended: see {self.site.layout.log}/supervisord.log")
        if self._supervisor.state(name) in ("BACKOFF", "STARTING", "RUNNING"):
            starts.add((name, int(self._supervisor.info(name)["start"])))
        if sum(1 for started, _ in starts if started == name) >= MOST_STARTS:
            raise LaunchRefused(f"{name} does not start: {last_words(self.log(name))} ({self.log(name)})")


def _ask_all(programs: Sequence[tuple[Program, datetime]]) -> dict[str, str | None]:
    """Ask every program at once how it is: one that accepts but does not answer must not hold up the others."""
    with ThreadPoolExecutor(max_workers=len(programs)) as pool:
        return dict(pool.map(lambda each: (each[0].name, each[0].health(each[1])), programs))
