"""Health: `/healthz` says that the process answers, `/readyz` that everything it needs answers too."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import Flask, Response, current_app, jsonify
from sqlalchemy import text

from portal.web.guards import PUBLIC, guarded_by

log = structlog.get_logger(__name__)


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
            except Exception as error:  # noqa: BLE001 (whatever a check raises means: not ready)
                log.warning("not_ready", check=name, error=type(error).__name__)
                found[name], ready = "failed", False
        return jsonify(status="ready" if ready else "not ready", checks=found), 200 if ready else 503
