"""One-time codes on their way out: a code that the portal asked for becomes a message of the outbox, once."""

from records.challenges import CodeChallenge
from records.links import UploadLink
from records.messages import Purpose, queue
from storage.database import Database, utcnow
from storage.due import Lease, settle


def queue_code(database: Database, held: Lease) -> None:
    """Queue the message of one challenge, in the transaction that settles it; one that ended meanwhile has none."""
    now = utcnow()
    with database.transaction() as session:
        settle(session, CodeChallenge, held)
        challenge = session.get_one(CodeChallenge, held.id, populate_existing=True)
        if not challenge.is_open(now):
            return
        link = session.get_one(UploadLink, challenge.link_id)
        message = queue(session, request=link.request, link=link, purpose=Purpose.CODE, now=now)
        challenge.message_id = message.id
