"""The name under which an original is downloaded: what the customer's browser declared, made harmless.

Rules: no control, bidirectional or path characters, no name that a system reserves, a bounded length, and the extension
of the type that the inspection proved (RFC 6266 with RFC 8187 for what is not ASCII).
"""

import json
import re
import unicodedata
from urllib.parse import quote

UNNAMED = "documento"
STEM_LENGTH = 120
"""Characters of a name before its extension."""
EXTENSIONS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/tiff": ".tif",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN = frozenset('/\\:*?"<>|%;')
_ENDING = re.compile(r"\.[0-9A-Za-z]{1,5}\Z")


def declared_name(untrusted_meta: bytes) -> str:
    """Return the name inside a `meta` part, as declared; a neutral word where there is none."""
    try:
        name = json.loads(untrusted_meta)["name"]
    except (ValueError, TypeError, KeyError):
        return UNNAMED
    return name if isinstance(name, str) else UNNAMED


def safe_name(untrusted_name: str, mime: str) -> str:
    """Return a file name that is only a name, ending as its proven type does."""
    flat = unicodedata.normalize("NFC", untrusted_name[:2000]).replace("\\", "/").rpartition("/")[2]
    kept = "".join(_kept(sign) for sign in flat)
    stem = " ".join(_ENDING.sub("", kept.strip()).split()).strip(". ")[:STEM_LENGTH].strip(". ")
    if not stem or _RESERVED.fullmatch(stem.partition(".")[0].strip()):
        stem = f"{UNNAMED} {stem}".strip() if stem else UNNAMED
    return stem + EXTENSIONS.get(mime, ".bin")


def attachment(untrusted_name: str, mime: str) -> str:
    """Return the value of Content-Disposition for a download under this name."""
    name = safe_name(untrusted_name, mime)
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip() or UNNAMED
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _kept(sign: str) -> str:
    if sign in _FORBIDDEN:
        return " "
    return sign if sign == " " or unicodedata.category(sign)[0] not in "CZ" else ""
