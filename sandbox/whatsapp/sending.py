"""What the business sends: accepted, then climbing the status ladder as the recipient's fate has it."""

from typing import Any

from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.problems import GraphError, unknown_object, webhook_error
from sandbox.whatsapp.validation import Content, free_form, rendered
from sandbox.whatsapp.world import Message, Phone, iso


class Sending:
    """Messages from the business to phones."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def send(self, untrusted: dict[str, Any]) -> dict[str, Any]:
        """Accept a message as `POST /{phone}/messages` does. Raises GraphError."""
        opaque = untrusted.get("biz_opaque_callback_data", "")
        if not isinstance(opaque, str) or len(opaque) > 512:
            raise GraphError(100, "biz_opaque_callback_data may not be longer than 512 characters")
        with self._core.world.lock:
            phone, shown = self._recipient(untrusted)
            kind = str(untrusted.get("type", "text")).lower()
            content = self._content(kind, untrusted)
            if content.code and "to" not in untrusted:
                raise GraphError(131062, "authentication templates need a phone number")
            window_open = phone.window_until > iso(self._core.clock.now())
            message = self._add(phone, content, opaque, str((untrusted.get("context") or {}).get("message_id", "")))
            failure = 131047 if kind != "template" and not window_open else 0
            self._climb(message, phone, failure)
        contact = {"input": shown, "wa_id": phone.wa_id}
        if phone.fate.kind == "username_only":
            contact = {"input": shown, "user_id": phone.user_id}
        return {
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "messages": [{"id": message.wamid, "message_status": "accepted"}],
        }

    def _recipient(self, untrusted: dict[str, Any]) -> tuple[Phone, str]:
        to, recipient = untrusted.get("to"), untrusted.get("recipient")
        if isinstance(to, str) and to:
            settings = self._core.settings
            return self._core.world.phone(
                wa_id_of(to, country_code=settings.country_code, rewrite=settings.rewrite_numbers)
            ), to
        if isinstance(recipient, str) and recipient:
            known = next((phone for phone in self._core.world.phones.values() if phone.user_id == recipient), None)
            if known is None:
                raise unknown_object(recipient)
            return known, recipient
        raise GraphError(100, "The parameter to is required.")

    def _content(self, kind: str, untrusted: dict[str, Any]) -> Content:
        if kind != "template":
            if kind not in {"text", "interactive"}:
                raise GraphError(100, f"type {kind[:20]!r} is not supported by this simulator")
            return free_form(kind, untrusted)
        node = untrusted.get("template")
        if not isinstance(node, dict) or not isinstance(node.get("language"), dict):
            raise GraphError(131008, "template needs name and language.code")
        name, language = str(node.get("name", "")), str(node["language"].get("code", ""))
        template = self._core.world.find_template(name, language)
        if template is None or template.status not in {"APPROVED", "PAUSED", "DISABLED"}:
            details = f"template name ({name[:80]}) does not exist in {language[:12]}"
            raise GraphError(132001, details, status=404)
        if template.status != "APPROVED":
            raise GraphError(132015 if template.status == "PAUSED" else 132016)
        return rendered(template, node.get("components", []))

    def _add(self, phone: Phone, content: Content, opaque: str, reply_to: str) -> Message:
        message = Message(
            wamid=self._core.world.wamid(phone.wa_id),
            wa_id=phone.wa_id,
            from_business=True,
            kind=content.kind,
            at=iso(self._core.clock.now()),
            text=content.text,
            header=content.header,
            footer=content.footer,
            label=content.label,
            url=content.url,
            code=content.code,
            opaque=opaque,
            reply_to=reply_to,
        )
        self._core.world.add(message)
        self._core.changed()
        return message

    def _climb(self, message: Message, phone: Phone, failure: int) -> None:
        fate = phone.fate
        if failure or fate.kind == "fail":
            self._core.timeline.after(self._core.settings.sent_after, lambda: self._fail(message, failure or fate.code))
            return
        self._core.timeline.after(self._core.settings.sent_after, lambda: self._reach(message, "sent"))
        if fate.kind != "silent":
            self._core.timeline.after(self._core.settings.delivered_after, lambda: self._reach(message, "delivered"))

    def _reach(self, message: Message, status: str) -> None:
        with self._core.world.lock:
            if status == "delivered":
                message.arrived = True
            message.status = status
            self._core.changed()
            if not (status == "delivered" and self._core.deliveries.knobs.skip_delivered):
                self._emit_status(message, status)

    def _fail(self, message: Message, code: int) -> None:
        with self._core.world.lock:
            message.status, message.error = "failed", code
            self._core.changed()
            self._emit_status(message, "failed", errors=[webhook_error(code)])

    def fail_late(self, wamid: str, code: int) -> None:
        """Let a message fail now, whatever became of it before. Raises KeyError."""
        self._fail(self._core.world.messages[wamid], code)

    def open_chat(self, wa_id: str) -> int:
        """Mark everything on the customer's screen as read; tells how many messages that changed."""
        with self._core.world.lock:
            unread = [
                m for m in self._core.world.chat(wa_id) if m.from_business and m.arrived and m.status == "delivered"
            ]
            for message in unread:
                self._reach(message, "read")
            return len(unread)

    def _emit_status(self, message: Message, status: str, **more: Any) -> None:
        phone, now = self._core.world.phone(message.wa_id), self._core.clock.now()
        item: dict[str, Any] = {
            "id": message.wamid,
            "status": status,
            "timestamp": str(seconds(now)),
            "recipient_id": phone.wa_id,
            "recipient_user_id": phone.user_id,
            **more,
        }
        if phone.fate.kind == "username_only":
            del item["recipient_id"]
        if message.opaque:
            item["biz_opaque_callback_data"] = message.opaque
        if status != "failed":
            category = "utility" if message.kind == "template" else "service"
            item["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
            if self._core.deliveries.knobs.conversation:
                item["conversation"] = {"id": "c" * 32, "origin": {"type": category}}
        value = self._core.value(phone) | {"statuses": [self._core.spiced(item)]}
        if status == "failed":
            value.pop("contacts", None)
        self._core.emit("messages", value)
