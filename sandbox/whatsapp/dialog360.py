"""The 360dialog flavour: the same bodies, a key per number in `D360-API-KEY`, no version and no number in the address.

Source: docs.360dialog.com, WhatsApp Cloud API (waba-v2.360dialog.io), as of 2026-11.
"""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.answers import media_shown, template_shown
from sandbox.whatsapp.business import Number
from sandbox.whatsapp.plumbing import body, engine, plumb
from sandbox.whatsapp.problems import GraphError, unknown_object

dialog360 = Blueprint("dialog360", __name__, url_prefix="/360")
plumb(dialog360)


def _number() -> Number:
    return engine().businesses.by_api_key(request.headers.get("D360-API-KEY", ""))


@dialog360.before_request
def _authorise() -> None:
    _number()


@dialog360.post("/messages")
def messages() -> ResponseReturnValue:
    """Send a message, or mark a customer's message as read."""
    told = body()
    if told.get("status") == "read" and told.get("messaging_product") == "whatsapp":
        engine().customers.was_read(str(told.get("message_id", "")), _number())
        return {"success": True}
    return engine().sending.send(_number(), told)


@dialog360.get("/v1/configs/templates")
def list_templates() -> ResponseReturnValue:
    """List templates by `limit` and `offset`."""
    rows = [template_shown(one) for one in engine().world.templates_of(engine().businesses.account_of(_number()).id)]
    limit = min(max(request.args.get("limit", 1000, int), 1), 1000)
    offset = max(request.args.get("offset", 0, int), 0)
    page = [row | {"status": row["status"].lower()} for row in rows[offset : offset + limit]]
    return {"waba_templates": page, "count": len(page), "total": len(rows), "limit": limit, "offset": offset}


@dialog360.post("/v1/configs/templates")
def create_template() -> ResponseReturnValue:
    """Submit a template for review."""
    template = engine().reviews.register(engine().businesses.account_of(_number()), body())
    shown = template_shown(template)
    return shown | {"status": "submitted"}, 201


@dialog360.delete("/v1/configs/templates/<name>")
def delete_template(name: str) -> ResponseReturnValue:
    """Delete every language of a template."""
    rows = engine().world.templates_of(engine().businesses.account_of(_number()).id)
    found = [one for one in rows if one.name == name]
    if not found:
        raise unknown_object(name)
    for template in found:
        engine().reviews.moderate(template, "DELETED")
    return {"meta": {"success": True}}


@dialog360.get("/<media_id>")
def read_media(media_id: str) -> ResponseReturnValue:
    """Tell where a file lies."""
    return media_shown(media_id, allowed=lambda number: number is _number())


@dialog360.delete("/<media_id>")
def delete_media(media_id: str) -> ResponseReturnValue:
    """Forget a file."""
    with engine().world.lock:
        media_shown(media_id, allowed=lambda number: number is _number(), read=False)
        del engine().world.media[media_id]
        engine().changed()
    return {"success": True}


@dialog360.route("/<path:rest>", methods=["GET", "POST", "DELETE"])
def anything_else(rest: str) -> ResponseReturnValue:
    """Answer every other address."""
    raise GraphError(100, f"unknown address {rest[:40]}", status=404)
