"""The ladder that a message climbs, as the recipient's fate has it: sent, delivered, read, or failed."""

from typing import Any

from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds
from sandbox.whatsapp.entities import FATES, RECEIVING, UNDELIVERABLE, Fate, Message, Phone, iso
from sandbox.whatsapp.previews import preview
from sandbox.whatsapp.problems import webhook_error


class Statuses:
    """What becomes of messages from the business, told by webhook."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def climb(self, message: Message, phone: Phone, failure: int = 0) -> None:
        """Let an accepted message go its way; `failure` is what it meets whatever the phone's fate."""
        fate, after = self._spend(phone), self._core.timeline.after
        sent_after, delivered_after = self._core.settings.sent_after, self._core.settings.delivered_after
        if fate.kind in {"fail", "no_whatsapp"}:
            failure = failure or (fate.code if fate.kind == "fail" else UNDELIVERABLE)
        if failure:
            after(sent_after, lambda: self.fail(message, failure))
            return
        after(sent_after, lambda: self._reach(message, "sent"))
        if fate.kind == "offline":
            message.held = True
        elif fate.kind in RECEIVING:
            after(delivered_after, lambda: self._deliver(message, fate))

    def _spend(self, phone: Phone) -> Fate:
        """Return the fate of the next message; one that was for some messages only is used up in the end."""
        fate = phone.fate
        if fate.times == 1:
            phone.fate = Fate()
        elif fate.times:
            phone.fate = Fate(kind=fate.kind, code=fate.code, times=fate.times - 1, read_after=fate.read_after)
        return fate

    def set_fate(self, phone: Phone, fate: Fate) -> None:
        """Give a phone another fate; one that receives gets what waited. Raises ValueError."""
        if fate.kind not in FATES:
            raise ValueError(f"a fate is one of {FATES}")
        with self._core.world.lock:
            phone.fate = fate
            self._core.changed()
            if fate.kind in RECEIVING:
                self._switch_on(phone)

    def _switch_on(self, phone: Phone) -> None:
        """Deliver what waited for the phone, except what has outlived its time: nobody is told of that."""
        now = iso(self._core.clock.now())
        for message in [one for one in self._core.world.chat(phone.wa_id) if one.held]:
            message.held = False
            if not message.expires or message.expires > now:
                self._core.timeline.after(0, lambda message=message: self._deliver(message, phone.fate))  # type: ignore[misc]

    def _deliver(self, message: Message, fate: Fate) -> None:
        if self._core.deliveries.knobs.preview_links and message.url.startswith("http"):
            message.previews = preview(message.url)
        self._reach(message, "delivered")
        if fate.read_after is not None:
            self._core.timeline.after(fate.read_after, lambda: self._read_by_themselves(message))

    def _read_by_themselves(self, message: Message) -> None:
        self.read([message])

    def read(self, messages: list[Message]) -> int:
        """Mark messages that lie on the screen as read; tells how many that changed."""
        with self._core.world.lock:
            unread = [one for one in messages if one.from_business and one.arrived and one.status == "delivered"]
            for message in unread:
                self._reach(message, "read")
            return len(unread)

    def fail(self, message: Message, code: int) -> None:
        """Let a message fail now, whatever became of it before."""
        with self._core.world.lock:
            message.status, message.error = "failed", code
            self._core.changed()
            self._tell(message, "failed", errors=[webhook_error(code)])

    def _reach(self, message: Message, status: str) -> None:
        with self._core.world.lock:
            if status == "delivered":
                message.arrived = True
            message.status = status
            self._core.changed()
            if not (status == "delivered" and self._core.deliveries.knobs.skip_delivered):
                self._tell(message, status)

    def _tell(self, message: Message, status: str, **more: Any) -> None:
        number = self._core.businesses.find_number(message.number_id)
        if number is None:  # a chat of an earlier run, with a number that this one was not told of
            return
        phone, knobs = self._core.world.phone(message.wa_id), self._core.deliveries.knobs
        item: dict[str, Any] = {
            "id": message.wamid,
            "status": status,
            "timestamp": str(seconds(self._core.clock.now())),
            "recipient_id": phone.wa_id,
            "recipient_user_id": phone.user_id,
            **more,
        }
        if phone.hides_number or knobs.drop_recipient:
            del item["recipient_id"]
        if knobs.old_shapes:
            del item["recipient_user_id"]
        if message.opaque:
            item["biz_opaque_callback_data"] = message.opaque
        if status != "failed":
            item |= self._price(message)
        value = self._core.value(phone, number) | {"statuses": [self._core.spiced(item)]}
        if status == "failed":
            value.pop("contacts", None)
        self._core.emit_message(value, number=number)

    def _price(self, message: Message) -> dict[str, Any]:
        category = "service"
        if message.kind == "template":
            sold = self._core.world.templates.get(message.template)
            category = sold.category.lower() if sold else "utility"
        told: dict[str, Any] = {
            "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
        }
        if self._core.deliveries.knobs.conversation:
            told["conversation"] = {"id": "c" * 32, "origin": {"type": category}}
        return told
