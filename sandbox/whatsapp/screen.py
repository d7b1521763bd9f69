"""The phone in the browser: every customer's chats, in our own design, with and without JavaScript.

A GET changes nothing; that a message was read is told by a POST, of the page's script once a person can see it or of a
button. Files stay in memory, whether they come as a bare body or in a form (`app.InMemoryRequest`).
"""

import re
from datetime import timedelta
from urllib.parse import unquote

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.whatsapp import bubbles
from sandbox.whatsapp.business import Number
from sandbox.whatsapp.customers import MEDIA_LIMIT
from sandbox.whatsapp.entities import Fate, Phone
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.plumbing import engine
from sandbox.whatsapp.problems import GraphError

screen = Blueprint("screen", __name__, template_folder="templates", static_folder="static", static_url_path="/static")

TEXT_LIMIT = 1000
STEPS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "3d": timedelta(days=3), "7d": timedelta(days=7)}
_PICTURES = {"image/jpeg", "image/png", "image/webp"}


@screen.before_request
def _same_origin_only() -> None:
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        abort(403)


@screen.get("/")
def phones() -> ResponseReturnValue:
    """List every chat."""
    return render_template("phones.html", time=bubbles.time_told(), **bubbles.listing())


@screen.get("/phones.json")
def phones_news() -> ResponseReturnValue:
    """Return the list again when something changed since `revision`."""
    if request.args.get("revision", -1, int) == engine().world.revision:
        return "", 204
    return jsonify(revision=engine().world.revision, html=render_template("_phones.html", **bubbles.listing()))


@screen.get("/phones/<wa_id>")
def chat(wa_id: str) -> ResponseReturnValue:
    """Show the chat on one phone; any way of writing its number leads there."""
    if wa_id not in engine().world.phones:
        return redirect(_address(_known(wa_id)))
    return render_template("chat.html", text_limit=TEXT_LIMIT, **_whole(wa_id))


@screen.get("/phones/<wa_id>/tools")
def tools(wa_id: str) -> ResponseReturnValue:
    """Show what a person may turn for this phone, as a page of its own for small screens."""
    return render_template("tools.html", **_whole(wa_id))


@screen.get("/phones/<wa_id>/news.json")
def chat_news(wa_id: str) -> ResponseReturnValue:
    """Return the bubbles again when something changed since `revision`."""
    if request.args.get("revision", -1, int) == engine().world.revision:
        return "", 204
    told = _whole(wa_id)
    html = render_template("_bubbles.html", **told)
    heard, rows = render_template("_heard.html", **told), render_template("_phones.html", **told)
    return jsonify(revision=told["revision"], html=html, list=rows, heard=heard, note=told["note"])


@screen.post("/phones/<wa_id>/read")
def read(wa_id: str) -> ResponseReturnValue:
    """The customer has the chat before their eyes."""
    phone = _known(wa_id)
    engine().statuses.read(engine().world.chat(phone.wa_id, _number(phone).id))
    return _back(phone)


@screen.post("/phones/<wa_id>/messages")
def write(wa_id: str) -> ResponseReturnValue:
    """The customer writes."""
    phone, text = _known(wa_id), request.form.get("text", "").strip()
    if text:
        engine().customers.says(phone.wa_id, _number(phone), text[:TEXT_LIMIT])
    return _back(phone)


@screen.post("/phones/<wa_id>/replies")
def tap(wa_id: str) -> ResponseReturnValue:
    """The customer taps a quick reply."""
    phone, wamid = _known(wa_id), request.form.get("wamid", "")
    message, index = engine().world.messages.get(wamid), request.form.get("index", -1, int)
    if message is None or message.wa_id != phone.wa_id or not 0 <= index < len(message.buttons):
        abort(404)
    if "payload" not in message.buttons[index]:
        abort(404)
    engine().customers.taps(wamid, index)
    return _back(phone)


@screen.post("/phones/<wa_id>/files")
def send_file(wa_id: str) -> ResponseReturnValue:
    """The customer sends files: bytes as the body with type and name in headers, or a form without script."""
    phone = _known(wa_id)
    if request.mimetype == "multipart/form-data":
        files = [(one.mimetype, one.filename or "", one.stream.read()) for one in request.files.getlist("file")]
    else:
        data = request.stream.read(MEDIA_LIMIT + 1)
        files = [(request.mimetype, unquote(request.headers.get("X-File-Name", "")), data)]
    for mime, _, data in files:
        if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", mime):
            abort(415)
        if not 0 < len(data) <= MEDIA_LIMIT:
            abort(413)
    for mime, name, data in files:
        safe = re.sub(r"[^\w .()-]", "_", name)[:120]
        engine().customers.sends(phone.wa_id, _number(phone), mime=mime, data=data, file_name=safe)
    return _back(phone)


@screen.post("/phones/<wa_id>/fate")
def change_fate(wa_id: str) -> ResponseReturnValue:
    """The phone is switched off or on, loses WhatsApp, blocks the business ..."""
    phone, kind = _known(wa_id), request.form.get("fate", "")
    if kind not in bubbles.FATES:
        abort(400)
    engine().statuses.set_fate(phone, Fate(kind=kind))
    return _back(phone)


@screen.post("/phones/<wa_id>/clock")
def travel(wa_id: str) -> ResponseReturnValue:
    """Move the simulator's clock forward; what is due by then happens before the answer."""
    phone = _known(wa_id)
    if (step := STEPS.get(request.form.get("step", ""))) is None:
        abort(400)
    engine().clock.advance(step)
    engine().timeline.settle()
    engine().changed()
    return _back(phone)


@screen.get("/phones/<wa_id>/files/<media_id>")
def show_file(wa_id: str, media_id: str) -> ResponseReturnValue:
    """Show the customer their own picture while it is in memory."""
    media = engine().world.media.get(media_id)
    mine = any(message.media_id == media_id for message in engine().world.chat(wa_id))
    if media is None or not mine or media.mime not in _PICTURES:
        abort(404)
    return media.data, {"Content-Type": media.mime}


def _whole(untrusted_wa_id: str) -> dict[str, object]:
    """Return all that the page of a chat shows. Aborts with 404."""
    phone = _known(untrusted_wa_id)
    number = _number(phone)
    shown = bubbles.listing(phone.wa_id, number.id) | bubbles.chat(phone, number)
    return shown | {"heard": bubbles.heard(), "time": bubbles.time_told(), "fates": bubbles.FATES}


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


def _number(phone: Phone) -> Number:
    """Return the business number that the address names, else the one of the latest message. Aborts with 404."""
    if "number" in request.args:
        return engine().businesses.find_number(request.args["number"]) or abort(404)
    latest = [engine().businesses.find_number(one.number_id) for one in engine().world.chat(phone.wa_id)]
    known = [number for number in latest if number is not None]
    return known[-1] if known else engine().businesses.numbers[0]


def _address(phone: Phone) -> str:
    return url_for("screen.chat", wa_id=phone.wa_id, number=request.args.get("number"))


def _back(phone: Phone) -> ResponseReturnValue:
    """Answer a form of a browser without script with the chat, anybody else with nothing."""
    form = request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}
    if not form or request.headers.get("X-Requested-By") == "script":
        return "", 204
    return redirect(_address(phone) + "#escribir", 303)
