"""The Graph endpoints: what a business calls. Any version prefix; errors in the Graph envelope; faults on order."""

import secrets
import threading
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from sandbox.whatsapp.engine import Engine
from sandbox.whatsapp.problems import GraphError, unknown_object
from sandbox.whatsapp.world import Template

graph = Blueprint("graph", __name__, url_prefix="/v<float:version>")

BAD_GATEWAY = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Sorry</h1></body></html>"


def engine() -> Engine:
    """Return the simulator of this application."""
    found: Engine = current_app.extensions["simulator"]
    return found


@graph.url_value_preprocessor
def _drop_version(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values is not None:
        values.pop("version", None)


@graph.before_request
def _meet_faults() -> ResponseReturnValue | None:
    leaf = request.path.rsplit("/", 1)[-1]
    target = {"messages": "messages", "message_templates": "templates"}.get(leaf, "media")
    fault = engine().faults.strike(target)
    match fault.preset if fault else "":
        case "":
            return None
        case "drop":
            g.drop = True  # accepted, but the answer never gets out
            return None
        case "hang":
            threading.Event().wait(fault.seconds if fault else 0)
            g.drop = True
            return Response(status=503)
        case "bad_gateway":
            return Response(BAD_GATEWAY, status=502, mimetype="text/html")
    raise fault.error() if fault else RuntimeError


@graph.before_request
def _authorise() -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    tokens = engine().settings.tokens
    if scheme.lower() != "bearer" or not token:
        raise GraphError(190, "An access token is required to request this resource.", status=401)
    if tokens and token not in tokens:
        raise GraphError(190, "Invalid OAuth access token.", status=401)


@graph.after_request
def _cut(response: Response) -> Response:
    if g.get("drop") and (connection := request.environ.get("werkzeug.socket")) is not None:
        connection.shutdown(2)
    return response


@graph.errorhandler(GraphError)
def _refuse(error: GraphError) -> ResponseReturnValue:
    deterministic = engine().settings.deterministic_ids
    trace = "A" + ("0" * 22 if deterministic else secrets.token_urlsafe(16))
    return jsonify(error.body(trace)), error.status, error.headers


@graph.post("/<owner>/messages")
def messages(owner: str) -> ResponseReturnValue:
    """Send a message, or mark a customer's message as read."""
    _same(owner, engine().settings.phone_number_id)
    body = _body()
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, "The parameter messaging_product is required.")
    if body.get("status") == "read":
        engine().customers.was_read(str(body.get("message_id", "")))
        return {"success": True}
    return engine().sending.send(body)


@graph.post("/<owner>/message_templates")
def create_template(owner: str) -> ResponseReturnValue:
    """Submit a template for review."""
    _same(owner, engine().settings.waba_id)
    template = engine().reviews.register(_body())
    return {"id": template.id, "status": template.status, "category": template.category}


@graph.get("/<owner>/message_templates")
def list_templates(owner: str) -> ResponseReturnValue:
    """List templates, page by page; `paging.next` is missing on the last page."""
    _same(owner, engine().settings.waba_id)
    wanted = {name: request.args.get(name, "") for name in ("name", "status", "language")}
    rows = [_shown(t) for t in engine().world.templates.values() if t.status != "DELETED"]
    rows = [r for r in rows if all(not v or str(r[k]).lower() == v.lower() for k, v in wanted.items())]
    limit = min(max(request.args.get("limit", 25, int), 1), 1000)
    start = max(request.args.get("after", 0, int), 0)
    page, rest = rows[start : start + limit], rows[start + limit :]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if rest:
        paging["next"] = f"{request.base_url}?after={start + len(page)}"
    return {"data": page, "paging": paging} if page else {"data": []}


@graph.delete("/<owner>/message_templates")
def delete_template(owner: str) -> ResponseReturnValue:
    """Delete one template by `hsm_id` and `name`; the name alone deletes every language."""
    _same(owner, engine().settings.waba_id)
    name, template_id = request.args.get("name", ""), request.args.get("hsm_id", "")
    found = [t for t in engine().world.templates.values() if t.name == name and template_id in {"", t.id}]
    if not name or not found:
        raise unknown_object(template_id or name)
    for template in found:
        engine().reviews.moderate(template, "DELETED")
    return {"success": True}


@graph.route("/<owner>/subscribed_apps", methods=["GET", "POST", "DELETE"])
def subscribed_apps(owner: str) -> ResponseReturnValue:
    """Subscribe the app to the account's webhooks, or end that."""
    _same(owner, engine().settings.waba_id)
    world = engine().world
    if request.method == "GET":
        app = {"whatsapp_business_api_data": {"id": "1", "name": "simulated app"}}
        return {"data": [app] if world.subscribed else []}
    world.subscribed = request.method == "POST"
    return {"success": True}


@graph.get("/<object_id>")
def read_object(object_id: str) -> ResponseReturnValue:
    """Read a phone number, a template or the place of a file."""
    settings, world = engine().settings, engine().world
    if object_id == settings.phone_number_id:
        return {
            "id": object_id,
            "display_phone_number": settings.display_phone_number,
            "verified_name": settings.company,
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
            "platform_type": "CLOUD_API",
            "throughput": {"level": "STANDARD"},
        }
    if template := world.templates.get(object_id):
        return _shown(template)
    if media := world.media.get(object_id):
        media.reads += 1
        world.media_reads += 1
        return {
            "messaging_product": "whatsapp",
            "id": media.id,
            "mime_type": media.mime,
            "sha256": media.sha256,
            "file_size": len(media.data),
            "url": request.url_root + f"v1.0/{media.id}/bytes",
        }
    raise unknown_object(object_id)


@graph.get("/<media_id>/bytes")
def read_media(media_id: str) -> ResponseReturnValue:
    """Return a file that a customer sent. The product never asks; the count in `/sim/state` proves it."""
    media = engine().world.media.get(media_id)
    if media is None:
        raise unknown_object(media_id)
    engine().world.media_reads += 1
    return Response(media.data, mimetype=media.mime)


@graph.post("/<object_id>")
def edit_template(object_id: str) -> ResponseReturnValue:
    """Replace the components of a template, which sends it back to review."""
    template = engine().world.templates.get(object_id)
    if template is None:
        raise unknown_object(object_id)
    engine().reviews.edit(template, _body())
    return {"success": True}


@graph.delete("/<object_id>")
def delete_media(object_id: str) -> ResponseReturnValue:
    """Forget a file."""
    with engine().world.lock:
        if engine().world.media.pop(object_id, None) is None:
            raise unknown_object(object_id)
        engine().changed()
    return {"success": True}


@graph.route("/<path:rest>", methods=["GET", "POST", "DELETE"])
def anything_else(rest: str) -> ResponseReturnValue:
    """Answer every other address as the Graph API does."""
    raise unknown_object(rest)


@graph.errorhandler(HTTPException)
def _http_problem(error: HTTPException) -> ResponseReturnValue:
    return _refuse(GraphError(100, error.name, status=error.code or 400))


def _same(untrusted_id: str, known: str) -> None:
    if untrusted_id != known:
        raise unknown_object(untrusted_id)


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise GraphError(100, "The request body must be a JSON object.")
    return body


def _shown(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "parameter_format": template.payload.get("parameter_format", "POSITIONAL"),
        "components": template.payload.get("components", []),
        "rejected_reason": template.reason,
    }
