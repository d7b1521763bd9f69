"""What the studio's tasks need, and how a template is written for the platform and compared with what stands there."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.whatsapp import authentication
from notifications.whatsapp.client import CloudApi, Sender
from notifications.whatsapp.errors import ApiError
from notifications.whatsapp.library import COMMON
from notifications.whatsapp.linting.reading import read
from notifications.whatsapp.templates import DEFAULT_LANGUAGE, Template, unchecked_payload
from records.senders import WhatsAppSender
from records.templates import MessageTemplate
from storage.database import Database, utcnow
from storage.sealing.box import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`public_url` is the portal's address without a slash at the end."""

    database: Database
    api: CloudApi
    box: Box
    public_url: str
    clock: Callable[[], datetime] = utcnow


def sender_of(tools: Tools, session: Session, org_id: str, waba_id: str) -> Sender | None:
    """Return a number of the account with its token, None when the company has none any more."""
    wanted = select(WhatsAppSender).filter_by(org_id=org_id, waba_id=waba_id).order_by(WhatsAppSender.id)
    row = session.scalars(wanted).first()
    if row is None:
        return None
    token = tools.box.open(row.token_boxed, table="whatsapp_senders", row=row.id, column="token_boxed").decode()
    return Sender(phone_number_id=row.phone_number_id, waba_id=waba_id, token=token)


def written(template: MessageTemplate, public_url: str) -> dict[str, Any]:
    """Return the JSON body of a template, unchecked."""
    if template.name == authentication.CODE:
        return authentication.payload(template.language, template.label)
    texts = Template(
        name=template.name,
        language=template.language,
        body=template.body,
        footer=template.footer,
        label=template.label,
        examples=COMMON.get(template.language, COMMON[DEFAULT_LANGUAGE])[2],
    )
    return unchecked_payload(texts, base_url=f"{public_url}/s/")


def fingerprint(untrusted_body: Mapping[str, Any]) -> str:
    """Return a hash of what a customer sees and where buttons lead: equal on both sides unless somebody changed it."""
    found = read(dict(untrusted_body))
    if found.category == "AUTHENTICATION":  # the platform writes everything but the label
        seen: list[object] = [button.label for button in found.buttons]
    else:
        seen = [part.text.strip() if part is not None else None for part in (found.header, found.body, found.footer)]
        seen += [[button.kind, button.label, button.url] for button in found.buttons]
    return hashlib.sha256(json.dumps(seen).encode("utf-8", "replace")).hexdigest()


def words_of(untrusted_body: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return body, footer and label of a template at the platform, None when it is not made like ours."""
    found = read(dict(untrusted_body))
    labels = [button.label for button in found.buttons]
    if len(labels) != 1 or found.header is not None:
        return None
    if found.category == "AUTHENTICATION":
        return "", "", labels[0][:25]
    if found.body is None:
        return None
    return found.body.text[:1024], found.footer.text[:60] if found.footer is not None else "", labels[0][:25]


def failed(outcomes: Iterable[object]) -> object | None:
    """Return the first outcome of a walk that is not a template."""
    return next((each for each in outcomes if not isinstance(each, dict)), None)


def code_of(error: ApiError) -> str:
    """Return the platform's code with its subcode, or the status of an answer that had none."""
    if error.code is None:
        return f"http_{error.http_status}"
    return str(error.code) if error.subcode is None else f"{error.code}/{error.subcode}"
