"""Ten thousand updates, batched, repeated and shuffled: every effect once, none lost, none invented."""

import random
from collections import Counter
from typing import Any

import pytest

from notifications.whatsapp.events import EventKind, WebhookEvent, advance
from notifications.whatsapp.webhooks import parse
from tests.notifications.whatsapp.shapes import CONTACT, OLD_CONTACT, a_change, a_message, a_status, raw, without
from tests.sandbox.whatsapp.stage import staged


def take_in(bodies: list[bytes]) -> dict[str, WebhookEvent]:
    """Do what the receiving side does: insert under the key, first one wins."""
    inbox: dict[str, WebhookEvent] = {}
    for body in bodies:
        for event in parse(body):
            inbox.setdefault(event.key, event)
    return inbox


def updates(dice: random.Random, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Statuses and messages in every documented variation, each with the key that must come out."""
    made: list[tuple[str, dict[str, Any]]] = []
    for number in range(count):
        contacts = dice.choice([[CONTACT], [OLD_CONTACT], [], None])
        value: dict[str, Any] = {} if contacts is None else {"contacts": contacts}
        drop = dice.sample(["recipient_id", "recipient_user_id", "pricing", "from", "from_user_id"], dice.randrange(4))
        if dice.random() < 0.7:
            status = dice.choice(["sent", "delivered", "read", "failed"])
            item = a_status(f"wamid.S{number}", status, biz_opaque_callback_data=f"o{number}", extra={"n": [1]})
            made.append((f"s:wamid.S{number}:{status}", value | {"statuses": [without(item, *drop)]}))
        else:
            kind = dice.choice(["text", "image", "reaction", "unsupported"])
            item = a_message(f"wamid.M{number}", type=kind, image={"id": str(number)})
            made.append((f"m:wamid.M{number}", value | {"messages": [without(item, *drop)]}))
    return made


def packed(dice: random.Random, values: list[dict[str, Any]]) -> list[bytes]:
    """Pack values into deliveries of random size: new entry, new change, or merged into the last list."""
    bodies: list[bytes] = []
    rest = list(values)
    while rest:
        entries: list[dict[str, Any]] = []
        for value in [rest.pop() for _ in range(min(len(rest), dice.choice([1, 1, 2, 5, 40])))]:
            change = a_change(**value)
            shape = dice.randrange(3) if entries else 0
            if shape == 0:
                entries.append({"id": "1", "time": dice.randrange(10**9), "changes": [change]})
            elif shape == 1:
                entries[-1]["changes"].append(change)
            else:
                last = entries[-1]["changes"][-1]["value"]
                for name in ("messages", "statuses"):
                    last[name] = last.get(name, []) + change["value"].get(name, [])
        bodies.append(raw({"object": "whatsapp_business_account", "entry": entries}))
    return bodies


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_thousand_updates_have_each_effect_exactly_once(seed: int) -> None:
    dice = random.Random(seed)
    made = updates(dice, 10_000)
    values = [value for _, value in made] + [value for _, value in dice.sample(made, 2_000)]
    dice.shuffle(values)
    inbox = take_in(packed(dice, values))
    assert set(inbox) == {key for key, _ in made}
    for event in inbox.values():
        if event.kind is EventKind.STATUS:
            assert event.opaque == "o" + event.wamid.removeprefix("wamid.S")


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"duplicate": 2},
        {"batch": 7},
        {"batch": 4, "duplicate": 1, "reorder": 3},
        {"reorder": 5, "drop_contacts": True, "extra_keys": True},
        {"batch": 3, "skip_delivered": True, "conversation": True},
    ],
    ids=str,
)
def test_whatever_the_simulator_does_to_webhooks_every_effect_arrives_once(knobs: dict[str, object]) -> None:
    with staged() as stage:
        stage.sim("knobs", knobs)
        wamids = [stage.request_ana(opaque=f"a{number}").wamid for number in range(12)]
        stage.pass_time()
        stage.sim("messages/read", {"phone": "+525512345678"})
        said = [stage.sim("inbound", {"phone": "+525512345678", "text": f"hola {n}"})["wamid"] for n in range(5)]
        assert stage.sim("flush", {})["settled"]
        inbox = take_in(stage.received.bodies)
    ladder = ["sent", "read"] if "skip_delivered" in knobs else ["sent", "delivered", "read"]
    expected = {f"s:{wamid}:{status}" for wamid in wamids for status in ladder} | {f"m:{wamid}" for wamid in said}
    assert set(inbox) == expected
    ends: dict[str, str] = {}
    for event in inbox.values():
        if event.kind is EventKind.STATUS:
            ends[event.opaque] = advance(ends.get(event.opaque, "accepted"), event.status)
    assert Counter(ends.values()) == {"read": 12}
