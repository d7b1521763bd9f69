"""Webhook documents written by hand from the platform's documentation, old and current form, with non-ASCII text."""

import json
from typing import Any

WABA, PHONE_ID, ANA, ANA_USER = "102290129340398", "106540352242922", "5215512345678", "MX.13491208655302741918"
METADATA = {"display_phone_number": "525550001234", "phone_number_id": PHONE_ID}
CONTACT = {"profile": {"name": "Ana Muñoz"}, "wa_id": ANA, "user_id": ANA_USER}
OLD_CONTACT = {"profile": {"name": "Ana Muñoz"}, "wa_id": ANA}


def a_delivery(*changes: dict[str, Any], waba: str = WABA, time: int = 1_793_000_000) -> bytes:
    """One entry with these changes, as the bytes that travel."""
    return raw({"object": "whatsapp_business_account", "entry": [{"id": waba, "time": time, "changes": list(changes)}]})


def raw(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=True).encode()


def a_change(field: str = "messages", **value: Any) -> dict[str, Any]:
    frame = {"messaging_product": "whatsapp", "metadata": METADATA} if field == "messages" else {}
    return {"field": field, "value": frame | value}


def a_status(wamid: str = "wamid.A", status: str = "delivered", **more: Any) -> dict[str, Any]:
    return {
        "id": wamid,
        "status": status,
        "timestamp": "1793000001",
        "recipient_id": ANA,
        "recipient_user_id": ANA_USER,
        "biz_opaque_callback_data": "attempt-1",
        "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
        **more,
    }


def a_message(wamid: str = "wamid.B", **more: Any) -> dict[str, Any]:
    return {
        "from": ANA,
        "from_user_id": ANA_USER,
        "id": wamid,
        "timestamp": "1793000002",
        "type": "text",
        "text": {"body": "Mañana la envío"},
    } | more


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}
