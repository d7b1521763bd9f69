"""The courier's round that reads the trails and makes CRM events of them, with their deliveries."""

from datetime import datetime

import structlog

from records.crm.deriving import behind, derive
from storage.database import Database, utcnow

log = structlog.get_logger(__name__)


def derive_events(database: Database, _now: datetime) -> None:
    """Bring every organization up to the end of its trail; one that fails is logged and does not hold up the others."""
    with database.reading() as session:
        waiting = behind(session)
    for org_id in waiting:
        try:
            more = True
            while more:
                with database.transaction() as session:
                    more = derive(session, org_id, now=utcnow())
        except Exception as error:  # noqa: BLE001 (the next round begins again where the cursor stands)
            log.warning("events_not_derived", org=org_id, error=type(error).__name__)
