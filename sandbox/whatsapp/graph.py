"""The Graph endpoints: what a business calls. Any version prefix; errors in the Graph envelope; faults on order."""

from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.answers import media_shown, number_shown, templates_page
from sandbox.whatsapp.business import Account, Number
from sandbox.whatsapp.entities import Template
from sandbox.whatsapp.handshake import shake_hands
from sandbox.whatsapp.plumbing import body, engine, fields, plumb
from sandbox.whatsapp.problems import GraphError, unknown_object

graph = Blueprint("graph", __name__, url_prefix="/v<float:version>")
bytes_of_media = Blueprint("media", __name__, url_prefix="/media")
for _part in (graph, bytes_of_media):
    plumb(_part)


@graph.url_value_preprocessor
def _drop_version(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values is not None:
        values.pop("version", None)


@graph.before_request
@bytes_of_media.before_request
def _authorise() -> None:
    if not _token():
        raise GraphError(190, "An access token is required to request this resource.", status=401)
    if not any(engine().businesses.holds(one, _token()) for one in engine().businesses.accounts.values()):
        raise GraphError(190, "Invalid OAuth access token.", status=401)


@graph.post("/<owner>/messages")
def messages(owner: str) -> ResponseReturnValue:
    """Send a message, or mark a customer's message as read."""
    number = _number(owner)
    told = body()
    if told.get("status") == "read" and told.get("messaging_product") == "whatsapp":
        engine().customers.was_read(str(told.get("message_id", "")), number)
        return {"success": True}
    return engine().sending.send(number, told)


@graph.post("/<owner>/message_templates")
def create_template(owner: str) -> ResponseReturnValue:
    """Submit a template for review."""
    template = engine().reviews.register(_account(owner), body())
    return {"id": template.id, "status": template.status, "category": template.category}


@graph.get("/<owner>/message_templates")
def list_templates(owner: str) -> ResponseReturnValue:
    """List templates, page by page; `paging.next` is missing on the last page."""
    return templates_page(_account(owner))


@graph.delete("/<owner>/message_templates")
def delete_template(owner: str) -> ResponseReturnValue:
    """Delete one template by `hsm_id` and `name`; the name alone deletes every language."""
    name, template_id = request.args.get("name", ""), request.args.get("hsm_id", "")
    rows = engine().world.templates_of(_account(owner).id)
    found = [one for one in rows if one.name == name and template_id in {"", one.id}]
    if not name or not found:
        raise unknown_object(template_id or name)
    for template in found:
        engine().reviews.moderate(template, "DELETED")
    return {"success": True}


@graph.get("/<owner>/phone_numbers")
def list_numbers(owner: str) -> ResponseReturnValue:
    """List the numbers of an account."""
    return {"data": [fields(number_shown(number)) for number in _account(owner).numbers]}


@graph.route("/<owner>/subscribed_apps", methods=["GET", "POST", "DELETE"])
def subscribed_apps(owner: str) -> ResponseReturnValue:
    """Subscribe the app to the account's webhooks, with an address of its own for messages or without; or end that."""
    account = _account(owner)
    if request.method == "GET":
        app: dict[str, Any] = {"whatsapp_business_api_data": {"id": "1", "name": "simulated app"}}
        if account.override:
            app["override_callback_uri"] = account.override
        return {"data": [app] if account.subscribed else []}
    account.override = _checked_override(request.get_json(silent=True)) if request.method == "POST" else ""
    account.subscribed = request.method == "POST"
    return {"success": True}


@graph.post("/<owner>/settings")
def change_settings(owner: str) -> ResponseReturnValue:
    """Switch the check of customers' identity on or off."""
    number, told = _number(owner), body().get("user_identity_change")
    if not isinstance(told, dict) or not isinstance(told.get("enable_identity_key_check"), bool):
        raise GraphError(100, "this simulator knows user_identity_change.enable_identity_key_check only")
    number.identity_check = told["enable_identity_key_check"]
    return {"success": True}


@graph.get("/<object_id>")
def read_object(object_id: str) -> ResponseReturnValue:
    """Read an account, a phone number, a template or the place of a file."""
    if object_id in engine().businesses.accounts:
        account = _account(object_id)
        return fields({"id": account.id, "name": account.name, "account_review_status": "APPROVED"})
    if engine().businesses.find_number(object_id):
        return fields(number_shown(_number(object_id)))
    if object_id in engine().world.templates:
        return templates_page(engine().businesses.account(_template(object_id).waba_id), only=object_id)
    return media_shown(object_id, allowed=_may_use)


@graph.post("/<object_id>")
def change_object(object_id: str) -> ResponseReturnValue:
    """Replace the components of a template, which sends it back to review; or set the webhook address of a number."""
    if engine().businesses.find_number(object_id):
        number = _number(object_id)
        number.override = _checked_override(body().get("webhook_configuration"))
        return {"success": True}
    engine().reviews.edit(_template(object_id), body())
    return {"success": True}


@graph.delete("/<object_id>")
def delete_media(object_id: str) -> ResponseReturnValue:
    """Forget a file."""
    with engine().world.lock:
        media_shown(object_id, allowed=_may_use, read=False)
        del engine().world.media[object_id]
        engine().changed()
    return {"success": True}


@graph.route("/<path:rest>", methods=["GET", "POST", "DELETE"])
def anything_else(rest: str) -> ResponseReturnValue:
    """Answer every other address as the Graph API does."""
    raise unknown_object(rest)


@bytes_of_media.get("/<media_id>")
def read_media(media_id: str) -> ResponseReturnValue:
    """Return a file that a customer sent, or the range of it that is asked for, while its address is fresh.

    The product never asks; the count in `/sim/state` proves it.
    """
    media = engine().customers.find_media(media_id)
    fresh = request.args.get("ext", 0, int) >= engine().clock.now().timestamp()
    if media is None or not fresh or not _may_use(engine().businesses.number(media.number_id)):
        return Response(status=404)
    media.reads += 1
    engine().world.media_reads += 1
    response = Response(media.data, mimetype=media.mime)
    return response.make_conditional(request, accept_ranges=True, complete_length=len(media.data))


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _account(untrusted_id: str) -> Account:
    """Return an account that the token may act for. Raises GraphError 100/33: what is not yours does not exist."""
    account = engine().businesses.account(untrusted_id)
    if not engine().businesses.holds(account, _token()):
        raise unknown_object(untrusted_id)
    return account


def _number(untrusted_id: str) -> Number:
    number = engine().businesses.number(untrusted_id)
    if not _may_use(number):
        raise unknown_object(untrusted_id)
    return number


def _may_use(number: Number) -> bool:
    return engine().businesses.holds(engine().businesses.account_of(number), _token())


def _template(untrusted_id: str) -> Template:
    template = engine().world.templates.get(untrusted_id)
    if template is None or template.status == "DELETED":
        raise unknown_object(untrusted_id)
    _account(template.waba_id)
    return template


def _checked_override(untrusted: object) -> str:
    """Return the address for messages that a business asks for, after the handshake; none: as the app says."""
    told = untrusted if isinstance(untrusted, dict) else {}
    url = str(told.get("override_callback_uri") or "")
    if len(url) > 200:
        raise GraphError(100, "override_callback_uri has at most 200 characters")
    if url and not shake_hands(url, str(told.get("verify_token", "")), engine().world.next()):
        raise GraphError(2200, "Callback verification failed")
    return url
