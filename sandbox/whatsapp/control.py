"""The control plane, `/sim/*`: clock, webhooks, faults and limits. JSON in, JSON out; docs/sandbox.md lists it all.

Loopback only, without a key: whoever can reach the simulator may turn it.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.business import Account, Number
from sandbox.whatsapp.entities import Phone
from sandbox.whatsapp.handshake import shake_hands
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.plumbing import engine
from sandbox.whatsapp.problems import GraphError


def plane(name: str) -> Blueprint:
    """Return a part of the control plane: what it is told wrongly is answered with 400 and a sentence."""
    part = Blueprint(name, __name__, url_prefix="/sim")
    for wrong in (ValueError, LookupError, TypeError, GraphError):
        part.register_error_handler(wrong, _refuse)
    return part


def _refuse(error: Exception) -> ResponseReturnValue:
    return jsonify({"error": f"{type(error).__name__}: {error}"[:300]}), 400


control = plane("control")


@control.get("/health")
def health() -> ResponseReturnValue:
    """Tell that the simulator runs."""
    return {"ok": True}


@control.get("/state")
def state() -> ResponseReturnValue:
    """Return everything but bytes and secrets."""
    world = engine().world
    with world.lock:
        return {
            "now": engine().clock.now().isoformat(),
            "frozen": engine().clock.frozen,
            "revision": world.revision,
            "webhook_url": engine().deliveries.url,
            "knobs": asdict(engine().deliveries.knobs),
            "rules": asdict(engine().sending.limits.rules),
            "faults": [asdict(rule) for rule in engine().faults.rules],
            "accounts": [account_told(account) for account in engine().businesses.accounts.values()],
            "phones": [phone_told(phone) for phone in world.phones.values()],
            "messages": [asdict(message) for message in world.messages.values()],
            "templates": [asdict(template) for template in world.templates.values()],
            "media": [
                {"id": m.id, "number_id": m.number_id, "mime": m.mime, "size": m.size, "reads": m.reads}
                for m in world.media.values()
            ],
            "media_reads": world.media_reads,
        }


@control.post("/clock")
def clock() -> ResponseReturnValue:
    """`{"frozen": bool, "advance": seconds, "to": time}`; answers when all that is due by then has happened."""
    told = body()
    if "frozen" in told:
        engine().clock.freeze(bool(told["frozen"]))
    step = timedelta(seconds=float(told.get("advance", 0)))
    if "to" in told:
        step = datetime.fromisoformat(str(told["to"])) - engine().clock.now()
    if step:
        engine().clock.advance(step)
    return {"settled": engine().timeline.settle(), "now": engine().clock.now().isoformat()}


@control.post("/reset")
def reset() -> ResponseReturnValue:
    """Forget everything but the settings and the clock."""
    engine().reset()
    return {"ok": True}


@control.post("/knobs")
def knobs() -> ResponseReturnValue:
    """Set how webhooks misbehave, by name; answers with all of them."""
    engine().deliveries.knobs.turn(body())
    return asdict(engine().deliveries.knobs)


@control.post("/rules")
def rules() -> ResponseReturnValue:
    """Switch limits of the platform on or off, by name; answers with all of them."""
    with engine().world.lock:
        engine().sending.limits.rules.turn(body())
        return asdict(engine().sending.limits.rules)


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
    """`{"url", "verify_token", "waba_id"}`: subscribe an address after the handshake; without a token, without it."""
    told = body()
    url, token = str(told.get("url", "")), told.get("verify_token")
    if token is not None and not shake_hands(url, str(token), engine().world.next()):
        raise ValueError("the handshake failed")
    if "waba_id" in told:
        engine().businesses.account(str(told["waba_id"])).route.url = url
    else:
        engine().deliveries.url = url
    return {"url": url}


@control.post("/faults")
def add_fault() -> ResponseReturnValue:
    """Add a fault rule (see `faults.Fault`)."""
    return asdict(engine().faults.add(body()))


@control.delete("/faults")
def clear_faults() -> ResponseReturnValue:
    """Remove every fault rule."""
    engine().faults.clear()
    return {"faults": []}


@control.post("/events")
def raw_event() -> ResponseReturnValue:
    """`{"field", "value", "waba_id"}`: send any update at all."""
    told = body()
    engine().emit(str(told["field"]), dict(told["value"]), account=account_of(told))
    return {"ok": True}


def body() -> dict[str, Any]:
    """Return the JSON object of the request. Raises ValueError."""
    told = request.get_json(silent=True)
    if not isinstance(told, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 (answered as 400)
    return told


def number_of(told: dict[str, Any]) -> Number:
    """Return the business number that a body names (`number`: its id), else the first. Raises GraphError."""
    return engine().businesses.number(str(told["number"])) if "number" in told else engine().businesses.numbers[0]


def account_of(told: dict[str, Any]) -> Account:
    """Return the account that a body names (`waba_id`), else the first. Raises GraphError."""
    accounts = engine().businesses.accounts
    return engine().businesses.account(str(told.get("waba_id", next(iter(accounts)))))


def phone_of(told: dict[str, Any]) -> Phone:
    """Return the customer's phone that a body names (`phone`), made where there was none. Raises GraphError."""
    settings = engine().settings
    wa_id = wa_id_of(str(told["phone"]), country_code=settings.country_code, rewrite=settings.rewrite_numbers)
    return engine().world.phone(wa_id)


def phone_told(phone: Phone) -> dict[str, Any]:
    """Return a phone with what follows from it."""
    return asdict(phone) | {"user_id": phone.user_id, "identity": phone.identity}


def account_told(account: Account) -> dict[str, Any]:
    """Return an account without its secrets."""
    until = account.restricted_until
    return {
        "waba_id": account.id,
        "name": account.name,
        "subscribed": account.subscribed,
        "limit": account.limit,
        "disabled": account.disabled,
        "restricted_until": until.isoformat() if until else None,
        "numbers": [
            {
                "phone_number_id": number.id,
                "display_phone_number": number.display,
                "status": number.status,
                "quality": number.quality,
                "identity_check": number.identity_check,
            }
            for number in account.numbers
        ],
    }
