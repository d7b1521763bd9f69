"""How one try to tell a subscriber ended."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """It arrived, or there was nothing to tell. `code` says more where there is more to say."""

    status: int | None = None
    code: str | None = None
    reached: bool = True
    """False: nobody was asked, so it proves nothing about the subscriber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Not now. `after` is what the other side asked for."""

    code: str
    status: int | None = None
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Never: this event is not taken. A person may send it again."""

    code: str
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The subscriber wants nothing more: it is disabled until a person resumes it."""

    status: int | None = None


Outcome = Delivered | Retry | Failed | Gone
