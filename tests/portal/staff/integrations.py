"""Rows of integrations for the console's tests: subscribers, events and deliveries of one company."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from records.crm.deliveries import CrmDelivery, CrmTry, DeliveryState
from records.crm.events import CrmEvent
from records.crm.subscribers import CrmSubscriber, SubscriberKind, SubscriberState
from records.crm.types import CrmType
from storage.database import new_id


def a_subscriber(session: Session, org_id: str, now: datetime, **changes: object) -> CrmSubscriber:
    """A webhook."""
    values: dict[str, object] = {
        "kind": SubscriberKind.WEBHOOK,
        "name": "CRM de ventas",
        "settings": {"url": "https://crm.example/hooks/resguardo", "allow_private": False},
        "event_types": [],
        "secret_boxed": b"canary-secret",
        "created_at": now,
    }
    made = CrmSubscriber(id=new_id(), org_id=org_id, **(values | changes))
    session.add(made)
    session.flush()
    return made


def a_delivery(
    session: Session,
    subscriber: CrmSubscriber,
    leaf: int,
    now: datetime,
    *,
    state: DeliveryState = DeliveryState.DELIVERED,
    type: CrmType = CrmType.DOCUMENT_CLEAN,
    case_id: str | None = "c" * 32,
) -> CrmDelivery:
    """One event for it, with its tries."""
    event = CrmEvent(
        id=new_id(),
        org_id=subscriber.org_id,
        leaf=leaf,
        audit_event_id=new_id(),
        type=type,
        at=now,
        created_at=now,
        case_id=case_id,
        data={
            "organization": "credito",
            "external_ref": "CRM-4711",
            "requirement": "ine",
            "side": "front",
            "progress": {"status": "receiving", "received": 2, "accepted": 1, "total": 4},
        },
    )
    session.add(event)
    session.flush()
    waits = state is DeliveryState.WAITING
    delivery = CrmDelivery(
        id=new_id(),
        org_id=subscriber.org_id,
        subscriber_id=subscriber.id,
        event_id=event.id,
        state=state,
        tries=1 if state is DeliveryState.DELIVERED else 2,
        created_at=now,
        ended_at=None if waits else now,
        due_at=now + timedelta(minutes=5) if waits else None,
        last_status=204 if state is DeliveryState.DELIVERED else 503,
        last_code=None if state is DeliveryState.DELIVERED else "status",
    )
    session.add(delivery)
    session.flush()
    for number in range(1, delivery.tries + 1):
        done = state is DeliveryState.DELIVERED
        session.add(
            CrmTry(
                delivery_id=delivery.id,
                number=number,
                started_at=now + timedelta(seconds=5 * number),
                took_ms=84 * number,
                outcome="delivered" if done else "retry",
                status=204 if done else 503,
                code=None if done else "status",
            )
        )
    session.flush()
    return delivery


def some_integrations(session: Session, org_id: str, case_id: str, now: datetime) -> str:
    """Three integrations in different states with a dozen deliveries; return the id of one that failed."""
    first = a_subscriber(session, org_id, now, last_at=now, last_status=204)
    a_subscriber(
        session, org_id, now, name="Almacén de datos", state=SubscriberState.PAUSED, event_types=["case.closed"]
    )
    third = a_subscriber(session, org_id, now, name="CRM viejo", failing_since=now - timedelta(days=5), last_at=now)
    third.last_status, third.last_code = 503, "status"
    third.disable("failing")
    for leaf, kind in enumerate(list(CrmType)[:9]):
        a_delivery(session, first, leaf, now - timedelta(minutes=10 * leaf), type=kind, case_id=case_id)
    a_delivery(session, third, 50, now, state=DeliveryState.WAITING, case_id=case_id)
    return a_delivery(session, third, 51, now, state=DeliveryState.FAILED, case_id=case_id).id
