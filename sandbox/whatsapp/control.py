"""The control plane, `/sim/*`: what a test or a curious person turns while the simulator runs. JSON in, JSON out."""

import hmac
import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import httpx
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.graph import engine
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.problems import GraphError
from sandbox.whatsapp.world import Fate, Phone

control = Blueprint("control", __name__, url_prefix="/sim")

FATES = ("deliver", "silent", "fail", "username_only")


@control.errorhandler(ValueError)
@control.errorhandler(KeyError)
@control.errorhandler(TypeError)
@control.errorhandler(GraphError)
def _refuse(error: Exception) -> ResponseReturnValue:
    return jsonify({"error": str(error)[:300]}), 400


@control.get("/health")
def health() -> ResponseReturnValue:
    """Tell that the simulator runs."""
    return {"ok": True}


@control.get("/state")
def state() -> ResponseReturnValue:
    """Return phones, messages, templates, media and counters. No bytes."""
    world = engine().world
    with world.lock:
        return {
            "now": engine().clock.now().isoformat(),
            "frozen": engine().clock.frozen,
            "revision": world.revision,
            "subscribed": world.subscribed,
            "webhook_url": engine().deliveries.url,
            "knobs": asdict(engine().deliveries.knobs),
            "faults": [asdict(rule) for rule in engine().faults.rules],
            "phones": [asdict(phone) | {"user_id": phone.user_id} for phone in world.phones.values()],
            "messages": [asdict(message) for message in world.messages.values()],
            "templates": [asdict(template) for template in world.templates.values()],
            "media": [
                {"id": m.id, "mime": m.mime, "size": len(m.data), "reads": m.reads} for m in world.media.values()
            ],
            "media_reads": world.media_reads,
        }


@control.post("/clock")
def clock() -> ResponseReturnValue:
    """`{"frozen": bool, "advance": seconds}`; answers when everything that is due by then has happened."""
    body = _body()
    if "frozen" in body:
        engine().clock.freeze(bool(body["frozen"]))
    if step := float(body.get("advance", 0)):
        engine().clock.advance(timedelta(seconds=step))
    return {"settled": engine().timeline.settle(), "now": engine().clock.now().isoformat()}


@control.post("/knobs")
def knobs() -> ResponseReturnValue:
    """Set how webhooks misbehave, by name; answers with all of them."""
    engine().deliveries.knobs.turn(_body())
    return asdict(engine().deliveries.knobs)


@control.post("/flush")
def flush() -> ResponseReturnValue:
    """Let go of updates that wait for a fuller batch or their turn, and wait until they were sent."""
    with engine().world.lock:
        engine().deliveries.flush()
    return {"settled": engine().timeline.settle()}


@control.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """Return the delivery log, oldest first."""
    with engine().world.lock:
        return jsonify([delivery.shown() for delivery in engine().deliveries.log])


@control.post("/deliveries/<int:delivery_id>/replay")
def replay(delivery_id: int) -> ResponseReturnValue:
    """Send an old delivery again, byte for byte."""
    engine().deliveries.replay(delivery_id)
    return {"settled": engine().timeline.settle()}


@control.post("/webhook")
def webhook() -> ResponseReturnValue:
    """`{"url", "verify_token"}`: subscribe an address after the handshake; without a token, without handshake."""
    body = _body()
    url, token = str(body.get("url", "")), body.get("verify_token")
    if token is not None:
        challenge = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": str(token)}
        answer = httpx.get(url, params=query, timeout=10, trust_env=False)
        if answer.status_code != 200 or not hmac.compare_digest(answer.content, challenge.encode()):
            raise ValueError(f"the handshake failed: {answer.status_code}")
    engine().deliveries.url = url
    return {"url": url}


@control.post("/faults")
def add_fault() -> ResponseReturnValue:
    """Add a fault rule (see `faults.Fault`)."""
    return asdict(engine().faults.add(_body()))


@control.delete("/faults")
def clear_faults() -> ResponseReturnValue:
    """Remove every fault rule."""
    engine().faults.clear()
    return {"faults": []}


@control.post("/phones")
def phone() -> ResponseReturnValue:
    """`{"phone", "name", "fate": {"kind", "code"}}`: make or change a customer's phone."""
    body = _body()
    with engine().world.lock:
        found = _phone(body["phone"])
        found.name = str(body.get("name", found.name))[:80]
        if "fate" in body:
            fate = Fate(**body["fate"])
            if fate.kind not in FATES:
                raise ValueError(f"a fate is one of {FATES}")
            found.fate = fate
        engine().changed()
        return asdict(found) | {"user_id": found.user_id}


@control.post("/inbound")
def inbound() -> ResponseReturnValue:
    """`{"phone", "text"}`: the customer writes into the chat."""
    body = _body()
    message = engine().customers.says(_phone(body["phone"]).wa_id, str(body["text"]))
    return {"wamid": message.wamid}


@control.post("/messages/<wamid>/fail")
def fail(wamid: str) -> ResponseReturnValue:
    """`{"code"}`: let a message fail now."""
    engine().sending.fail_late(wamid, int(_body().get("code", 131026)))
    return {"ok": True}


@control.post("/messages/read")
def read() -> ResponseReturnValue:
    """`{"phone"}`: the customer opens the chat."""
    return {"read": engine().sending.open_chat(_phone(_body()["phone"]).wa_id)}


@control.post("/templates")
def templates() -> ResponseReturnValue:
    """Put templates there as APPROVED: one payload or a list of them."""
    body = request.get_json(silent=True)
    rows = [row for row in (body if isinstance(body, list) else [body]) if isinstance(row, dict)]
    return jsonify([engine().reviews.register(row, status="APPROVED").id for row in rows])


@control.post("/templates/<template_id>")
def moderate(template_id: str) -> ResponseReturnValue:
    """`{"event", "reason", "rejection_info", "other_info", "disable_info"}` or `{"category"}`: play the reviewer."""
    body, template = _body(), engine().world.templates[template_id]
    if "category" in body:
        engine().reviews.recategorise(template, str(body["category"]))
    else:
        more = {name: body[name] for name in ("rejection_info", "other_info", "disable_info") if name in body}
        engine().reviews.moderate(template, str(body["event"]), reason=str(body.get("reason", "NONE")), **more)
    return {"status": template.status, "category": template.category}


@control.post("/events")
def raw_event() -> ResponseReturnValue:
    """`{"field", "value"}`: send any update at all."""
    body = _body()
    engine().emit(str(body["field"]), dict(body["value"]))
    return {"ok": True}


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 (answered as 400)
    return body


def _phone(untrusted: object) -> Phone:
    settings = engine().settings
    wa_id = wa_id_of(str(untrusted), country_code=settings.country_code, rewrite=settings.rewrite_numbers)
    return engine().world.phone(wa_id)
