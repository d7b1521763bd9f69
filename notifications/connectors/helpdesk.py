"""django-helpdesk: a ticket for each case, a private follow-up for each event, and the ticket's status.

Every follow-up is private: a public one is mailed to whoever submitted the ticket. What is written there is rendered as
a template by it, so nothing that we write holds braces. Tried against version 2.6.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notifications.connectors.calling import Calls, part, rows_of, text_of
from notifications.connectors.memory import Memory
from notifications.connectors.protocol import CrmTrouble
from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered, Retry
from records.progress import ProgressStatus

TICKET = "helpdesk_ticket"
PAGE, PAGES = 100, 5
"""Tickets of a page, and how many pages are searched from the newest back for one that may have been made."""
REOPENED, RESOLVED, CLOSED = 2, 3, 4
STATUSES: Mapping[ProgressStatus, int] = {ProgressStatus.COMPLETE: RESOLVED, ProgressStatus.CANCELLED: CLOSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpdesk:
    """One installation. `statuses` maps a progress to a status of tickets; what it does not name leaves them alone."""

    calls: Calls
    memory: Memory
    queue: int
    statuses: Mapping[ProgressStatus, int] = field(default_factory=lambda: STATUSES)

    def tell(self, update: CrmUpdate) -> Delivered:
        """Make or find the ticket, write the follow-up, then the status."""
        ticket = update.refs.get(TICKET) or self._ticket(update)
        untrusted = self.calls.get(f"/api/tickets/{part(ticket)}/")
        self._follow_up(ticket, untrusted, update)
        self._status(ticket, untrusted, update)
        return Delivered()

    def check(self) -> Delivered:
        """Read one ticket's worth of the list. That the queue exists shows only when a ticket is made."""
        self.calls.get("/api/tickets/", {"page_size": "1"})
        return Delivered()

    def _ticket(self, update: CrmUpdate) -> str:
        begun = self.memory.begin("ticket", update.case_id)
        if begun.remote_id is not None:
            return begun.remote_id
        marked = f"{update.case_url}#caso-{update.case_id}"
        found = self._search(marked) if begun.before else None
        if found is None:
            body = {
                "queue": self.queue,
                "title": _plain(update.subject)[:200],
                "description": f"{update.link_label}: {marked}",
                "priority": 3,
            }
            found = text_of(self.calls.post("/api/tickets/", body), "id")
        self.memory.keep("ticket", update.case_id, found)
        return found

    def _search(self, marked: str) -> str | None:
        """Look for a ticket by its description, newest first. The list is ordered by id and counts its rows."""
        page = {"page_size": str(PAGE)}
        count = int(text_of(self.calls.get("/api/tickets/", {"page_size": "1"}), "count"))
        last = max(1, -(-count // PAGE))
        for number in range(last, max(0, last - PAGES), -1):
            for row in rows_of(self.calls.get("/api/tickets/", page | {"page": str(number)}), "results"):
                if marked in str(row.get("description") or ""):
                    return text_of(row, "id")
        return None

    def _follow_up(self, ticket: str, untrusted: Any, update: CrmUpdate) -> None:
        if update.note is None:
            return
        begun = self.memory.begin("note", update.event_id)
        if begun.remote_id is not None:
            return
        written = rows_of(untrusted, "followup_set") if begun.before else []
        found = next((text_of(row, "id") for row in written if update.marker in str(row.get("comment") or "")), None)
        if found is None:
            comment = f"{_plain(update.note)}\n{update.link_label}: {update.marked_url}"
            body = {"ticket": _number(ticket), "comment": comment, "public": False}
            found = text_of(self.calls.post("/api/followups/", body), "id")
        self.memory.keep("note", update.event_id, found)

    def _status(self, ticket: str, untrusted: Any, update: CrmUpdate) -> None:
        """Resolve what is complete, close what is cancelled, reopen what we resolved and is so no more."""
        now = _number(text_of(untrusted, "status"))
        ours = set(self.statuses.values())
        wanted = self.statuses.get(update.progress.status, REOPENED if now in ours else now)
        if wanted != now:
            self.calls.patch(f"/api/tickets/{part(ticket)}/", {"status": wanted})


def _plain(text: str) -> str:
    return text.replace("{", "(").replace("}", ")")


def _number(untrusted: str) -> int:
    if not (untrusted.isascii() and untrusted.isdecimal()):
        raise CrmTrouble(Retry(code="unreadable_answer"))
    return int(untrusted)
