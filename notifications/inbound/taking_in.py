"""Taking in: each stored update has its effect once, in the transaction that settles it.

Rules: an update that belongs to nothing of ours is kept and settled, never lost in silence; whose address an update
carried is forgotten with it.
"""

from notifications.inbound import chats, statuses
from notifications.studio import moderation
from notifications.whatsapp import accounts
from notifications.whatsapp.events import EventKind
from records.messages import InboundEvent
from storage.database import Database, utcnow
from storage.due import Lease, settle

KEPT = frozenset({"type", "stop", "start", "system"})
"""What is kept of a chat message after it was taken in."""


def process(database: Database, held: Lease) -> None:
    """Let one stored update have its effect."""
    now = utcnow()
    with database.transaction() as session:
        settle(session, InboundEvent, held)
        event = session.get_one(InboundEvent, held.id, populate_existing=True)
        if event.processed_at is not None:
            return
        match EventKind(event.kind):
            case EventKind.STATUS:
                statuses.take_in(session, event, now)
            case EventKind.MESSAGE:
                chats.take_in(session, event, now)
                event.fields = {name: said for name, said in (event.fields or {}).items() if name in KEPT}
            case EventKind.TEMPLATE:
                moderation.apply(session, event, now)
            case EventKind.ACCOUNT:
                accounts.apply(session, event, now)
            case EventKind.ERROR | EventKind.OTHER:
                pass
        event.processed_at, event.phone, event.bsuid = now, None, None
