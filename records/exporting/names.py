"""Names inside a bag: plain ASCII, so that every unzip program, file system and verifier sees the same bytes.

What the customer's file was really called stands in the index; here it only helps people to find it.
"""

import re
import unicodedata

UNNAMED = "documento"
STEM_LENGTH = 80
"""Characters of a file name before its extension: a whole path stays far below the 260 of older systems."""
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
_ENDING = re.compile(r"\.[0-9A-Za-z]{1,5}\Z")
_UNSAFE = re.compile(r"[^0-9A-Za-z._() -]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def file_name(untrusted_name: str, mime: str) -> str:
    """Return a file name that is only a name, ending as the type that the inspection proved."""
    flat = untrusted_name[:2000].replace("\\", "/").rpartition("/")[2]
    stem = _plain(_ENDING.sub("", flat.strip()))[:STEM_LENGTH].strip(". -")
    if not stem or _RESERVED.fullmatch(stem.partition(".")[0].strip()):
        stem = f"{UNNAMED} {stem}".strip()
    return stem + EXTENSIONS.get(mime, ".bin")


def folder_name(number: int, requirement: str, side: str) -> str:
    """Return the folder of one document, unique by its number: `003-ine-front`."""
    words = f"{_slug(requirement)}-{_slug(side)}".strip("-")
    return f"{number:03d}-{words}"


def bag_name(reference: str, exported_on: str) -> str:
    """Return the name of the bag's folder and, with `.zip`, of the download."""
    return f"expediente-{_slug(reference)}-{exported_on}"


def _plain(untrusted_text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", untrusted_text).encode("ascii", "ignore").decode()
    return " ".join(_UNSAFE.sub(" ", ascii_text).split())


def _slug(text: str) -> str:
    return re.sub(r"[^0-9a-z]+", "-", _plain(text).lower())[:40].strip("-") or "x"
