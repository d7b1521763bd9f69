"""Ten thousand webhook events, batched, repeated, reordered, cut off and late: each has its effect exactly once.

They go through the real receiver, signed, from several connections at once, while several processors take them in.
"""

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from audit import AuditEvent
from notifications.inbound.taking_in import process
from records.chats import ChatWindow
from records.interceptions import InterceptedFile
from records.links import newest_link
from records.messages import Channel, InboundEvent, Message, MessageAttempt, MessageState, Purpose, queue
from records.optouts import OptOut
from records.requests import DocumentRequest
from storage.database import Database, new_id, utcnow
from storage.due import lease
from tests.notifications.whatsapp.shapes import without
from tests.notifications.whatsapp.test_webhook_fuzz import packed
from tests.portal.gateway.company import Gateway, a_gateway, signed

MESSAGES = 300
CHATS = 400
EVENTS = 10_000
STATUSES = ("sent", "delivered", "read", "failed")


def seeded(gateway: Gateway) -> list[tuple[str, str]]:
    """Messages that the platform took; return (attempt, wamid) of each."""
    asked = gateway.ask()
    now = utcnow()
    made = []
    with gateway.database.transaction() as session:
        request = session.get_one(DocumentRequest, asked.json["id"])
        link = newest_link(session, request.id)
        for number in range(MESSAGES):
            message = queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
            message.state, message.due_at, message.wamid = MessageState.ACCEPTED, None, f"wamid.S{number}"
            attempt = MessageAttempt(
                id=new_id(),
                message_id=message.id,
                number=1,
                started_at=now,
                outcome="accepted",
                channel=Channel.WHATSAPP,
                wamid=message.wamid,
                recipient=f"52155{number:08d}",
            )
            session.add(attempt)
            made.append((attempt.id, message.wamid))
    return made


def updates(dice: random.Random, attempts: list[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Every update once, by its key: statuses, files, texts and "no more"."""
    made: dict[str, dict[str, Any]] = {}
    for number, (attempt, wamid) in enumerate(attempts):
        for status in dice.sample(STATUSES, dice.randint(1, 4)):
            item = {"id": wamid, "status": status, "timestamp": "1793000001", "recipient_id": f"52155{number:08d}"}
            item |= {"biz_opaque_callback_data": attempt} if dice.random() < 0.8 else {}
            item |= {"errors": [{"code": 131026, "title": "Undeliverable"}]} if status == "failed" else {}
            item = without(item, "recipient_id") if dice.random() < 0.5 else item
            made[f"s:{wamid}:{status}"] = {"statuses": [item]}
    for number in range(CHATS):
        person = f"52155{dice.randrange(2 * MESSAGES):08d}"
        item = {"from": person, "id": f"wamid.M{number}", "timestamp": str(int(utcnow().timestamp()))}
        item |= dice.choice(
            [
                {"type": "image", "image": {"id": str(number), "mime_type": "image/jpeg"}},
                {"type": "document", "document": {"id": str(number), "filename": "ine.pdf"}},
                {"type": "unsupported", "errors": [{"code": 131051}]},
                {"type": "text", "text": {"body": "Mañana"}},
                {"type": "text", "text": {"body": "BAJA"}},
            ]
        )
        made[f"m:wamid.M{number}"] = {"messages": [item]}
    return made


def deliveries(dice: random.Random, made: dict[str, dict[str, Any]]) -> list[bytes]:
    """Ten thousand events in batches of every size; every update is in them at least once."""
    chosen = [*made, *dice.choices(list(made), k=EVENTS - len(made))]
    dice.shuffle(chosen)
    return packed(dice, [json.loads(json.dumps(made[key])) for key in chosen])


class Processors:
    """Several couriers that take updates in, as workers do, until told that no more will come."""

    def __init__(self, databases: list[Database]) -> None:
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(len(databases))
        self._running = [self._pool.submit(self._work, database) for database in databases]

    def _work(self, database: Database) -> int:
        done = 0
        while True:
            over = self._over.is_set()
            with database.transaction() as session:
                leases = lease(session, InboundEvent, now=utcnow(), limit=25, life=timedelta(minutes=10))
            for held in leases:
                process(database, held)
            done += len(leases)
            if over and not leases:
                return done

    def finish(self) -> int:
        """Wait for the last one; return how many updates were taken in."""
        self._over.set()
        done = sum(each.result() for each in self._running)
        self._pool.shutdown()
        return done


def post(gateway: Gateway, dice: random.Random, bodies: list[bytes]) -> None:
    """Deliver; some are cut off on the way first, so that their signature is wrong."""
    path = f"/webhooks/whatsapp/{gateway.company.sender_id}"
    client = gateway.app.test_client()

    def send(body: bytes, signature: str) -> int:
        headers = {"X-Hub-Signature-256": signature}
        return client.post(path, data=body, headers=headers, content_type="application/json").status_code

    for body in bodies:
        signature = signed(body, gateway.company.secret)
        if dice.random() < 0.1:
            assert send(body[: dice.randrange(len(body))], signature) == 401
        assert send(body, signature) == 200


def expected_state(statuses: set[str]) -> str:
    """Where a message ends, whatever the order was."""
    for state in ("read", "delivered", "failed", "sent"):
        if state in statuses:
            return state
    raise AssertionError


def test_ten_thousand_events_have_each_effect_exactly_once(database: Database) -> None:
    dice = random.Random(7)
    gateway = a_gateway(database)
    attempts = seeded(gateway)
    made = updates(dice, attempts)
    bodies = deliveries(dice, made)
    others = [] if database.is_sqlite else [Database(database.url.render_as_string(hide_password=False))]
    processors = Processors([database, *others])
    with ThreadPoolExecutor(3) as connections:
        parts = [(bodies[lane::3], random.Random(lane)) for lane in range(3)]
        for each in [connections.submit(post, gateway, own, part) for part, own in parts]:
            each.result()
    truncated = bodies[0][:-3]
    assert gateway.webhook(truncated).status_code == 200
    taken = processors.finish()
    for other in others:
        other.dispose()
    nothing_is_lost_or_doubled(database, made, attempts, taken)


def nothing_is_lost_or_doubled(
    database: Database, made: dict[str, dict[str, Any]], attempts: list[tuple[str, str]], taken: int
) -> None:
    with database.reading() as session:
        rows = session.scalars(select(InboundEvent)).all()
        keys = {key for row in rows if not (key := row.dedup_key.partition(":")[2]).startswith("h:")}
        states = {row.wamid: row.state for row in session.execute(select(Message.wamid, Message.state))}
        files = Counter(session.scalars(select(InterceptedFile.wamid)))
        stops = session.scalar(select(func.count()).select_from(OptOut))
        counted = Counter(session.scalars(select(AuditEvent.event)))
        told = Counter(
            (event.subject_id, event.details["status"])
            for event in session.scalars(select(AuditEvent).where(AuditEvent.event == "gateway:status:received"))
        )
        chats = session.scalar(select(func.count()).select_from(ChatWindow))
    assert keys == made.keys()
    assert taken == len(rows) == len(made) + 1
    assert all(row.processed_at is not None and row.due_at is None and row.phone is None for row in rows)
    wanted: dict[str, set[str]] = {wamid: set() for _, wamid in attempts}
    messages = [value["messages"][0] for value in made.values() if "messages" in value]
    for value in made.values():
        for status in value.get("statuses", ()):
            wanted[status["id"]].add(status["status"])
    assert {wamid: states[wamid] for wamid in wanted} == {w: expected_state(s) for w, s in wanted.items()}
    assert max(told.values()) == 1
    sent = [item["id"] for item in messages if item["type"] != "text"]
    assert files == Counter(sent)
    assert counted["gateway:chat_document:intercepted"] == len(sent)
    no_more = [item["from"] for item in messages if item.get("text", {}).get("body") == "BAJA"]
    assert counted["gateway:contact:opted_out"] == len(no_more)
    assert stops == len(set(no_more))
    assert chats == len({item["from"] for item in messages})
