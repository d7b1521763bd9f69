"""Setting up: what each kind of connector may be configured with, and the connector that it becomes.

Rules: settings hold no secret; every value is checked when it is added, and what is read back from a row is checked
again, since nothing may be built from half a configuration.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from notifications.addresses import EgressRefused, destination
from notifications.connectors.calling import Calls
from notifications.connectors.chatwoot import Chatwoot
from notifications.connectors.generic import DEFAULT, Generic, TemplateRefused, checked_template
from notifications.connectors.helpdesk import STATUSES, Helpdesk
from notifications.connectors.hubspot import HubSpot
from notifications.connectors.memory import Memory
from notifications.connectors.protocol import CrmConnector
from notifications.egress import Egress
from records.crm.subscribers import SubscriberKind
from records.progress import ProgressStatus

HUBSPOT_URL = "https://api.hubapi.com"
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]{0,200}$")]
_TAKEN = {"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"}


class ConnectorRefused(ValueError):
    """The settings of a connector are not usable. The message says which and why, and holds no value."""

    code = "connector_refused"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=500)
    allow_private: bool = False


class ChatwootSettings(_Settings):
    """`account` as it stands in the address of Chatwoot."""

    account: Digits


class HubSpotSettings(_Settings):
    """`stages` maps a progress to a stage of the pipeline; the three numbers are types of associations."""

    url: str = HUBSPOT_URL
    pipeline: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "0"
    first_stage: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "1"
    stages: dict[ProgressStatus, str] = Field(default_factory=dict)
    note_to_ticket: int = 228
    note_to_contact: int = 202
    ticket_to_contact: int = 16


class HelpdeskSettings(_Settings):
    """`queue` by its number; `statuses` maps a progress to a status of tickets."""

    queue: int = Field(ge=1)
    statuses: dict[ProgressStatus, int] = Field(default_factory=lambda: dict(STATUSES))


class GenericSettings(_Settings):
    """One JSON call. The secret goes into `credential_header`, behind `credential_prefix`."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    credential_header: HeaderName = "Authorization"
    credential_prefix: HeaderValue = "Bearer "
    body: Any = Field(default_factory=lambda: dict(DEFAULT))


SETTINGS: Mapping[SubscriberKind, type[_Settings]] = {
    SubscriberKind.CHATWOOT: ChatwootSettings,
    SubscriberKind.HUBSPOT: HubSpotSettings,
    SubscriberKind.HELPDESK: HelpdeskSettings,
    SubscriberKind.GENERIC: GenericSettings,
}
"""The kinds of subscriber that are connectors."""


def checked_settings(kind: SubscriberKind, untrusted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a connector, complete. Raises ConnectorRefused."""
    return _parsed(kind, untrusted).model_dump(mode="json")


def checked_secret(kind: SubscriberKind, untrusted: str) -> str:
    """Return a token, of django-helpdesk `user:password`. Raises ConnectorRefused."""
    if not (0 < len(untrusted) <= 2000 and untrusted.isascii() and untrusted.isprintable()):
        raise ConnectorRefused("the secret is one line of printable ASCII")
    if kind is SubscriberKind.HELPDESK and not all(untrusted.partition(":")):
        raise ConnectorRefused("the secret of a helpdesk is user:password")
    return untrusted


def connector(
    kind: SubscriberKind, settings: Mapping[str, Any], secret: str, *, egress: Egress, memory: Memory
) -> CrmConnector:
    """Return the connector of a subscriber. Raises ConnectorRefused."""
    match _parsed(kind, settings):
        case ChatwootSettings() as found:
            calls = _calls(egress, found, {"api_access_token": secret})
            return Chatwoot(calls=calls, memory=memory, account=found.account)
        case HubSpotSettings() as found:
            return HubSpot(
                calls=_calls(egress, found, {"authorization": f"Bearer {secret}"}),
                memory=memory,
                pipeline=found.pipeline,
                first_stage=found.first_stage,
                stages=found.stages,
                note_to_ticket=found.note_to_ticket,
                note_to_contact=found.note_to_contact,
                ticket_to_contact=found.ticket_to_contact,
            )
        case HelpdeskSettings() as found:
            basic = base64.b64encode(secret.encode()).decode()
            calls = _calls(egress, found, {"authorization": f"Basic {basic}"})
            return Helpdesk(calls=calls, memory=memory, queue=found.queue, statuses=found.statuses)
        case GenericSettings() as found:
            calls = _calls(egress, found, {**found.headers, found.credential_header: found.credential_prefix + secret})
            return Generic(calls=calls, method=found.method, body=found.body)
        case _:
            raise ConnectorRefused(f"{kind} is no connector")


def _parsed(kind: SubscriberKind, untrusted: Mapping[str, Any]) -> _Settings:
    shape = SETTINGS.get(kind)
    if shape is None:
        raise ConnectorRefused(f"{kind} is no connector")
    try:
        found = shape.model_validate(untrusted)
        destination(found.url, private=found.allow_private)
        if isinstance(found, GenericSettings):
            checked_template(found.body)
            _check_headers(found)
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in each["loc"]) for each in error.errors(include_input=False)})
        raise ConnectorRefused(f"not usable: {', '.join(places)}") from None
    except TemplateRefused as error:
        raise ConnectorRefused(str(error)) from None
    except EgressRefused as error:
        raise ConnectorRefused(f"the address is refused ({error.code})") from None
    return found


def _check_headers(settings: GenericSettings) -> None:
    if taken := {name.lower() for name in (*settings.headers, settings.credential_header)} & _TAKEN:
        raise ConnectorRefused(f"not to be set: {', '.join(sorted(taken))}")


def _calls(egress: Egress, settings: _Settings, headers: Mapping[str, str]) -> Calls:
    return Calls(egress=egress, base_url=settings.url, headers=headers, private=settings.allow_private)
