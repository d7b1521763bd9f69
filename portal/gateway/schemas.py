"""Bodies of the REST API as pydantic models: what a CRM may send and what it gets."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Short = Annotated[str, Field(min_length=1, max_length=120)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Contact(_Given):
    """The person who is asked."""

    name: Short
    phone: str | None = Field(default=None, max_length=40, examples=["+52 55 1234 5678"])
    """With `+` and country code; without them the organization's country is assumed."""
    email: str | None = Field(default=None, max_length=254, examples=["ana@example.com"])
    """Where messages and one-time codes go when there is no phone."""
    locale: Literal["es", "en", "pt"] = "es"


class Send(_Given):
    """`auto`: the portal sends the WhatsApp message. `none`: the answer holds the link, once, for the CRM to send."""

    mode: Literal["auto", "none"] = "auto"


class NewRequest(_Given):
    """Ask one person for the documents of a template."""

    external_ref: str | None = Field(default=None, min_length=1, max_length=120, examples=["CRM-4711"])
    """The CRM's own id of the matter: equal references are one case."""
    title: str | None = Field(default=None, min_length=1, max_length=160, examples=["Crédito 4711"])
    contact: Contact
    template_key: Annotated[str, Field(pattern=r"^[!-~]{1,60}$")]
    send: Send = Send()
    known_word: str | None = Field(default=None, min_length=1, max_length=40, examples=["girasol"])
    """A word that only you and the person know: the page that tells authentic messages from forged ones shows it."""


class SlotOut(BaseModel):
    """One place for one document."""

    requirement: str
    side: str
    state: str
    reason: str | None
    changed_at: datetime


class MessageOut(BaseModel):
    """One message about the request."""

    id: str
    purpose: str
    state: str
    error: str | None
    changed_at: datetime


class RequestOut(BaseModel):
    """A request as the CRM sees it: states and reasons, never a file, a name or (but once) a link."""

    id: str
    case_id: str
    external_ref: str | None
    state: str
    template: str
    created_at: datetime
    link_expires_at: datetime | None
    accepted: int
    total: int
    slots: list[SlotOut]
    messages: list[MessageOut]
    check_code: str | None
    """By which the person checks that a message is yours: put it into the message that you send in mode `none`."""
    upload_url: str | None = None
    """Only in the answer to a POST with send mode `none` (and its replays)."""


class ProblemOut(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str | None = None
    reference: str
    errors: list[dict[str, Any]] | None = None
