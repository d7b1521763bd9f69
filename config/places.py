"""Where bytes and root keys live, as values read from one setting each."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from config.errors import SettingsRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPlace:
    """A folder of this machine."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """A bucket of an S3 service. Without key id and secret the client's own chain (instance role) is used."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    key_id: str | None
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsPlace:
    """A key of a key management service, that seals the organization root keys."""

    key_id: str
    region: str | None
    endpoint: str | None


BlobPlace = FolderPlace | BucketPlace
KeyringPlace = FolderPlace | KmsPlace


def folder_place(name: str, url: str) -> FolderPlace:
    """Read `file:///absolute/folder`. Raises SettingsRefused that names the setting `name`."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or parts.netloc or parts.query or parts.fragment or not path.is_absolute():
        raise SettingsRefused(f"{name} must look like file:///absolute/folder")
    return FolderPlace(path=path)
