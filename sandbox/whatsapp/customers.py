"""What customers do: write, send files into the chat, see that they were read."""

from datetime import timedelta
from typing import Any

from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds
from sandbox.whatsapp.problems import unknown_object
from sandbox.whatsapp.world import Media, Message, iso

WINDOW = timedelta(hours=24)
"""How long free-form answers are delivered after a customer wrote."""
MEDIA_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that a customer may send into the chat."""


class Customers:
    """Messages from phones to the business."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def says(self, wa_id: str, text: str) -> Message:
        """Let the customer write into the chat."""
        return self._inbound(wa_id, "text", {"text": {"body": text}}, text=text)

    def sends(self, wa_id: str, *, mime: str, data: bytes, file_name: str = "") -> Message:
        """Let the customer send a file into the chat. It stays in memory."""
        with self._core.world.lock:
            media = Media(id=self._core.world.number(), mime=mime, data=data)
            self._core.world.media[media.id] = media
        kind = next((k for k in ("image", "video", "audio") if mime.startswith(k + "/")), "document")
        node = {
            "id": media.id,
            "mime_type": mime,
            "sha256": media.sha256,
            "url": f"https://lookaside.example/{media.id}",
        }
        if kind == "document":
            node["filename"] = file_name or "documento"
        return self._inbound(wa_id, kind, {kind: node}, media_id=media.id, mime=mime)

    def _inbound(
        self, wa_id: str, kind: str, node: dict[str, Any], *, text: str = "", media_id: str = "", mime: str = ""
    ) -> Message:
        with self._core.world.lock:
            phone, now = self._core.world.phone(wa_id), self._core.clock.now()
            phone.window_until = iso(now + WINDOW)
            message = Message(
                wamid=self._core.world.wamid(wa_id),
                wa_id=wa_id,
                from_business=False,
                kind=kind,
                at=iso(now),
                status="sent",
                arrived=True,
                text=text,
                media_id=media_id,
                mime=mime,
            )
            self._core.world.add(message)
            self._core.changed()
            item = {
                "from": wa_id,
                "from_user_id": phone.user_id,
                "id": message.wamid,
                "timestamp": str(seconds(now)),
                "type": kind,
                **node,
            }
            if phone.fate.kind == "username_only":
                del item["from"]
            value: dict[str, Any] = self._core.value(phone) | {"messages": [self._core.spiced(item)]}
            self._core.emit("messages", value, taken=lambda: self._tick(message, "delivered"))
            return message

    def was_read(self, wamid: str) -> None:
        """Take `status: read` from the business for a customer's message. Raises GraphError."""
        message = self._core.world.messages.get(wamid)
        if message is None or message.from_business:
            raise unknown_object(wamid)
        self._tick(message, "read")

    def _tick(self, message: Message, status: str) -> None:
        with self._core.world.lock:
            if message.status != "read":
                message.status = status
                self._core.changed()
