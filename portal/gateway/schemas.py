"""Requests of the REST API as pydantic models: what a CRM may send and what it gets."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from portal.gateway.paging import Id, Line, Time
from records.messages import Channel, MessageState, Purpose, WaitReason
from records.progress import ProgressStatus
from records.requests import RequestState, SendMode, SlotState
from records.steering import MOST_DAYS

Short = Annotated[Line, Field(min_length=1, max_length=120)]
Phone = Annotated[str, Field(max_length=40, json_schema_extra={"format": "phone"})]
Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"})]
WhatsAppId = Annotated[str, Field(pattern=r"^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$")]

NULL: JsonValue = {"type": "null"}


def _number(untrusted: Any) -> Any:
    """Let numbers pass and nothing that pydantic would make one of; 7.0 is an integer in JSON."""
    if isinstance(untrusted, bool) or not isinstance(untrusted, int | float):
        raise ValueError("a number")  # noqa: TRY004 (pydantic takes a ValueError)
    return untrusted


class Given(BaseModel):
    """A body as a CRM sends it: nothing unknown, no spaces around texts."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class OptInGiven(Given):
    """That the person agreed to be written to: the evidence is kept with the contact."""

    text: Annotated[Line, Field(min_length=1, max_length=300)] = Field(
        examples=["Acepto recibir avisos de mi trámite por WhatsApp."],
        description="What they agreed to, or how: the sentence of the form, a note of the call.",
    )
    at: Time | None = Field(default=None, description="When they said it; default: now.")


class Contact(Given):
    """The person who is asked."""

    name: Short = Field(examples=["Ana López"])
    phone: Phone | None = Field(
        default=None,
        examples=["+52 55 1234 5678"],
        description="With `+` and country code; without them the organization's country is assumed.",
    )
    whatsapp_id: WhatsAppId | None = Field(
        default=None,
        examples=["MX.13491208655302741918"],
        description="WhatsApp's business-scoped user id, for people without a visible phone.",
    )
    email: Email | None = Field(
        default=None,
        examples=["ana@example.com"],
        description="Where messages and one-time codes go when there is no phone.",
    )
    locale: Literal["es", "en", "pt"] = "es"
    opt_in: OptInGiven | None = None


class Send(Given):
    """`auto`: the portal sends the message. `none`: the answer holds the link, once, for the CRM to send. `crm`: the
    portal lets the inbox of the connected CRM send it, in the conversation that `crm.chatwoot_conversation` names."""

    mode: Literal["auto", "none", "crm"] = "auto"


Remote = Annotated[str, Field(pattern=r"^[0-9]{1,40}$")]


class CrmObjects(Given):
    """Where in your CRM the connector writes: what belongs to this request there, by its id."""

    chatwoot_conversation: Remote | None = Field(default=None, examples=["123"])
    hubspot_ticket: Remote | None = None
    hubspot_contact: Remote | None = None
    helpdesk_ticket: Remote | None = None

    def named(self) -> dict[str, str]:
        """Return what was given."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class NewRequest(Given):
    """Ask one person for the documents of a template: a new contact, or one of a case that is there already."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"contact": {"type": "object"}, "contact_id": NULL}, "required": ["contact"]},
                {
                    "properties": {
                        "contact": NULL,
                        "contact_id": {"type": "string"},
                        "external_ref": NULL,
                        "title": NULL,
                    },
                    "required": ["contact_id"],
                },
            ]
        }
    )

    external_ref: Short | None = Field(
        default=None,
        examples=["CRM-4711"],
        description="The CRM's own id of the matter: equal references are one case.",
    )
    title: Annotated[Line, Field(min_length=1, max_length=160)] | None = Field(
        default=None, examples=["Crédito 4711"], description="Of a new case."
    )
    contact: Contact | None = Field(default=None, description="Exactly one of `contact` and `contact_id`.")
    contact_id: Id | None = Field(
        default=None, description="Somebody who was asked before; then the case is theirs, and takes no `external_ref`."
    )
    template_key: Annotated[str, Field(pattern=r"^[!-~]{1,60}$", examples=["credito"])]
    send: Send = Send()
    crm: CrmObjects = CrmObjects()
    known_word: Annotated[Line, Field(min_length=1, max_length=40)] | None = Field(
        default=None,
        examples=["girasol"],
        description="A word that only you and the person know: the page that tells authentic messages from forged ones "
        "shows it.",
    )

    @model_validator(mode="after")
    def _one_person(self) -> "NewRequest":
        if (self.contact is None) == (self.contact_id is None):
            raise ValueError("exactly one of contact and contact_id")
        if self.contact_id is not None and (self.external_ref is not None or self.title is not None):
            raise ValueError("contact_id goes without external_ref and title")
        if self.send.mode == "crm" and self.crm.chatwoot_conversation is None:
            raise ValueError("mode crm needs crm.chatwoot_conversation")
        return self


class Extension(Given):
    """How long the link shall live."""

    days: Annotated[int, BeforeValidator(_number)] = Field(
        ge=1, le=MOST_DAYS, examples=[7], description="From now; never shortens."
    )


class ProgressOut(BaseModel):
    """How far the request is, for the eyes of an agent: "2 of 4 received"."""

    status: ProgressStatus
    received: int = Field(description="Required documents that the customer no longer owes.")
    accepted: int = Field(description="Required documents that are settled.")
    total: int = Field(description="Required documents, each side for itself.")


class SlotOut(BaseModel):
    """One place for one document."""

    requirement: str
    side: str
    state: SlotState
    reason: str | None
    changed_at: datetime


class MessageOut(BaseModel):
    """One message about the request."""

    id: str
    purpose: Purpose
    channel: Channel
    state: MessageState
    waits_for: WaitReason | None = Field(description="Why a queued message does not leave yet.")
    error: str | None
    changed_at: datetime


class RequestOut(BaseModel):
    """A request as the CRM sees it: states and reasons, never a file, a name or (but once) a link."""

    id: str
    case_id: str
    case_url: str = Field(description="The case at the console, behind its sign-in: for agents.")
    contact_id: str
    external_ref: str | None
    state: RequestState
    progress: ProgressOut
    template: str
    send_mode: SendMode
    created_at: datetime
    updated_at: datetime = Field(description="When something of the request or its case last changed.")
    link_expires_at: datetime | None
    check_code: str | None = Field(
        description="By which the person checks that a message is yours: put it into the message that you send in mode "
        "`none`."
    )
    slots: list[SlotOut]
    messages: list[MessageOut]
    upload_url: str | None = Field(
        default=None, description="The customer's link: only in answers to a POST in send mode `none`. A secret."
    )
    url_suffix: str | None = Field(
        default=None, description="The last part of `upload_url`, for the button of the CRM's own message template."
    )


class RequestList(BaseModel):
    """Requests, newest first."""

    data: list[RequestOut]
    next: str | None = Field(description="Address of the next page; null on the last one. Also in the Link header.")


class PlaceOut(BaseModel):
    """A field that breaks a rule."""

    field: str
    pointer: str | None = Field(default=None, description="The same as a JSON pointer (RFC 6901) into the body.")
    rule: str


class ProblemOut(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str | None = None
    reference: str
    errors: list[PlaceOut] | None = None
