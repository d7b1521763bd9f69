"""What both flavours of the API share: faults before anything else, errors in the envelope, bodies that are objects."""

import threading
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from sandbox.whatsapp.engine import Engine
from sandbox.whatsapp.faults import Call
from sandbox.whatsapp.problems import GraphError

BAD_GATEWAY = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Sorry</h1></body></html>"


def engine() -> Engine:
    """Return the simulator of this application."""
    found: Engine = current_app.extensions["simulator"]
    return found


def plumb(blueprint: Blueprint) -> None:
    """Give an API blueprint its faults and its errors. Call it first: faults come before authorisation."""
    blueprint.before_request(_meet_faults)
    blueprint.after_request(_cut)
    blueprint.errorhandler(GraphError)(_refuse)
    blueprint.errorhandler(HTTPException)(_refuse_http)


def body() -> dict[str, Any]:
    """Return the JSON object of the request. Raises GraphError 100."""
    told = request.get_json(silent=True)
    if not isinstance(told, dict):
        raise GraphError(100, "The request body must be a JSON object.")
    return told


def fields(shown: dict[str, Any], *, default: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields that `?fields=` asks for, the id always; without it `default`, or everything."""
    wanted = [name for name in request.args.get("fields", ",".join(default)).split(",") if name]
    return {name: value for name, value in shown.items() if name == "id" or name in wanted} if wanted else shown


def _call() -> Call:
    parts = request.path.strip("/").split("/")
    told = request.get_json(silent=True)
    told = told if isinstance(told, dict) else {}
    template = told.get("template")
    if parts[-1] == "messages":
        return Call(
            target="messages",
            number=parts[-2] if len(parts) > 1 else "",
            to=str(told.get("to") or told.get("recipient") or ""),
            template=str(template.get("name", "")) if isinstance(template, dict) else "",
        )
    about_templates = "message_templates" in parts or "templates" in parts or parts[-1] in engine().world.templates
    return Call(target="templates" if about_templates else "media")


def _meet_faults() -> ResponseReturnValue | None:
    fault = engine().faults.strike(_call())
    match fault.preset if fault else "":
        case "":
            return None
        case "drop":
            g.drop = True  # accepted, but the answer never gets out
            return None
        case "late":
            g.late = fault.seconds if fault else 0
            return None
        case "hang":
            threading.Event().wait(fault.seconds if fault else 0)
            g.drop = True
            return Response(status=503)
        case "bad_gateway":
            return Response(BAD_GATEWAY, status=502, mimetype="text/html")
    raise fault.error() if fault else RuntimeError


def _cut(response: Response) -> Response:
    if g.get("late"):
        threading.Event().wait(g.late)
    if g.get("drop") and (connection := request.environ.get("werkzeug.socket")) is not None:
        connection.shutdown(2)
    return response


def _refuse(error: GraphError) -> ResponseReturnValue:
    trace = f"A{engine().world.next():022d}"
    return jsonify(error.body(trace)), error.status, error.headers


def _refuse_http(error: HTTPException) -> ResponseReturnValue:
    return _refuse(GraphError(100, error.name, status=error.code or 400))
