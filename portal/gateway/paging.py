"""Lists of the REST API: a page at a time, in an order that later rows do not disturb.

A cursor is a place in that order, not a number: rows that come or change while somebody reads neither repeat nor hide
others. It is opaque to the CRM, and checked like any other value.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import current_app, request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.errors import InvalidValue
from storage.database.base import ID_LENGTH

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]

Line = Annotated[str, Field(json_schema_extra={"format": "line"})]
"""One line of printable text; the rows check it."""


def _rfc3339(untrusted: Any) -> Any:
    """Let no other spelling of a time pass than that of RFC 3339 (numbers would be read as seconds)."""
    if not isinstance(untrusted, str) or not _TIME.fullmatch(untrusted):
        raise ValueError("a time as in RFC 3339, with its zone")
    return untrusted


def _as_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time out of bounds") from None


Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_as_utc)]
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
Reference = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["CRM-4711"])]


class ListQuery(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=25, ge=1, le=100, description="Rows of a page.")
    cursor: Annotated[str, Field(max_length=120, json_schema_extra={"format": "cursor"})] | None = Field(
        default=None, description="Where to go on: out of `next` of the page before."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The columns that put rows in order: a time and an id. Newest first, but for what happened (`ascending`)."""

    at: InstrumentedAttribute[datetime]
    id: InstrumentedAttribute[str]
    ascending: bool = False


def page_of(session: Session, wanted: Select[Any], order: Order, query: ListQuery) -> tuple[Sequence[Any], str | None]:
    """Return the rows of the page that `query` asks for, and the cursor of the next one. Raises InvalidValue."""
    if query.cursor is not None:
        at, row_id = _read(query.cursor)
        beyond = (order.at > at, order.id > row_id) if order.ascending else (order.at < at, order.id < row_id)
        wanted = wanted.where(or_(beyond[0], and_(order.at == at, beyond[1])))
    columns = (order.at, order.id) if order.ascending else (order.at.desc(), order.id.desc())
    rows = session.scalars(wanted.order_by(*columns).limit(query.limit + 1)).all()
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return rows, _write(getattr(rows[-1], order.at.key), getattr(rows[-1], order.id.key)) if more else None


def paged(data: list[dict[str, Any]], cursor: str | None) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the answer of a list whose next page begins at `cursor`."""
    return next_page(data, None if cursor is None else {"cursor": cursor})


def next_page(data: list[dict[str, Any]], place: dict[str, str] | None) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return rows, the address of the next page, and the same as a Link header (RFC 8288)."""
    if place is None:
        return {"data": data, "next": None}, 200, {}
    address = f"{current_app.config['API_URL']}{request.path}?{urlencode(request.args.to_dict() | place)}"
    return {"data": data, "next": address}, 200, {"Link": f'<{address}>; rel="next"'}


def _write(at: datetime, row_id: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {row_id}".encode()).decode().rstrip("=")


def _read(untrusted: str) -> tuple[datetime, str]:
    """Return the place that a cursor names. Raises InvalidValue for what this API never gave out."""
    try:
        padded = f"{untrusted}{'=' * (-len(untrusted) % 4)}"
        at, _, row_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        found = datetime.fromisoformat(at)
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidValue("cursor", "unknown") from None
    if found.tzinfo is None or len(row_id) != ID_LENGTH or not row_id.isalnum():
        raise InvalidValue("cursor", "unknown")
    return found, row_id
