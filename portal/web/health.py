"""Health: `/healthz` says that the process answers, `/readyz` that everything it needs answers too."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, Response, current_app, jsonify
from sqlalchemy import text

from portal.web.guards import PUBLIC, guarded_by
from records.heartbeats import HEARTBEAT_LIFE, Heartbeat, InspectionState, inspection_state
from storage.database import Database, utcnow

log = structlog.get_logger(__name__)

MAX_LAG_S = 60


class NotReady(Exception):
    """A part is away, late or stale; the message is a word of ours for the page and the log."""


def worker_checks(database: Database) -> dict[str, Callable[[], str]]:
    """Return the checks of what runs without HTTP, read from the heartbeats: workers, scanner, audit trail."""

    def check(role: str, judge: Callable[[Mapping[str, str]], str]) -> Callable[[], str]:
        def run() -> str:
            with database.reading() as session:
                found = session.get(Heartbeat, role)
            if found is None or utcnow() - found.at > HEARTBEAT_LIFE:
                raise NotReady("silent")
            return judge(found.details)

        return run

    return {
        "inspector": check("inspector", _scanner),
        "custodian": check("custodian", _trail),
        "courier": check("courier", _alarms),
        "opener": check("opener", lambda _details: "ok"),
    }


def _alarms(details: Mapping[str, str]) -> str:
    """Say how many alarms wait for a person: the process is well, and the console tells which."""
    alarms = details.get("alarms", "0")
    return "ok" if alarms == "0" else f"ok, {alarms} alarms open"


def _scanner(details: Mapping[str, str]) -> str:
    match inspection_state(details):
        case InspectionState.OK:
            pass
        case InspectionState.STALE:
            raise NotReady("signatures stale")
        case InspectionState.AWAY:
            raise NotReady("scanner away")
    built = details.get("signatures_at")
    if built is None:
        return "ok, own signatures only"
    age = utcnow() - datetime.fromisoformat(built)
    return f"ok, signatures {age.days} d old"


def _trail(details: Mapping[str, str]) -> str:
    lag_s = int(details["lag_s"])
    if lag_s > MAX_LAG_S:
        raise NotReady("audit trail behind")
    return f"ok, {lag_s} s behind"


def install(app: Flask, checks: Mapping[str, Callable[[], str]]) -> None:
    """Add both routes. A check returns a word for the page; raising means not ready."""

    def database() -> str:
        portal: Any = current_app
        with portal.database.reading() as session:
            session.execute(text("SELECT 1"))
        return "ok"

    @app.get("/healthz", endpoint="healthz")
    @guarded_by(PUBLIC)
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz", endpoint="readyz")
    @guarded_by(PUBLIC)
    def readyz() -> tuple[Response, int]:
        found: dict[str, str] = {}
        ready = True
        for name, check in {"database": database, **checks}.items():
            try:
                found[name] = check()
            except NotReady as late:
                log.warning("not_ready", check=name, why=str(late))
                found[name], ready = str(late), False
            except Exception as error:  # noqa: BLE001 (whatever a check raises means: not ready)
                log.warning("not_ready", check=name, error=type(error).__name__)
                found[name], ready = "failed", False
        return jsonify(status="ready" if ready else "not ready", checks=found), 200 if ready else 503
