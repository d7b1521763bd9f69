"""Reads single values of an untrusted JSON document: each reader takes anything and never raises."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any


def items(untrusted: object) -> list[Any]:
    """Return the elements of a list; one lone value counts as a list of one, null as none."""
    if untrusted is None:
        return []
    return untrusted if isinstance(untrusted, list) else [untrusted]


def texts(untrusted: object, **names: str) -> dict[str, str]:
    """Return the named texts of an object, leaving out what is missing or empty."""
    node = untrusted if isinstance(untrusted, dict) else {}
    return {name: said for name, source in names.items() if (said := text(node.get(source)))}


def text(untrusted: object, limit: int = 255) -> str:
    """Return a text that every database can store: no NUL, no half surrogate pair, at most `limit` characters."""
    if isinstance(untrusted, bool):
        return "true" if untrusted else "false"
    if isinstance(untrusted, int):
        untrusted = str(untrusted) if untrusted.bit_length() < 256 else ""
    if not isinstance(untrusted, str):
        return ""
    return untrusted[:limit].encode("utf-8", "replace").decode().replace("\x00", "")


def scalars(value: Mapping[str, Any], prefix: str = "", depth: int = 3) -> Iterator[tuple[str, str]]:
    """Yield (dotted path, text) for every scalar of an object, a few levels deep; lists count from 0."""
    for name, item in value.items():
        path = f"{prefix}{text(name, 48)}"
        if isinstance(item, list):
            item = {str(number): each for number, each in enumerate(item[:10])}
        if isinstance(item, dict) and depth:
            yield from scalars(item, path + ".", depth - 1)
        elif said := text(item, 500):
            yield path, said


def moment(untrusted: object) -> datetime | None:
    """Read unix seconds or milliseconds (number or text) or ISO 8601; None outside the years 2009 to 2100."""
    if isinstance(untrusted, str):
        try:
            untrusted = float(untrusted) if re.fullmatch(r"[0-9]{1,14}(\.[0-9]{1,9})?", untrusted) else _iso(untrusted)
        except (ValueError, OverflowError):
            return None
    if isinstance(untrusted, bool) or not isinstance(untrusted, int | float) or not 0 < untrusted < 10**14:
        return None
    seconds = untrusted / 1000 if untrusted > 100_000_000_000 else untrusted
    return datetime.fromtimestamp(seconds, UTC) if 1_230_768_000 <= seconds < 4_102_444_800 else None


def _iso(untrusted: str) -> float:
    moment = datetime.fromisoformat(untrusted)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
