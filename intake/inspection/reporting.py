"""The inspection of local files for a person at a terminal: what `resguardo inspect FILE...` prints."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.memory import CHUNK
from intake.inspection.verdicts import InspectionError


def inspect_file(
    inspector: Inspector, path: Path, *, name: str | None = None, limits: Limits | None = None
) -> dict[str, Any]:
    """Inspect one local file and return plain values for JSON; `verdict` is a finding, or `none` when none was reached:
    then `finding` is None and `reason` the code of what stood in the way.

    `name` stands for the name the customer would declare (default: the file's own). `ms` is wall time.
    """
    started = time.monotonic()
    facts: dict[str, Any] = {"path": str(path), "verdict": "none", "finding": None, "threat": None, "mime": None}
    facts |= {"pages": 0, "sha256": None}
    try:
        if not path.is_file():
            raise FileNotFoundError(path)  # a folder, a pipe or a device has no end that could be judged
        verdict = inspector.inspect(
            lambda: _chunks(path), size=path.stat().st_size, declared_name=name or path.name, limits=limits
        )
    except (InspectionError, OSError) as error:
        facts["reason"] = error.code if isinstance(error, InspectionError) else "unreadable"
    else:
        facts |= {
            "verdict": str(verdict.finding),
            "finding": str(verdict.finding),
            "reason": str(verdict.reason),
            "threat": verdict.threat,
            "mime": verdict.mime and str(verdict.mime),
            "pages": verdict.pages,
            "sha256": verdict.sha256,
        }
    facts["ms"] = round((time.monotonic() - started) * 1000, 1)
    return facts


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
