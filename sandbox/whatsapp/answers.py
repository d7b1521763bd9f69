"""How the API shows what it knows: numbers, templates page by page, files."""

import base64
from collections.abc import Callable
from typing import Any

from flask import request

from sandbox.whatsapp.business import Account, Number
from sandbox.whatsapp.entities import Template
from sandbox.whatsapp.plumbing import engine, fields
from sandbox.whatsapp.problems import GraphError, unknown_object

DEFAULT_TEMPLATE = ("name", "parameter_format", "components", "language", "status", "category")


def number_shown(number: Number) -> dict[str, Any]:
    """Return a number as the API tells it."""
    account = engine().businesses.account_of(number)
    callback = {"application": account.route.url or engine().deliveries.url}
    for name, url in (("whatsapp_business_account", account.override), ("phone_number", number.override)):
        callback |= {name: url} if url else {}
    return {
        "id": number.id,
        "display_phone_number": number.display,
        "verified_name": number.name,
        "quality_rating": number.quality,
        "status": number.status,
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "webhook_configuration": callback,
    }


def template_shown(template: Template) -> dict[str, Any]:
    """Return every field of a template."""
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "parameter_format": template.payload.get("parameter_format", "POSITIONAL"),
        "components": template.payload.get("components", []),
        "rejected_reason": template.reason if template.status == "REJECTED" else "NONE",
        "quality_score": {"score": template.quality},
        "message_send_ttl_seconds": template.payload.get("message_send_ttl_seconds", -1),
    }


def templates_page(account: Account, *, only: str = "") -> dict[str, Any]:
    """Return a page of the account's templates as the query asks (`only` one: that one). Raises GraphError."""
    shown = [template_shown(one) for one in engine().world.templates_of(account.id)]
    if only:
        (row,) = [one for one in shown if one["id"] == only]
        return fields(row, default=DEFAULT_TEMPLATE)
    for name in ("name", "status", "category", "language"):
        if wanted := request.args.get(name, "").lower():
            shown = [row for row in shown if str(row[name]).lower() == wanted]
    limit = min(max(request.args.get("limit", 25, int), 1), 1000)
    start = _place(request.args.get("after", ""))
    page, rest = shown[start : start + limit], shown[start + limit :]
    paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(start + len(page))}}
    if rest:
        paging["next"] = f"{request.base_url}?after={paging['cursors']['after']}"
    data = [fields(row, default=DEFAULT_TEMPLATE) for row in page]
    return {"data": data, "paging": paging} if page else {"data": []}


def media_shown(untrusted_id: str, *, allowed: Callable[[Number], bool], read: bool = True) -> dict[str, Any]:
    """Return where a file lies. Raises GraphError 100/33 when it is gone or belongs to another number.

    `read` counts it as an attempt to get at the file.
    """
    media, claimed = engine().customers.find_media(untrusted_id), request.args.get("phone_number_id", "")
    if (
        media is None
        or claimed not in {"", media.number_id}
        or not allowed(engine().businesses.number(media.number_id))
    ):
        raise unknown_object(untrusted_id)
    if read:
        media.reads += 1
        engine().world.media_reads += 1
    return {
        "messaging_product": "whatsapp",
        "id": media.id,
        "mime_type": media.mime,
        "sha256": media.sha256,
        "file_size": media.size,
        "url": engine().customers.address_of(media),
    }


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode().rstrip("=")


def _place(untrusted_cursor: str) -> int:
    if not untrusted_cursor:
        return 0
    try:
        padded = untrusted_cursor + "=" * (-len(untrusted_cursor) % 4)
        return max(0, int(base64.urlsafe_b64decode(padded).decode().removeprefix("place:")))
    except ValueError:
        raise GraphError(100, "Invalid cursor") from None
