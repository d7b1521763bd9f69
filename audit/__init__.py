"""The trail: every effect leaves an event, sealed into a Merkle tree per organization that nobody can quietly alter."""

from audit.events import Event
from audit.trail import AuditEvent, record

__all__ = ["AuditEvent", "Event", "record"]
