"""Walks a webhook document of untrusted shape: entry x change x messages, statuses, errors and account updates.

Of a chat message only what identifies and classifies it is kept: its text, caption, file name and media address stay
behind, since they may hold anything about a person.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notifications.whatsapp.errors import ApiError
from notifications.whatsapp.events import EventKind, WebhookEvent
from notifications.whatsapp.shapes import items, moment, scalars, text, texts
from notifications.whatsapp.words import asks_to_start, asks_to_stop

ID_LIMIT = 200
"""Characters of a message id; a longer one is not one, and its update is told apart by its hash."""
MEDIA_TYPES = ("image", "document", "video", "audio", "sticker", "voice")
TEMPLATE_FIELDS = frozenset(
    {"message_template_status_update", "message_template_quality_update", "template_category_update"}
)
ACCOUNT_FIELDS = frozenset(
    {
        "account_update",
        "account_alerts",
        "account_review_update",
        "business_capability_update",
        "phone_number_quality_update",
        "phone_number_name_update",
        "security",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in the delivery an update stands."""

    waba_id: str
    time: object
    field: str
    phone_number_id: str = ""
    contacts: tuple[Mapping[str, Any], ...] = ()

    def hashed(self, untrusted_item: object) -> str:
        """Return the key of an update without an id of its own: the hash of account, time and content."""
        content = json.dumps([self.waba_id, self.time, self.field, untrusted_item], sort_keys=True)
        return "h:" + hashlib.sha256(content.encode()).hexdigest()

    def other(self, untrusted_item: object) -> WebhookEvent:
        """Return the event that says only: something came, in this field."""
        return WebhookEvent(
            kind=EventKind.OTHER,
            key=self.hashed(untrusted_item),
            waba_id=self.waba_id,
            phone_number_id=self.phone_number_id,
            at=moment(self.time),
            fields={"field": self.field},
        )


def updates_of(untrusted_document: Mapping[str, Any]) -> Iterator[WebhookEvent]:
    """Yield one event for every update of a decoded delivery, in order, whatever its shape."""
    for entry in items(untrusted_document.get("entry")):
        known = entry if isinstance(entry, dict) else {}
        place = _Place(waba_id=text(known.get("id"), 64), time=known.get("time"), field="")
        changes = items(known.get("changes"))
        if not changes:
            yield place.other(entry)
        for change in changes:
            yield from _change(place, change)


def _change(entry: _Place, untrusted: object) -> Iterator[WebhookEvent]:
    change = untrusted if isinstance(untrusted, dict) else {}
    value = change.get("value")
    place = _Place(waba_id=entry.waba_id, time=entry.time, field=text(change.get("field"), 64))
    if not isinstance(value, dict):
        yield place.other(untrusted)
    elif place.field in TEMPLATE_FIELDS:
        yield _template(place, value)
    elif place.field == "user_preferences":
        yield from _preferences(place, value)
    elif place.field in ACCOUNT_FIELDS:
        yield _account(place, value)
    elif place.field == "messages":
        yield from _messages(place, value, untrusted)
    else:
        yield place.other(untrusted)


def _messages(outer: _Place, value: Mapping[str, Any], untrusted_change: object) -> Iterator[WebhookEvent]:
    metadata = value.get("metadata")
    place = _Place(
        waba_id=outer.waba_id,
        time=outer.time,
        field=outer.field,
        phone_number_id=text(metadata.get("phone_number_id"), 64) if isinstance(metadata, dict) else "",
        contacts=tuple(contact for contact in items(value.get("contacts")) if isinstance(contact, dict)),
    )
    readers = (("messages", _message), ("statuses", _status), ("errors", _error))
    found = False
    for name, reader in readers:
        for item in items(value.get(name)):
            found = True
            yield reader(place, item) if isinstance(item, dict) else place.other(item)
    if not found:
        yield place.other(untrusted_change)


def _message(place: _Place, item: Mapping[str, Any]) -> WebhookEvent:
    phone, bsuid = text(item.get("from"), 32), text(item.get("from_user_id"), 140)
    contact = _contact(place, phone, bsuid)
    wamid = text(item.get("id"), ID_LIMIT + 1)
    fields = _message_fields(item) | texts(contact, identity_hash="identity_key_hash")
    return WebhookEvent(
        kind=EventKind.MESSAGE,
        key=_key("m:", wamid if len(wamid) <= ID_LIMIT else "") or place.hashed(item),
        waba_id=place.waba_id,
        phone_number_id=place.phone_number_id,
        wamid=wamid[:ID_LIMIT],
        at=moment(item.get("timestamp")),
        phone=phone or text(contact.get("wa_id"), 32),
        bsuid=bsuid or text(contact.get("user_id"), 140),
        errors=_errors(item),
        fields=fields,
    )


def _message_fields(item: Mapping[str, Any]) -> dict[str, str]:
    kind = text(item.get("type"), 32)
    fields = {"type": kind} | texts(item.get("context"), reply_to="id")
    for name in MEDIA_TYPES:
        if isinstance(item.get(name), dict):
            fields |= texts(item[name], media_id="id", mime="mime_type", sha256="sha256", size="file_size")
    button, interactive, system = item.get("button"), item.get("interactive"), item.get("system")
    fields |= texts(button, payload="payload")
    for reply in ("button_reply", "list_reply"):
        fields |= texts(interactive.get(reply) if isinstance(interactive, dict) else None, payload="id")
    fields |= texts(system, system="type")
    for new in ("new_wa_id", "wa_id", "user_id"):
        fields |= texts(system, changed_to=new) if "changed_to" not in fields else {}
    words = [node.get(key) for node, key in ((item.get("text"), "body"), (button, "text")) if isinstance(node, dict)]
    said = [each for each in (*words, fields.get("payload")) if isinstance(each, str)]
    if any(asks_to_stop(each) for each in said):
        fields["stop"] = "1"
    elif any(asks_to_start(each) for each in said):
        fields["start"] = "1"
    return fields


def _status(place: _Place, item: Mapping[str, Any]) -> WebhookEvent:
    phone, bsuid = text(item.get("recipient_id"), 32), text(item.get("recipient_user_id"), 140)
    contact = _contact(place, phone, bsuid)
    wamid, status = text(item.get("id"), ID_LIMIT + 1), text(item.get("status"), 20)
    known = _key(f"s:{wamid}:", status) if wamid and len(wamid) <= ID_LIMIT else None
    return WebhookEvent(
        kind=EventKind.STATUS,
        key=known or place.hashed(item),
        waba_id=place.waba_id,
        phone_number_id=place.phone_number_id,
        wamid=wamid[:ID_LIMIT],
        status=status,
        at=moment(item.get("timestamp")),
        phone=phone or text(contact.get("wa_id"), 32),
        bsuid=bsuid or text(contact.get("user_id"), 140),
        opaque=text(item.get("biz_opaque_callback_data"), 512),
        errors=_errors(item),
        fields=texts(item.get("pricing"), category="category", billable="billable"),
    )


def _error(place: _Place, item: Mapping[str, Any]) -> WebhookEvent:
    return WebhookEvent(
        kind=EventKind.ERROR,
        key=place.hashed(item),
        waba_id=place.waba_id,
        phone_number_id=place.phone_number_id,
        at=moment(place.time),
        errors=_errors({"errors": [item]}),
    )


def _template(place: _Place, value: Mapping[str, Any]) -> WebhookEvent:
    fields = {"field": place.field} | texts(
        value,
        event="event",
        template_id="message_template_id",
        name="message_template_name",
        language="message_template_language",
        reason="reason",
        previous_category="previous_category",
        quality="new_quality_score",
    )
    for name in ("new_category", "correct_category"):
        fields |= texts(value, category=name)
    fields |= texts(value.get("other_info"), title="title")
    fields["language"] = fields.get("language", "").replace("-", "_")
    return WebhookEvent(
        kind=EventKind.TEMPLATE,
        key=place.hashed(value),
        waba_id=place.waba_id,
        at=moment(place.time),
        fields={name: said for name, said in fields.items() if said},
    )


def _account(place: _Place, value: Mapping[str, Any]) -> WebhookEvent:
    return WebhookEvent(
        kind=EventKind.ACCOUNT,
        key=place.hashed(value),
        waba_id=place.waba_id,
        at=moment(place.time),
        fields={"field": place.field} | _without_people(value),
    )


def _without_people(value: Mapping[str, Any]) -> dict[str, str]:
    """Return what an update says, but for who asked for it and what somebody wrote."""
    said = list(scalars(value))[:40]
    return {name: each for name, each in said if not name.endswith(("requester", "description"))}


def _preferences(place: _Place, value: Mapping[str, Any]) -> Iterator[WebhookEvent]:
    """Yield one update for every person who stopped or resumed messages of the company."""
    wished = [each for each in items(value.get("user_preferences")) if isinstance(each, dict)]
    if not wished:
        yield place.other(value)
    for wish in wished:
        yield WebhookEvent(
            kind=EventKind.ACCOUNT,
            key=place.hashed(wish),
            waba_id=place.waba_id,
            at=moment(wish.get("timestamp") or place.time),
            phone=text(wish.get("wa_id"), 32),
            bsuid=text(wish.get("user_id"), 140),
            fields={"field": place.field} | texts(wish, category="category", value="value"),
        )


def _contact(place: _Place, phone: str, bsuid: str) -> Mapping[str, Any]:
    for contact in place.contacts:
        if (phone and contact.get("wa_id") == phone) or (bsuid and contact.get("user_id") == bsuid):
            return contact
    return place.contacts[0] if len(place.contacts) == 1 and not (phone or bsuid) else {}


def _errors(item: Mapping[str, Any]) -> tuple[ApiError, ...]:
    rows = [row for row in items(item.get("errors")) if isinstance(row, dict)]
    return tuple(
        ApiError(
            code=int(code) if re.fullmatch(r"[0-9]{1,9}", code := text(row.get("code"), 16)) else None,
            title=text(row.get("title"), 128),
        )
        for row in rows
    )


def _key(prefix: str, untrusted_id: str) -> str | None:
    key = prefix + untrusted_id
    return key if untrusted_id and len(key) <= 255 else None
