"""Management of an account's templates through the Cloud API: create, edit, list, delete.

The platform counts these calls by account and hour (`records/templates.py` keeps to it) and edits by day and month.
Source: Graph API v26.0, WhatsApp Business Management API, message templates.
"""

from collections.abc import Iterator
from typing import Any

from notifications.whatsapp.client import CloudApi, Sender, object_path
from notifications.whatsapp.outcomes import Answered, CallOutcome, NotSent, Refused, Unknown

FIELDS = "id,name,language,status,category,components,parameter_format,rejected_reason,quality_score"
PAGE, PAGES = 100, 100
EDITABLE = frozenset({"components", "message_send_ttl_seconds"})
EXISTS = 2388024
"""Subcode of a creation: there is a template with this name in this language already."""


def create_template(api: CloudApi, sender: Sender, *, payload: dict[str, Any]) -> CallOutcome:
    """Submit a template for review: {id, status, category}. The category may not be the one that was asked for."""
    return api.call(sender, "POST", f"{object_path(sender.waba_id)}/message_templates", body=payload)


def edit_template(api: CloudApi, sender: Sender, *, remote_id: str, payload: dict[str, Any]) -> CallOutcome:
    """Replace all components of a template, which goes back to review; its name and language stay."""
    kept = {name: said for name, said in payload.items() if name in EDITABLE}
    return api.call(sender, "POST", object_path(remote_id), body=kept)


def delete_template(api: CloudApi, sender: Sender, *, remote_id: str, name: str) -> CallOutcome:
    """Delete one language of a template. Its name is then blocked for 30 days; the name alone would delete all."""
    path = f"{object_path(sender.waba_id)}/message_templates"
    return api.call(sender, "DELETE", path, params={"hsm_id": object_path(remote_id), "name": object_path(name)})


def list_templates(api: CloudApi, sender: Sender) -> Iterator[dict[str, Any] | Refused | NotSent | Unknown]:
    """Walk through every template of the account; ends after the first outcome that is not a template."""
    params = {"fields": FIELDS, "limit": str(PAGE)}
    for _page in range(PAGES):
        answer = api.call(sender, "GET", f"{object_path(sender.waba_id)}/message_templates", params=params)
        if not isinstance(answer, Answered):
            yield answer
            return
        rows = answer.body.get("data")
        if not isinstance(rows, list):
            yield Unknown(reason="unreadable_list")
            return
        yield from (row for row in rows if isinstance(row, dict))
        match answer.body.get("paging"):
            case {"next": str(), "cursors": {"after": str(after)}}:
                params["after"] = after
            case _:
                return
    yield Unknown(reason="endless_pages")
