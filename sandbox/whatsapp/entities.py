"""The things of the simulated world: phones and their fates, messages, templates, media."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.whatsapp.numbers import user_id_of

UNDELIVERABLE, STOPPED_MARKETING = 131026, 131050
FATES = ("deliver", "silent", "offline", "blocked", "fail", "no_whatsapp", "username_only")
RECEIVING = {"deliver", "username_only"}


@dataclass(slots=True, kw_only=True)
class Fate:
    """What happens to what is sent to one phone.

    deliver; silent (sent, never delivered); offline (sent, delivered once the fate is another one, unless the
    message's life is over by then); blocked (the customer blocked the business: sent, never delivered); fail (with
    `code`); no_whatsapp (fails with 131026); username_only (delivered; no webhook tells a phone).
    """

    kind: str = "deliver"
    code: int = UNDELIVERABLE
    times: int = 0
    """Messages that meet this fate before the phone delivers again; 0: all of them."""
    read_after: float | None = None
    """Seconds from delivery until the customer reads by themselves."""


@dataclass(slots=True, kw_only=True)
class Phone:
    """A customer with WhatsApp."""

    wa_id: str
    name: str = ""
    fate: Fate = field(default_factory=Fate)
    windows: dict[str, str] = field(default_factory=dict)
    """By business number: the end of the 24 h in which free-form answers are delivered, ISO 8601."""
    installed: int = 1
    """How often WhatsApp was set up on this number: its identity."""

    @property
    def user_id(self) -> str:
        """The business-scoped user id."""
        return user_id_of(self.wa_id)

    @property
    def identity(self) -> str:
        """The hash of the identity key: another one after a new phone or SIM."""
        digest = hashlib.sha256(f"{self.wa_id}/{self.installed}".encode()).digest()
        return base64.urlsafe_b64encode(digest)[:12].decode()

    @property
    def hides_number(self) -> bool:
        """Whether webhooks tell of this person by user id only."""
        return self.fate.kind == "username_only"


@dataclass(slots=True, kw_only=True)
class Message:
    """One bubble of a chat, in either direction."""

    wamid: str
    wa_id: str
    number_id: str = ""
    """The business number at the other end."""
    from_business: bool
    kind: str
    at: str
    text: str = ""
    header: str = ""
    footer: str = ""
    label: str = ""
    url: str = ""
    code: str = ""
    buttons: list[dict[str, str]] = field(default_factory=list)
    """Further buttons: quick replies (`label`, `payload`) and links (`label`, `url`)."""
    template: str = ""
    status: str = "accepted"
    arrived: bool = False
    """Whether the customer's screen shows it."""
    held: bool = False
    """Whether it waits for the phone to be switched on."""
    expires: str = ""
    """When the platform stops trying to deliver it, ISO 8601."""
    previews: list[int] = field(default_factory=list)
    """What its link answered to the platform's robots."""
    opaque: str = ""
    reply_to: str = ""
    error: int = 0
    media_id: str = ""
    mime: str = ""


@dataclass(slots=True, kw_only=True)
class Template:
    """A template of an account. `payload` is the body that made it."""

    id: str
    waba_id: str = ""
    payload: dict[str, Any]
    status: str = "PENDING"
    category: str = "UTILITY"
    reason: str = "NONE"
    quality: str = "UNKNOWN"
    pauses: int = 0
    edits: list[str] = field(default_factory=list)
    """When it was edited, ISO 8601."""
    deleted_at: str = ""

    @property
    def name(self) -> str:
        """The name it is sent by."""
        return str(self.payload.get("name", ""))

    @property
    def language(self) -> str:
        """The language code it is sent by."""
        return str(self.payload.get("language", ""))

    @property
    def life(self) -> timedelta:
        """How long the platform tries to deliver a message made from it."""
        told = self.payload.get("message_send_ttl_seconds")
        return timedelta(seconds=told) if isinstance(told, int) and told > 0 else timedelta(days=30)


@dataclass(slots=True, kw_only=True)
class Media:
    """A file that a customer sent into the chat; gone when the business asked to delete it, or after seven days."""

    id: str
    number_id: str
    mime: str
    data: bytes = field(repr=False)
    at: datetime
    size: int = 0
    """What webhooks tell; a file that is only claimed to be large has no such data."""
    reads: int = 0

    @property
    def sha256(self) -> str:
        """The hash as webhooks carry it: standard base64."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


def iso(moment: datetime) -> str:
    """Return a time as the state file keeps it."""
    return moment.isoformat(timespec="milliseconds")
