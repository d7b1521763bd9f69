"""New links for old ones: the courier takes up what somebody with a closed link wished for."""

from records.wishes import LinkWish, grant
from storage.database import Database, utcnow
from storage.due import Lease, settle


def renew_link(database: Database, held: Lease) -> None:
    """Grant one wish or leave a trace of why not, fenced by the lease."""
    with database.transaction() as session:
        settle(session, LinkWish, held)
        grant(session, session.get_one(LinkWish, held.id, populate_existing=True), now=utcnow())
