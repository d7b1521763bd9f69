"""What messages are sent from: WhatsApp numbers, each with its own token and webhook secret, and SMS services."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, NewId


class Flavor(StrEnum):
    """How a provider wants to be spoken to."""

    CLOUD = "cloud"  # Meta: Authorization: Bearer, ids in the path
    DIALOG360 = "360dialog"  # header D360-API-KEY, no id of the number in the path


class WhatsAppSender(Base):
    """One WhatsApp number of an organization. The courier opens the token, the gateway the app secret."""

    __tablename__ = "whatsapp_senders"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    phone_number_id: Mapped[str] = mapped_column(String(64), unique=True)
    waba_id: Mapped[str] = mapped_column(String(64))
    token_boxed: Mapped[bytes] = mapped_column(LargeBinary)
    """Access token in the courier's box (table whatsapp_senders, row id, column token_boxed)."""
    app_secret_boxed: Mapped[bytes] = mapped_column(LargeBinary)
    """Webhook app secret in the gateway's box (column app_secret_boxed)."""
    old_app_secret_boxed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret before, in the gateway's box (column old_app_secret_boxed): the platform may still sign with it."""
    old_app_secret_until: Mapped[datetime | None]
    verify_token_sha256: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the token of the webhook handshake."""
    flavor: Mapped[Flavor] = mapped_column(String(12), default=Flavor.CLOUD, server_default=Flavor.CLOUD.value)
    base_url: Mapped[str | None] = mapped_column(String(255))
    """Address of the API where it is not the installation's own."""
    team_id: Mapped[str | None] = mapped_column(String(32))
    """The team whose cases it sends for first; without one it serves all."""
    priority: Mapped[int] = mapped_column(default=100, server_default="100")
    """Lower goes first."""
    portfolio: Mapped[str | None] = mapped_column(String(64))
    """The business portfolio whose budget of conversations it shares; its own account when nobody said."""


class SmsSender(Base):
    """How SMS leave for one organization: any service that takes one JSON body a message.

    In the values of `headers` and `body`, {secret}, {to}, {text} and {reference} stand for what they say.
    """

    __tablename__ = "sms_senders"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), unique=True)
    url: Mapped[str] = mapped_column(String(255))
    headers: Mapped[dict[str, str]]
    body: Mapped[dict[str, Any]]
    secret_boxed: Mapped[bytes] = mapped_column(LargeBinary)
    """Key of the service in the courier's box (table sms_senders, row id, column secret_boxed)."""
