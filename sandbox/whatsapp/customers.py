"""What customers do: write, send files into the chat, tap buttons, change their phone; and see that they were read."""

from datetime import timedelta
from typing import Any

from sandbox.whatsapp.business import Number
from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds
from sandbox.whatsapp.entities import Media, Message, Phone, iso
from sandbox.whatsapp.problems import unknown_object, webhook_error

WINDOW = timedelta(hours=24)
"""How long free-form answers are delivered after a customer wrote."""
MEDIA_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that a customer may send into the chat here."""
TOO_LARGE = 100 * 1024 * 1024
"""Bytes of a file that the platform itself does not take."""
MEDIA_LIFE, URL_LIFE = timedelta(days=7), timedelta(minutes=5)


class Customers:
    """Messages from phones to the business."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def says(self, wa_id: str, number: Number, text: str, *, reply_to: str = "") -> Message:
        """Let the customer write into the chat."""
        return self._inbound(wa_id, number, "text", {"text": {"body": text}}, text=text, reply_to=reply_to)

    def sends(
        self,
        wa_id: str,
        number: Number,
        *,
        mime: str,
        data: bytes,
        file_name: str = "",
        caption: str = "",
        claimed_size: int = 0,
    ) -> Message:
        """Let the customer send a file into the chat. It stays in memory.

        With a `claimed_size` over 100 MB the business is told that the platform could not take it (131052).
        """
        if claimed_size > TOO_LARGE:
            node = {"errors": [webhook_error(131052)], "unsupported": {"type": "document"}}
            return self._inbound(wa_id, number, "unsupported", node)
        now = self._core.clock.now()
        with self._core.world.lock:
            media = Media(id=self._core.world.number(), number_id=number.id, mime=mime, data=data, at=now)
            media.size = claimed_size or len(data)
            self._core.world.media[media.id] = media
        kind = next((k for k in ("image", "video", "audio") if mime.startswith(k + "/")), "document")
        node = {"id": media.id, "mime_type": mime, "sha256": media.sha256, "url": self.address_of(media)}
        if kind == "document":
            node["filename"] = file_name or "documento"
        if caption:
            node["caption"] = caption
        return self._inbound(wa_id, number, kind, {kind: node}, text=caption, media_id=media.id, mime=mime)

    def address_of(self, media: Media) -> str:
        """Return where the bytes lie for the next five minutes; a bearer token is needed there too."""
        ends = seconds(self._core.clock.now() + URL_LIFE)
        return f"{self._core.address}/media/{media.id}?ext={ends}"

    def find_media(self, untrusted_id: str) -> Media | None:
        """Return a file that is still there."""
        media = self._core.world.media.get(untrusted_id)
        return media if media is not None and media.at + MEDIA_LIFE > self._core.clock.now() else None

    def taps(self, wamid: str, index: int) -> Message:
        """Let the customer tap the quick reply at place `index` of a message. Raises KeyError, IndexError."""
        message = self._core.world.messages[wamid]
        number, button = self._core.businesses.number(message.number_id), message.buttons[index]
        if message.kind == "template":
            node: dict[str, Any] = {"button": {"payload": button["payload"], "text": button["label"]}}
            return self._inbound(message.wa_id, number, "button", node, text=button["label"], reply_to=wamid)
        reply = {"id": button["payload"], "title": button["label"]}
        node = {"interactive": {"type": "button_reply", "button_reply": reply}}
        return self._inbound(message.wa_id, number, "interactive", node, text=button["label"], reply_to=wamid)

    def does(self, wa_id: str, number: Number, kind: str, node: dict[str, Any]) -> Message:
        """Let the customer send anything else: `kind` and the fields that go with it (location, reaction ...)."""
        if kind == "unsupported":
            node = {"errors": [webhook_error(131051)]} | node
        return self._inbound(wa_id, number, kind, node)

    def changes_phone(self, phone: Phone) -> None:
        """Set WhatsApp up anew on the same number: every business that checks identities is told."""
        with self._core.world.lock:
            phone.installed += 1
            for number in self._known_to(phone):
                if number.identity_check:
                    system = {
                        "type": "customer_identity_changed",
                        "body": "The customer's identity changed",
                        "identity": phone.identity,
                        "customer": phone.wa_id,
                    }
                    self._system(phone, number, system, contacts=True)
            self._core.changed()

    def changes_number(self, phone: Phone, new_wa_id: str) -> Phone:
        """Move a customer to another number, with a new user id; chats stay where they were."""
        with self._core.world.lock:
            moved = self._core.world.phone(new_wa_id)
            moved.name = moved.name or phone.name
            for number in self._known_to(phone):
                system = {"type": "user_changed_number", "body": "The customer changed their number"}
                if self._core.deliveries.knobs.old_shapes:
                    system |= {"new_wa_id": new_wa_id}
                else:
                    system |= {"wa_id": new_wa_id, "user_id": moved.user_id}
                self._system(phone, number, system, contacts=False)
            self._core.changed()
            return moved

    def was_read(self, wamid: str, number: Number) -> None:
        """Take `status: read` from the business for a customer's message. Raises GraphError."""
        message = self._core.world.messages.get(wamid)
        if message is None or message.from_business or message.number_id != number.id:
            raise unknown_object(wamid)
        self._tick(message, "read")

    def _known_to(self, phone: Phone) -> list[Number]:
        ids = {message.number_id for message in self._core.world.chat(phone.wa_id)}
        return [number for number in self._core.businesses.numbers if number.id in ids]

    def _system(self, phone: Phone, number: Number, system: dict[str, Any], *, contacts: bool) -> None:
        value = self._core.value(phone, number)
        if not contacts:
            value.pop("contacts", None)
        item = self._item(phone, self._core.world.wamid(phone.wa_id), "system", {"system": system})
        self._core.emit_message(value | {"messages": [item]}, number=number)

    def _inbound(
        self,
        wa_id: str,
        number: Number,
        kind: str,
        node: dict[str, Any],
        *,
        text: str = "",
        media_id: str = "",
        mime: str = "",
        reply_to: str = "",
    ) -> Message:
        with self._core.world.lock:
            phone, now = self._core.world.phone(wa_id), self._core.clock.now()
            phone.windows[number.id] = iso(now + WINDOW)
            message = Message(
                wamid=self._core.world.wamid(wa_id),
                wa_id=wa_id,
                number_id=number.id,
                from_business=False,
                kind=kind,
                at=iso(now),
                status="sent",
                arrived=True,
                text=text,
                media_id=media_id,
                mime=mime,
                reply_to=reply_to,
            )
            self._core.world.add(message)
            self._core.changed()
            context = {"context": {"from": number.digits, "id": reply_to}} if reply_to else {}
            item = self._item(phone, message.wamid, kind, node | context)
            value: dict[str, Any] = self._core.value(phone, number) | {"messages": [self._core.spiced(item)]}
            self._core.emit_message(value, number=number, taken=lambda: self._tick(message, "delivered"))
            return message

    def _item(self, phone: Phone, wamid: str, kind: str, node: dict[str, Any]) -> dict[str, Any]:
        now = str(seconds(self._core.clock.now()))
        item = {"from": phone.wa_id, "id": wamid, "timestamp": now, "type": kind, **node}
        if phone.hides_number:
            del item["from"]
        return item if self._core.deliveries.knobs.old_shapes else item | {"from_user_id": phone.user_id}

    def _tick(self, message: Message, status: str) -> None:
        with self._core.world.lock:
            if message.status != "read":
                message.status = status
                self._core.changed()
