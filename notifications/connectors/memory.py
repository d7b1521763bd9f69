"""What a connector remembers of the CRM: ids of the objects that it made there.

None of the note APIs is idempotent. `begin` is therefore committed before the call that creates: whoever finds it begun
and without an id does not know whether the object exists, and looks in the CRM before making another.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Whether an object was begun before, and its id in the CRM where the answer came."""

    before: bool
    remote_id: str | None = None


class Memory(Protocol):
    """The remembered objects of one subscriber."""

    def begin(self, kind: str, our_id: str) -> Begun:
        """Commit that an object is about to be made, unless it was begun already; tell what is known of it."""

    def keep(self, kind: str, our_id: str, remote_id: str) -> None:
        """Commit its id in the CRM."""
