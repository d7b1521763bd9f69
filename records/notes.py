"""Notes that people write: what may be in one."""

from records.errors import InvalidValue


def checked_words(untrusted: str, limit: int) -> str | None:
    """Return a note without control characters, None for none. Raises InvalidValue when it is too long."""
    text = "".join(sign if sign == "\n" or sign.isprintable() else " " for sign in untrusted).strip()
    if len(text) > limit:
        raise InvalidValue("note", "too_long")
    return text or None
