"""The app secrets that may have signed a webhook, remembered for a moment so that most deliveries need no reading.

Rules: an address that is unknown is never remembered; a signature that no remembered secret made is tried once more
with what the database says now, so that a new secret counts at once. One that was dropped counts for `LIFE` longer.
"""

import threading
import time
from dataclasses import dataclass, field

from notifications.inbound.storing import Receiver
from notifications.whatsapp.webhooks import verify_signature
from portal.web.application import reading
from records.senders import WhatsAppSender
from storage.database import utcnow
from storage.sealing.box import Box

LIFE = 5.0
"""Seconds that secrets are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    receiver: Receiver
    secrets: tuple[bytes, ...] = field(repr=False)
    until: float


class AppSecrets:
    """What the gateway knows of the numbers it serves. Safe to share between threads."""

    def __init__(self, box: Box) -> None:
        """Open secrets with `box`."""
        self._box = box
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def receiver(self, sender_id: str, raw: bytes, signature: str | None) -> Receiver | None:
        """Return the number that `raw` is genuinely for, None where the address or the signature is wrong."""
        with self._lock:
            known = self._known.get(sender_id)
        if known is not None and time.monotonic() < known.until and verify_signature(raw, signature, known.secrets):
            return known.receiver
        fresh = self._read(sender_id)
        if fresh is None or not verify_signature(raw, signature, fresh.secrets):
            return None
        with self._lock:
            self._known[sender_id] = fresh
        return fresh.receiver

    def _read(self, sender_id: str) -> _Known | None:
        with reading() as session:
            sender = session.get(WhatsAppSender, sender_id)
        if sender is None:
            return None
        sealed = {"app_secret_boxed": sender.app_secret_boxed}
        if sender.old_app_secret_boxed is not None and (sender.old_app_secret_until or utcnow()) > utcnow():
            sealed["old_app_secret_boxed"] = sender.old_app_secret_boxed
        secrets = tuple(
            self._box.open(boxed, table="whatsapp_senders", row=sender.id, column=column)
            for column, boxed in sealed.items()
        )
        receiver = Receiver(sender_id=sender.id, org_id=sender.org_id)
        return _Known(receiver=receiver, secrets=secrets, until=time.monotonic() + LIFE)
