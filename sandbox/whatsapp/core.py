"""What every part of the simulator shares: the world, the clockwork, and the way out for updates."""

from collections.abc import Callable
from typing import Any

from sandbox.whatsapp.clock import Clock
from sandbox.whatsapp.deliveries import Deliveries, Event, seconds
from sandbox.whatsapp.settings import Settings
from sandbox.whatsapp.timeline import Timeline
from sandbox.whatsapp.world import Phone, World


class Core:
    """One simulated account with one number, at rest until the timeline starts."""

    def __init__(self, settings: Settings) -> None:
        """Build an empty world."""
        self.settings = settings
        self.clock = Clock(frozen=settings.frozen_clock)
        self.timeline = Timeline(self.clock)
        self.deliveries = Deliveries(settings, self.clock, self.timeline, tried=self._tried)
        self.world = World(deterministic_ids=settings.deterministic_ids)
        self._saving = False

    def changed(self) -> None:
        """Note a change: screens look again, and the state file is written soon."""
        self.world.revision += 1
        if self.settings.state_file and not self._saving:
            self._saving = True
            self.timeline.after(0.2, self._save)

    def emit(self, field: str, value: dict[str, Any], *, taken: Callable[[], None] = lambda: None) -> None:
        """Send an update to the business; `taken` runs when it was answered with 200."""
        with self.world.lock:
            if self.world.subscribed:
                time = seconds(self.clock.now())
                self.deliveries.emit(
                    Event(waba_id=self.settings.waba_id, field=field, value=value, time=time, taken=taken)
                )

    def value(self, phone: Phone) -> dict[str, Any]:
        """Return the frame of an update about `phone`: metadata and contacts."""
        number = "".join(digit for digit in self.settings.display_phone_number if digit.isdigit())
        contact: dict[str, Any] = {
            "profile": {"name": phone.name or "Cliente"},
            "wa_id": phone.wa_id,
            "user_id": phone.user_id,
        }
        if phone.fate.kind == "username_only":
            del contact["wa_id"]
            contact["profile"]["username"] = "cliente." + phone.user_id[-6:]
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": number, "phone_number_id": self.settings.phone_number_id},
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
