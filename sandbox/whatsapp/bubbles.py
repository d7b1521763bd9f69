"""What the phone screen shows: chats, bubbles, the simulated time and what the business's portal was told."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.whatsapp.business import Number
from sandbox.whatsapp.deliveries import Delivery
from sandbox.whatsapp.entities import Message, Phone
from sandbox.whatsapp.plumbing import engine
from sandbox.whatsapp.problems import TITLES

HEARD_LIMIT = 14
"""Deliveries that the side panel shows."""
KINDS = {
    "image": "Foto",
    "video": "Video",
    "audio": "Audio",
    "document": "Archivo",
    "location": "Ubicación",
    "contacts": "Contacto",
    "sticker": "Sticker",
    "reaction": "Reacción",
    "unsupported": "Mensaje que no se pudo enviar",
}
FATES = {
    "deliver": "Encendido: recibe todo",
    "offline": "Apagado: recibe al encenderse",
    "blocked": "Bloqueó a la empresa",
    "no_whatsapp": "Sin WhatsApp",
    "username_only": "Con nombre de usuario: la empresa no ve su número",
}
NOTES = {
    "offline": "Este teléfono está apagado. Los mensajes llegarán cuando lo enciendas.",
    "silent": "A este teléfono no le llega nada, y nadie lo dice.",
    "blocked": "Esta persona bloqueó a la empresa: no le llega nada.",
    "no_whatsapp": "Este número no tiene WhatsApp: los mensajes fallan.",
    "fail": "Los mensajes a este teléfono fallan.",
    "username_only": "La empresa conoce a esta persona por su nombre de usuario, sin número.",
}
_NEWS = {
    "status:sent": "Mensaje enviado",
    "status:delivered": "Mensaje entregado",
    "status:read": "Mensaje leído",
    "status:failed": "Mensaje no entregado",
    "message:text": "El cliente escribió",
    "message:image": "El cliente mandó una foto",
    "message:document": "El cliente mandó un archivo",
    "message:button": "El cliente tocó un botón",
    "message:interactive": "El cliente tocó un botón",
    "message_template_status_update": "Plantilla revisada",
    "message_template_quality_update": "Calidad de una plantilla",
    "template_category_update": "Categoría de una plantilla",
    "account_update": "Cambio en la cuenta",
    "phone_number_quality_update": "Cambio en el número",
}
_MARKS = {"sent": "Enviado", "delivered": "Entregado", "read": "Leído", "failed": "No entregado"}


def listing(open_phone: str = "", open_number: str = "") -> dict[str, object]:
    """Return every chat, the one with the latest message first; a phone without a chat has one with nobody yet."""
    world = engine().world
    with world.lock:
        rows = []
        for phone in world.phones.values():
            numbers = [one for one in engine().businesses.numbers if world.chat(phone.wa_id, one.id)]
            rows += [_row(phone, number) for number in numbers or engine().businesses.numbers[:1]]
        rows.sort(key=lambda row: str(row["at"]), reverse=True)
        return {
            "rows": rows,
            "revision": world.revision,
            "several": len(engine().businesses.numbers) > 1,
            "open_chat": (open_phone, open_number),
            "companies": " y ".join(account.name for account in engine().businesses.accounts.values()),
        }


def _row(phone: Phone, number: Number) -> dict[str, object]:
    shown = [bubble(one) for one in engine().world.chat(phone.wa_id, number.id) if one.arrived]
    last = shown[-1] if shown else None
    return {
        "wa_id": phone.wa_id,
        "number": number,
        "title": title(phone),
        "last": last,
        "at": last["iso"] if last else "",
        "unread": sum(1 for one in shown if one["ours"] and one["status"] == "delivered"),
    }


def chat(phone: Phone, number: Number) -> dict[str, object]:
    """Return the chat of one phone with one business number: what arrived, what the customer wrote, what failed."""
    world = engine().world
    with world.lock:
        messages = [m for m in world.chat(phone.wa_id, number.id) if m.arrived or not m.from_business or m.error]
        return {
            "phone": phone,
            "number": number,
            "title": title(phone),
            "note": NOTES.get(phone.fate.kind, ""),
            "bubbles": [bubble(message) for message in messages],
            "revision": world.revision,
        }


def bubble(message: Message) -> dict[str, object]:
    """Return one message as the screen shows it."""
    at = _local(message.at)
    media, quoted = engine().world.media.get(message.media_id), engine().world.messages.get(message.reply_to)
    return {
        "id": re.sub(r"[^A-Za-z0-9]", "", message.wamid),
        "ours": message.from_business,
        "message": message,
        "text": message.text or KINDS.get(message.kind, ""),
        "quoted": (quoted.text or KINDS.get(quoted.kind, ""))[:120] if quoted else "",
        "kind": KINDS.get(message.kind, ""),
        "picture": media is not None and message.kind == "image",
        "gone": bool(message.media_id) and media is None,
        "clock": at.strftime("%H:%M"),
        "day": at.strftime("%d/%m/%Y"),
        "iso": message.at,
        "status": message.status,
        "mark": _MARKS.get(message.status, "Aceptado"),
        "problem": f"{message.error} {TITLES.get(message.error, '')}".strip() if message.error else "",
    }


def time_told() -> dict[str, str]:
    """Return the simulated time, and how far it is ahead of the machine's."""
    now = _local(engine().clock.now().isoformat())
    return {"clock": now.strftime("%d/%m/%Y %H:%M"), "iso": now.isoformat(), "ahead": _span(engine().clock.ahead)}


def _span(ahead: timedelta) -> str:
    days, minutes = ahead.days, ahead.seconds // 60
    if ahead < timedelta(minutes=1):
        return ""
    parts = [f"{days} d" if days else "", f"{minutes // 60} h" if minutes >= 60 else ""]
    return " ".join(part for part in parts if part) or f"{minutes} min"


def heard() -> list[dict[str, str]]:
    """Return what the portal was told lately, newest first, and how it answered."""
    with engine().world.lock:
        latest = engine().deliveries.log[: -HEARD_LIMIT - 1 : -1]
        return [
            {
                "what": " + ".join(_NEWS.get(kind, kind) for kind in delivery.summary[:3]),
                "clock": _local(delivery.at).strftime("%H:%M:%S"),
                "state": "taken" if delivery.state == "taken" else "late" if delivery.tries else "new",
                "answer": _answer(delivery),
            }
            for delivery in latest
        ]


def _answer(delivery: Delivery) -> str:
    if delivery.state in {"taken", "dropped"}:
        return "recibido" if delivery.state == "taken" else "perdido en el camino"
    if not delivery.tries:
        return "en camino"
    last = delivery.tries[-1]["status"]
    return f"respondió {last}, se repetirá" if last else "sin respuesta, se repetirá"


def title(phone: Phone) -> str:
    """Return what the list calls a phone."""
    return phone.name or "+" + phone.wa_id


def _local(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(ZoneInfo(engine().settings.time_zone))
