"""Reads the webhooks of the WhatsApp platform: signature over the raw bytes, then every update, none dropped.

One POST may batch updates of several accounts; deliveries repeat and change order for up to seven days. So each update
becomes one frozen event with a key that is the same at every delivery: insert under a unique key, answer 200, work
later. Answer 401 only for a bad signature and 500 only when the insert failed.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence

from notifications.whatsapp.events import EventKind, WebhookEvent, advance, status_rank
from notifications.whatsapp.updates import updates_of

__all__ = ["EventKind", "WebhookEvent", "advance", "parse", "status_rank", "verify_signature"]

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of the largest delivery the platform sends; refuse a longer body before reading it."""


def verify_signature(raw: bytes, header: str | None, secrets: Sequence[bytes]) -> bool:
    """Tell whether `header` (X-Hub-Signature-256) signs exactly these bytes with one of the app secrets.

    Constant time for every secret; a missing header, `sha1=`, an odd shape and an empty secret are refused.
    """
    if header is None or not re.fullmatch(r"sha256=[0-9a-fA-F]{64}", header):
        return False
    untrusted_mac = bytes.fromhex(header.removeprefix("sha256="))
    matches = [
        hmac.compare_digest(hmac.digest(secret, raw, hashlib.sha256), untrusted_mac) for secret in secrets if secret
    ]
    return any(matches)


def parse(raw: bytes) -> list[WebhookEvent]:
    """Return every update of a delivery, in its order. Never raises and never returns nothing.

    What cannot be understood is an event of kind OTHER, so that the caller still stores that something came.
    """
    try:
        untrusted = json.loads(raw)
        events = list(updates_of(untrusted)) if isinstance(untrusted, dict) else []
    except (ValueError, RecursionError):
        events = []
    return events or [WebhookEvent(kind=EventKind.OTHER, key="h:" + hashlib.sha256(raw).hexdigest())]
