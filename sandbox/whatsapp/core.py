"""What every part of the simulator shares: the world, the businesses, the clockwork, and the way out for updates."""

from collections.abc import Callable
from typing import Any

from sandbox.whatsapp.business import Account, Businesses, Number, Route
from sandbox.whatsapp.clock import Clock
from sandbox.whatsapp.deliveries import Deliveries, Event, seconds
from sandbox.whatsapp.entities import Phone
from sandbox.whatsapp.settings import Settings
from sandbox.whatsapp.timeline import Timeline
from sandbox.whatsapp.world import World


class Core:
    """The simulated platform, at rest until the timeline starts."""

    def __init__(self, settings: Settings) -> None:
        """Build an empty world."""
        self.settings = settings
        self.address = "http://127.0.0.1"
        """Where this simulator is reached, for the addresses that it hands out."""
        self.clock = Clock(frozen=settings.frozen_clock, start=settings.start)
        self.timeline = Timeline(self.clock)
        self.deliveries = Deliveries(settings, self.clock, self.timeline, tried=self._tried)
        self.world = World(random_ids=settings.random_ids)
        self.businesses = Businesses(settings.accounts)
        self._saving = False

    def changed(self) -> None:
        """Note a change: screens look again, and the state file is written soon."""
        self.world.revision += 1
        if self.settings.state_file and not self._saving:
            self._saving = True
            self.timeline.after(0.2, self._save)

    def emit(
        self,
        field: str,
        value: dict[str, Any],
        *,
        account: Account,
        number: Number | None = None,
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        """Send an update to the business; `taken` runs when it was answered with 200."""
        with self.world.lock:
            if account.subscribed:
                override = (number.override if number else "") or account.override if field == "messages" else ""
                route = Route(url=override or account.route.url, secret=account.route.secret)
                time = seconds(self.clock.now())
                self.deliveries.emit(
                    Event(waba_id=account.id, field=field, value=value, time=time, route=route, taken=taken)
                )

    def emit_message(self, value: dict[str, Any], *, number: Number, taken: Callable[[], None] = lambda: None) -> None:
        """Send an update of the field `messages` about one number."""
        self.emit("messages", value, account=self.businesses.account_of(number), number=number, taken=taken)

    def value(self, phone: Phone, number: Number) -> dict[str, Any]:
        """Return the frame of an update about `phone`: metadata and contacts."""
        contact: dict[str, Any] = {"profile": {"name": phone.name or "Cliente"}, "wa_id": phone.wa_id}
        if phone.hides_number:
            del contact["wa_id"]
            contact["profile"]["username"] = "cliente." + phone.user_id[-6:]
        if not self.deliveries.knobs.old_shapes:
            contact["user_id"] = phone.user_id
        if number.identity_check:
            contact["identity_key_hash"] = phone.identity
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": number.digits, "phone_number_id": number.id},
            "contacts": [contact],
        }
        if self.deliveries.knobs.drop_contacts:
            del value["contacts"]
        return value

    def spiced(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item as a later version may send it, when the knob says so."""
        return item | {"new_in_2027": {"nested": [1, "dos"]}} if self.deliveries.knobs.extra_keys else item

    def _tried(self) -> None:
        with self.world.lock:
            self.world.revision += 1

    def _save(self) -> None:
        self._saving = False
        if self.settings.state_file:
            self.world.save(self.settings.state_file)
