"""The phone in the browser: a list of customers' phones and the chat on each, in our own design.

A GET changes nothing; that a message was read is told by a POST of the page's script, once a person can see it. Files
travel as a bare request body, never as a form, since a form parser would write them to disk.
"""

import re
from datetime import datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.whatsapp.customers import MEDIA_LIMIT
from sandbox.whatsapp.deliveries import Delivery
from sandbox.whatsapp.entities import Message, Phone
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.plumbing import engine
from sandbox.whatsapp.problems import TITLES, GraphError

screen = Blueprint("screen", __name__, template_folder="templates", static_folder="static", static_url_path="/static")

TEXT_LIMIT = 1000
HEARD_LIMIT = 14
"""Deliveries that the side panel shows."""
_KINDS = {"image": "Foto", "video": "Video", "audio": "Audio", "document": "Archivo"}
_NEWS = {
    "status:sent": "Mensaje enviado",
    "status:delivered": "Mensaje entregado",
    "status:read": "Mensaje leído",
    "status:failed": "Mensaje no entregado",
    "message:text": "El cliente escribió",
    "message:image": "El cliente mandó una foto",
    "message:document": "El cliente mandó un archivo",
    "message_template_status_update": "Plantilla revisada",
}
_MARKS = {"sent": "Enviado", "delivered": "Entregado", "read": "Leído", "failed": "No entregado"}


@screen.before_request
def _same_origin_only() -> None:
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        abort(403)


@screen.get("/")
def phones() -> ResponseReturnValue:
    """List every phone that has a chat."""
    return render_template("phones.html", **_listing())


@screen.get("/phones.json")
def phones_news() -> ResponseReturnValue:
    """Return the list again when something changed since `revision`."""
    if request.args.get("revision", -1, int) == engine().world.revision:
        return "", 204
    return jsonify(revision=engine().world.revision, html=render_template("_phones.html", **_listing()))


@screen.get("/phones/<wa_id>")
def chat(wa_id: str) -> ResponseReturnValue:
    """Show the chat on one phone; any way of writing its number leads there."""
    if wa_id not in engine().world.phones:
        return redirect(url_for(".chat", wa_id=_known(wa_id).wa_id))
    return render_template("chat.html", **(_listing(wa_id) | _chat(wa_id)), heard=_heard())


@screen.get("/phones/<wa_id>/news.json")
def chat_news(wa_id: str) -> ResponseReturnValue:
    """Return the bubbles again when something changed since `revision`."""
    if request.args.get("revision", -1, int) == engine().world.revision:
        return "", 204
    html = render_template("_bubbles.html", **_chat(_known(wa_id).wa_id))
    heard = render_template("_heard.html", heard=_heard())
    rows = render_template("_phones.html", **_listing(wa_id))
    return jsonify(revision=engine().world.revision, html=html, list=rows, heard=heard)


@screen.post("/phones/<wa_id>/read")
def read(wa_id: str) -> ResponseReturnValue:
    """The customer has the chat before their eyes."""
    engine().statuses.read(engine().world.chat(_known(wa_id).wa_id))
    return "", 204


@screen.post("/phones/<wa_id>/messages")
def write(wa_id: str) -> ResponseReturnValue:
    """The customer writes."""
    phone, text = _known(wa_id), request.form.get("text", "").strip()
    if text:
        engine().customers.says(phone.wa_id, engine().businesses.numbers[0], text[:TEXT_LIMIT])
    return redirect(url_for(".chat", wa_id=phone.wa_id) + "#escribir", 303)


@screen.post("/phones/<wa_id>/files")
def send_file(wa_id: str) -> ResponseReturnValue:
    """The customer sends a file: its bytes are the body, its type and name are headers."""
    phone, mime = _known(wa_id), request.mimetype
    if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", mime):
        abort(415)
    data = request.stream.read(MEDIA_LIMIT + 1)
    if not 0 < len(data) <= MEDIA_LIMIT:
        abort(413)
    name = re.sub(r"[^\w .()-]", "_", unquote(request.headers.get("X-File-Name", "")))[:120]
    engine().customers.sends(phone.wa_id, engine().businesses.numbers[0], mime=mime, data=data, file_name=name)
    return "", 204


@screen.get("/phones/<wa_id>/files/<media_id>")
def show_file(wa_id: str, media_id: str) -> ResponseReturnValue:
    """Show the customer their own picture while it is in memory."""
    media = engine().world.media.get(media_id)
    mine = any(message.media_id == media_id for message in engine().world.chat(wa_id))
    if media is None or not mine or media.mime not in {"image/jpeg", "image/png", "image/webp"}:
        abort(404)
    return media.data, {"Content-Type": media.mime}


def _known(untrusted_number: str) -> Phone:
    world, settings = engine().world, engine().settings
    try:
        digits = untrusted_number if untrusted_number.startswith("+") else "+" + untrusted_number
        wa_id = wa_id_of(digits, country_code=settings.country_code, rewrite=settings.rewrite_numbers)
    except GraphError:
        abort(404)
    if wa_id not in world.phones:
        abort(404)
    return world.phones[wa_id]


def _listing(open_chat: str = "") -> dict[str, object]:
    world = engine().world
    with world.lock:
        rows = []
        for phone in world.phones.values():
            shown = [_bubble(message) for message in world.chat(phone.wa_id) if message.arrived]
            unread = sum(1 for one in shown if one["ours"] and one["status"] == "delivered")
            last = shown[-1] if shown else None
            rows.append({"wa_id": phone.wa_id, "title": _title(phone), "last": last, "unread": unread})
        rows.sort(key=lambda row: str(row["last"]["iso"]) if row["last"] else "", reverse=True)  # type: ignore[index]
        return {"rows": rows, "revision": world.revision, "company": engine().settings.company, "open_chat": open_chat}


def _chat(wa_id: str) -> dict[str, object]:
    world = engine().world
    with world.lock:
        messages = [m for m in world.chat(wa_id) if m.arrived or not m.from_business or m.error]
        return {
            "phone": world.phones[wa_id],
            "title": _title(world.phones[wa_id]),
            "bubbles": [_bubble(message) for message in messages],
            "revision": world.revision,
            "company": engine().settings.company,
            "open_chat": wa_id,
            "text_limit": TEXT_LIMIT,
        }


def _bubble(message: Message) -> dict[str, object]:
    at = datetime.fromisoformat(message.at).astimezone(ZoneInfo(engine().settings.time_zone))
    media = engine().world.media.get(message.media_id)
    return {
        "id": re.sub(r"[^A-Za-z0-9]", "", message.wamid),
        "ours": message.from_business,
        "message": message,
        "text": message.text or _KINDS.get(message.kind, ""),
        "kind": _KINDS.get(message.kind, ""),
        "picture": media is not None and message.kind == "image",
        "gone": bool(message.media_id) and media is None,
        "clock": at.strftime("%H:%M"),
        "day": at.strftime("%d/%m/%Y"),
        "iso": message.at,
        "status": message.status,
        "mark": _MARKS.get(message.status, "Aceptado"),
        "problem": f"{message.error} {TITLES.get(message.error, '')}".strip() if message.error else "",
    }


def _heard() -> list[dict[str, str]]:
    """What the portal was told lately, newest first, and how it answered."""
    zone = ZoneInfo(engine().settings.time_zone)
    with engine().world.lock:
        latest = engine().deliveries.log[: -HEARD_LIMIT - 1 : -1]
        return [
            {
                "what": " + ".join(_NEWS.get(kind, kind) for kind in delivery.summary[:3]),
                "clock": datetime.fromisoformat(delivery.at).astimezone(zone).strftime("%H:%M:%S"),
                "state": "taken" if delivery.state == "taken" else "late" if delivery.tries else "new",
                "answer": _answer(delivery),
            }
            for delivery in latest
        ]


def _answer(delivery: Delivery) -> str:
    if delivery.state == "taken":
        return "recibido"
    if not delivery.tries:
        return "en camino"
    last = delivery.tries[-1]["status"]
    return f"respondió {last}, se repetirá" if last else "sin respuesta, se repetirá"


def _title(phone: Phone) -> str:
    return phone.name or "+" + phone.wa_id
