"""What a browser says about a file, bounded and cleaned before it is sealed as slice 0 of the upload.

Nothing here is believed: the inspector proves the type, and the name is only ever shown to staff, escaped.
"""

import json
import re
import unicodedata
from dataclasses import dataclass

NAME_LIMIT = 200
"""Characters of a name; the extension survives the cut."""
UNNAMED = "documento"
UNKNOWN_TYPE = "application/octet-stream"

_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,49}/[a-z0-9][a-z0-9.+-]{0,79}")
_EXTENSION = re.compile(r"\.[0-9A-Za-z]{1,10}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Name and type of a file as declared, cleaned."""

    name: str
    type: str

    def sealed_form(self) -> bytes:
        """Return the JSON object {name, type} in UTF-8: the plaintext of slice 0."""
        return json.dumps({"name": self.name, "type": self.type}, ensure_ascii=False, sort_keys=True).encode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is kept of a photo that became a page: its declared name, its size, and SHA-256 in hexadecimal."""

    untrusted_name: str
    size: int
    sha256: str


def declared(untrusted_name: str, untrusted_type: str) -> Declared:
    """Clean what the browser declared. Never fails: what is unusable becomes a neutral word."""
    media_type = untrusted_type.partition(";")[0].strip().lower()
    return Declared(
        name=_clean_name(untrusted_name),
        type=media_type if _TYPE.fullmatch(media_type) else UNKNOWN_TYPE,
    )


def _clean_name(untrusted: str) -> str:
    name = unicodedata.normalize("NFC", untrusted[: 8 * NAME_LIMIT]).replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = " ".join(name.split()).strip(". ")
    extension = _EXTENSION.search(name)
    tail = extension.group() if extension else ""
    return name[: NAME_LIMIT - len(tail)] + tail if len(name) > NAME_LIMIT else name or UNNAMED
