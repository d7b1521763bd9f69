"""What the studio's tasks need."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.senders import opened
from notifications.whatsapp.client import CloudApi, Sender
from notifications.whatsapp.errors import ApiError
from records.senders import Flavor, WhatsAppSender
from storage.database import Database, utcnow
from storage.sealing.box import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`public_url` is the portal's address without a slash at the end."""

    database: Database
    api: CloudApi
    box: Box
    public_url: str
    clock: Callable[[], datetime] = utcnow


def sender_of(tools: Tools, session: Session, org_id: str, waba_id: str) -> Sender | None:
    """Return a number of the account with its token, None when the company has none any more.

    Templates of a number at 360dialog are managed there.
    """
    wanted = select(WhatsAppSender).filter_by(org_id=org_id, waba_id=waba_id, flavor=Flavor.CLOUD)
    row = session.scalars(wanted.order_by(WhatsAppSender.id)).first()
    return opened(tools.box, row) if row is not None else None


def failed(outcomes: Iterable[object]) -> object | None:
    """Return the first outcome of a walk that is not a template."""
    return next((each for each in outcomes if not isinstance(each, dict)), None)


def code_of(error: ApiError) -> str:
    """Return the platform's code with its subcode, or the status of an answer that had none."""
    if error.code is None:
        return f"http_{error.http_status}"
    return str(error.code) if error.subcode is None else f"{error.code}/{error.subcode}"
