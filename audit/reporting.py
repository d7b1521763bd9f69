"""What verification found out about a trail: findings, problems and the report.

Rules: a problem names the leaf index and the event's id wherever they are known, and holds nothing else of the event.
"""

from dataclasses import dataclass, field
from enum import StrEnum

MAX_PROBLEMS = 1000
"""A report names this many problems; more of them only count."""


class Finding(StrEnum):
    """What can be wrong."""

    EVENT_ALTERED = "event_altered"
    EVENT_MISSING = "event_missing"
    EVENT_REORDERED = "event_reordered"
    EVENT_UNSEALED = "event_unsealed"
    LEAF_ALTERED = "leaf_altered"
    LEAF_MISSING = "leaf_missing"
    LEAF_UNSIGNED = "leaf_unsigned"
    CHECKPOINT_ALTERED = "checkpoint_altered"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_MISSING = "checkpoint_missing"
    ROOT_DIFFERS = "root_differs"
    HEAD_ALTERED = "head_altered"
    TRUNCATED = "truncated"
    FORKED = "forked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding: at which leaf index and event (or checkpoint) where these are known."""

    finding: Finding
    index: int | None = None
    event_id: str | None = None
    note: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        place = "" if self.index is None else f" at index {self.index}"
        event = "" if self.event_id is None else f", event {self.event_id}"
        return f"{self.finding.value}{place}{event}" + (f": {self.note}" if self.note else "")


@dataclass(slots=True, kw_only=True)
class Report:
    """What verification found out about one organization's trail."""

    org_id: str
    size: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0

    @property
    def valid(self) -> bool:
        """Nothing is wrong and nothing lags."""
        return self.problem_count == 0

    @property
    def first(self) -> Problem | None:
        """The first problem in the order of the tree; those without an index come last."""
        return min(self.problems, key=lambda one: (one.index is None, one.index or 0), default=None)

    def add(self, finding: Finding, index: int | None = None, event_id: str | None = None, note: str = "") -> None:
        """Note a problem."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(finding=finding, index=index, event_id=event_id, note=note))
