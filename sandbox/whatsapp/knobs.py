"""How badly webhooks behave: everything that the real ones may do to a receiver, each one a knob."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True, kw_only=True)
class Knobs:
    """At rest every update travels alone, once, at once, whole and well signed."""

    duplicate: int = 0
    """Extra copies of every delivery."""
    batch: int = 1
    """Updates in one POST, spread over entries, changes and lists."""
    reorder: int = 1
    """Deliveries that are held and let go in reverse order."""
    delay: float = 0.0
    """Seconds before each delivery."""
    drop: int = 0
    """Deliveries, from now on, that are lost for good."""
    skip_delivered: bool = False
    drop_contacts: bool = False
    drop_recipient: bool = False
    """Statuses without `recipient_id`."""
    old_shapes: bool = False
    """Shapes from before April 2026: no business-scoped user ids, limits of numbers in `current_limit`."""
    conversation: bool = False
    """The `conversation` node that versions before v24 sent."""
    extra_keys: bool = False
    hyphen_language: bool = False
    """Template updates that write `es-MX`."""
    bad_signature: bool = False
    old_secret: bool = False
    no_signature: bool = False
    sha1_signature: bool = False
    """Only the old `X-Hub-Signature` header."""
    preview_links: bool = False
    """The platform looks at the first link of every message that is delivered, as it does for previews."""
    truncate: bool = False
    """Bodies that end half way, signed as they are."""

    def turn(self, changes: dict[str, Any]) -> None:
        """Set knobs by name, all or none. Raises ValueError on a name or a type that does not exist."""
        kinds = {knob.name: type(getattr(self, knob.name)) for knob in fields(self)}
        for name, value in changes.items():
            wanted = kinds.get(name)
            fits = type(value) is wanted or (wanted is float and type(value) is int)
            if not fits or (wanted is not bool and value < 0):
                raise ValueError(f"no knob {name[:40]!r} of that type")
        for name, value in changes.items():
            setattr(self, name, value)
