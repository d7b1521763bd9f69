"""Wiring of the workers, a module a role: settings in, one running role out. Only this package reads configuration.

A role's module is imported when that role runs and not before, so that no process loads what belongs to another: the
courier never holds the code that unseals.
"""

import importlib
import signal
import threading

from config.logging import configure_logging

ROLES = ("inspector", "courier", "custodian", "opener")


def run(role: str) -> None:
    """Run one role until SIGTERM or SIGINT. Raises ConfigError when a setting is missing, weak or foreign."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    configure_logging(role)
    importlib.import_module(f"{__name__}.{role}").run(stop)
