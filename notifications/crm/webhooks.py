"""Webhooks by the Standard Webhooks specification 1.0: thin JSON, signed, the same id at every try.

Rules: signed with the endpoint's secret, and during a rotation with the one before as well; nothing is put into the
address; any 2xx is a yes, whatever it says; 410 ends the endpoint; everything else is tried again.
Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from standardwebhooks import Webhook

from notifications.addresses import EgressError
from notifications.crm.outcomes import Delivered, Failed, Gone, Outcome, Retry
from notifications.crm.subscription import Notice, Target
from notifications.egress import Answer, Egress

MOST_BYTES = 20_000
LONGEST_WAIT = timedelta(days=1)
"""The most that an endpoint may ask us to wait."""
ASKS_TO_WAIT = frozenset({429, 503})
GONE = 410


class Webhooks:
    """Tells the endpoints of kind `webhook`."""

    def __init__(self, egress: Egress) -> None:
        """Send through `egress`."""
        self._egress = egress

    def __call__(self, target: Target, notice: Notice) -> Outcome:
        """Post one event."""
        body = json.dumps(notice.payload, separators=(",", ":")).encode("ascii")
        if len(body) > MOST_BYTES:
            return Failed(code="too_large")
        headers = {"content-type": "application/json", "user-agent": "resguardo-webhooks"}
        headers |= signed_headers(target.secrets, notice.id, body, notice.sent_at)
        url, private = str(target.settings["url"]), target.settings.get("allow_private") is True
        try:
            answer = self._egress.post(url, body, headers, private=private)
        except EgressError as error:
            return Retry(code=error.code)
        return _outcome(answer, notice.sent_at)


def signed_headers(secrets: tuple[str, ...], message_id: str, body: bytes, at: datetime) -> Mapping[str, str]:
    """Return the three headers of the specification; `secrets` as `whsec_...`, `at` aware, in UTC."""
    signatures = (Webhook(secret).sign(msg_id=message_id, timestamp=at, data=body.decode()) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _outcome(answer: Answer, now: datetime) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Delivered(status=status)
    if status == GONE:
        return Gone(status=status)
    after = wait_asked(answer.headers.get("retry-after", ""), now) if status in ASKS_TO_WAIT else None
    return Retry(code="redirect" if 300 <= status < 400 else "status", status=status, after=after)


def wait_asked(untrusted: str, now: datetime) -> timedelta | None:
    """Read a Retry-After (RFC 9110, 10.2.3): seconds or a date, at most a day; None for anything else."""
    untrusted = untrusted.strip()
    if untrusted.isascii() and untrusted.isdecimal() and len(untrusted) < 10:
        return min(timedelta(seconds=int(untrusted)), LONGEST_WAIT)
    try:
        asked = parsedate_to_datetime(untrusted) - now
    except (ValueError, TypeError, IndexError):
        return None
    return min(max(asked, timedelta(0)), LONGEST_WAIT)
