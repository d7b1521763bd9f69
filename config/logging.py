"""One JSON object a line on standard error, from structlog and from the standard library alike, redacted on the way.

An exception is told by its type, its stable code and where it happened. Its message is kept only for our own error
families (they carry a `code` and hold ids): a library's message may quote a row, a name or a path.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from config.redaction import redact_fields, redact_text

MOST_FRAMES = 12
"""Innermost frames of a traceback that are told."""
OURS = frozenset({"config", "storage", "audit", "records", "intake", "notifications", "portal"})
"""Packages whose error messages hold ids only."""
QUIET = ("werkzeug", "gunicorn.access", "httpx", "httpcore", "urllib3", "botocore")
"""Loggers that tell every request with its address; only their warnings are kept."""


def configure_logging(process: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send the logs of this process, of every library too, as redacted JSON lines to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(json_formatter(process))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def json_formatter(process: str) -> logging.Formatter:
    """Return a formatter that turns any record into one redacted JSON line that names `process`."""

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.pop("_record", None)
        event.pop("_from_structlog", None)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        message = redact_text(str(event.pop("event", "")))
        level = event.pop("level", "info")
        logger = event.pop("logger", None)
        return {
            "at": at,
            "process": process,
            "level": level,
            "logger": logger,
            "event": message,
            **redact_fields(event),
        }

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[_exception, stamp, structlog.processors.JSONRenderer(ensure_ascii=False)],
    )


def _shared() -> list[Processor]:
    return [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name]


def _exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, tuple):
        info = info[1]
    if isinstance(info, BaseException):
        event["exception"] = _describe(info)
    return event


def _describe(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    code = getattr(error, "code", None)
    if isinstance(code, str) and type(error).__module__.partition(".")[0] in OURS:
        told |= {"error_code": code, "says": str(error)}
    told["frames"] = _frames(error.__traceback__)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["because"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return told


def _frames(tb: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(tb)[-MOST_FRAMES:]
    return [f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
