"""Guards: every route says who may pass; an unmarked route is refused by the application itself."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Flask, current_app, request

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"


class Unguarded(Exception):
    """A route without a guard was asked for: a mistake of ours, so nobody passes."""

    code = "internal"


def guarded_by(guard: str) -> Callable[[View], View]:
    """Mark a view with the name of the guard that must let the request pass before the view runs."""

    def mark(view: View) -> View:
        view.__guard__ = guard  # type: ignore[attr-defined]
        return view

    return mark


def guard_of(view: Callable[..., Any]) -> str | None:
    """Return the guard's name that a view carries."""
    return getattr(view, "__guard__", None)


def install(app: Flask, checks: Mapping[str, Callable[[], None]]) -> None:
    """Check every request before its view. A check raises to refuse; `public` lets everybody pass."""
    known = {PUBLIC: lambda: None, **checks}

    def check() -> None:
        if request.endpoint is None:
            return  # no route: Flask answers 404 or 405
        if request.endpoint == "static" or request.endpoint.endswith(".static"):
            return
        guard = guard_of(current_app.view_functions[request.endpoint])
        if guard not in known:
            raise Unguarded(request.endpoint)
        known[guard]()

    app.before_request(check)
