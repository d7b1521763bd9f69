"""What every connector is given: one event of a case, and how the case stands now, in the company's language.

Rules: it holds no file, no name, no address and never the customer's link; the only link is the case's, behind login.
Its fragment carries the id of the event, by which a note is found again after an unknown outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from records.crm.types import CrmType
from records.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmUpdate:
    """One event, ready to be told."""

    event_id: str
    type: CrmType
    at: datetime
    case_id: str
    case_url: str
    external_ref: str | None
    """The CRM's own id of the matter."""
    progress: Progress
    """Of the case as it is now, not as it was at the event: what is written last must be true."""
    state: str
    """The same in words: "2 de 4 recibidos"."""
    subject: str
    """Title of a ticket: "Expediente CRM-4711"."""
    note: str | None
    """What happened, in words; None for what is worth no note."""
    reason: str | None
    """Code of the reason, for connectors that pass codes on."""
    link_label: str
    """Words of the link to the case."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """Ids in the CRM that the request named, by what they are of: `chatwoot_conversation`, `hubspot_ticket` ..."""

    @property
    def marked_url(self) -> str:
        """The case's link with the id of the event."""
        return f"{self.case_url}#{self.marker}"

    @property
    def marker(self) -> str:
        """What no other note holds."""
        return f"aviso-{self.event_id}"
