"""The control plane for people: customers with their fates, what they write, and the reviewers of the platform."""

import base64
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.control import (
    account_of,
    account_told,
    body,
    number_of,
    phone_of,
    phone_told,
    plane,
)
from sandbox.whatsapp.entities import Fate, Message
from sandbox.whatsapp.plumbing import engine
from sandbox.whatsapp.submitting import CATEGORIES

people = plane("people")

ALBUM_LIMIT = 100


@people.post("/phones")
def phone() -> ResponseReturnValue:
    """`{"phone", "name", "fate": {"kind", "code", "times", "read_after"}}`: make or change a customer's phone."""
    told = body()
    with engine().world.lock:
        found = phone_of(told)
        found.name = str(told.get("name", found.name))[:80]
        if "fate" in told:
            engine().statuses.set_fate(found, Fate(**told["fate"]))
        engine().changed()
        return phone_told(found)


@people.post("/phones/identity")
def new_identity() -> ResponseReturnValue:
    """`{"phone"}`: WhatsApp is set up anew on this number, on another device or by another person."""
    found = phone_of(body())
    engine().customers.changes_phone(found)
    return phone_told(found)


@people.post("/phones/number")
def new_number() -> ResponseReturnValue:
    """`{"phone", "new"}`: the customer moves to another number."""
    told = body()
    return phone_told(engine().customers.changes_number(phone_of(told), phone_of({"phone": told["new"]}).wa_id))


@people.post("/inbound")
def inbound() -> ResponseReturnValue:
    """Let a customer write: `{"phone", "number"}` and one of `text`; `file`; `tap`; `type` with `node`.

    `file` is `{"mime", "data" (base64), "name", "caption", "size", "count"}`; `tap` is `{"wamid", "index"}`.
    """
    told = body()
    if "tap" in told:
        sent = [engine().customers.taps(str(told["tap"]["wamid"]), int(told["tap"].get("index", 0)))]
    elif "file" in told:
        sent = _files(told)
    else:
        wa_id, number = phone_of(told).wa_id, number_of(told)
        if "text" in told:
            text, reply_to = str(told["text"]), str(told.get("reply_to", ""))
            sent = [engine().customers.says(wa_id, number, text, reply_to=reply_to)]
        else:
            sent = [engine().customers.does(wa_id, number, str(told["type"]), dict(told.get("node", {})))]
    return {"wamid": sent[0].wamid, "wamids": [message.wamid for message in sent]}


def _files(told: dict[str, Any]) -> list[Message]:
    file = dict(told["file"])
    count = int(file.get("count", 1))
    if not 1 <= count <= ALBUM_LIMIT:
        raise ValueError(f"count is 1 to {ALBUM_LIMIT}")
    wa_id, number = phone_of(told).wa_id, number_of(told)
    return [
        engine().customers.sends(
            wa_id,
            number,
            mime=str(file.get("mime", "image/jpeg")),
            data=base64.b64decode(file.get("data", "/9j/2Q=="), validate=True),
            file_name=str(file.get("name", "")),
            caption=str(file.get("caption", "")),
            claimed_size=int(file.get("size", 0)),
        )
        for _ in range(count)
    ]


@people.post("/messages/<wamid>/fail")
def fail(wamid: str) -> ResponseReturnValue:
    """`{"code"}`: let a message fail now."""
    engine().statuses.fail(engine().world.messages[wamid], int(body().get("code", 131026)))
    return {"ok": True}


@people.post("/messages/read")
def read() -> ResponseReturnValue:
    """`{"phone"}`: the customer opens every chat."""
    return {"read": engine().statuses.read(engine().world.chat(phone_of(body()).wa_id))}


@people.post("/templates")
def templates() -> ResponseReturnValue:
    """Put templates there as APPROVED, in the first account: one payload or a list of them."""
    told = request.get_json(silent=True)
    rows = [row for row in (told if isinstance(told, list) else [told]) if isinstance(row, dict)]
    account = account_of({})
    return jsonify([engine().reviews.register(account, row, status="APPROVED").id for row in rows])


@people.post("/templates/<template_id>")
def moderate(template_id: str) -> ResponseReturnValue:
    """Play the reviewer: one of `event` (with `reason` and what goes along), `quality`, `category` (`in_seconds`)."""
    told, template = body(), engine().world.templates[template_id]
    if "category" in told:
        if told["category"] not in CATEGORIES:
            raise ValueError(f"a category is one of {CATEGORIES}")
        engine().reviews.recategorise(template, str(told["category"]), after=float(told.get("in_seconds", 0)))
    elif "quality" in told:
        engine().reviews.rate(template, str(told["quality"]))
    else:
        more = {name: told[name] for name in ("rejection_info", "other_info", "disable_info") if name in told}
        engine().reviews.moderate(template, str(told["event"]), reason=str(told.get("reason", "NONE")), **more)
    return {"status": template.status, "category": template.category, "quality": template.quality}


@people.post("/accounts/<waba_id>")
def change_account(waba_id: str) -> ResponseReturnValue:
    """`{"limit": 250 | 2000 | ... | 0, "restrict_seconds", "disabled"}`: what the platform does to an account."""
    told, account = body(), engine().businesses.account(waba_id)
    if "limit" in told:
        engine().accounts.limit(account, int(told["limit"]))
    if "restrict_seconds" in told:
        engine().accounts.restrict(account, float(told["restrict_seconds"]))
    if "disabled" in told:
        engine().accounts.disable(account, bool(told["disabled"]))
    return account_told(account)


@people.post("/numbers/<number_id>")
def change_number(number_id: str) -> ResponseReturnValue:
    """`{"quality", "status"}`: what the platform does to a number; any status but CONNECTED refuses to send."""
    told, number = body(), engine().businesses.number(number_id)
    if "quality" in told:
        engine().accounts.rate(number, str(told["quality"]))
    if "status" in told:
        engine().accounts.set_status(number, str(told["status"]))
    return account_told(engine().businesses.account_of(number))
