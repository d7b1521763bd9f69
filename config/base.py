"""What every process is told: one frozen class a process, read from RESGUARDO_* variables, checked before it starts.

Rules: required means required, no secret has a default, secrets come as `*_FILE` paths only, and no error message holds
a value. `load()` is the one door: it reads the environment, reads every secret once, and tries the foreign keys.
"""

import logging
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.errors import SettingsRefused
from config.foreign import open_paths, refuse_foreign_keys
from config.places import BlobPlace, BucketPlace, folder_place
from config.secrets import read_certificates, read_key, read_keys, read_public_key, read_secret_text

PREFIX = "RESGUARDO_"
_from_environment: dict[str, Any] = {}


class Profile(StrEnum):
    """What kind of installation this is. Everything that is called Insecure* demands SANDBOX."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


class FileKind(StrEnum):
    """What a `*_FILE` setting points to, so that `load()` can check it."""

    KEY = "key"
    KEYS = "keys"
    PUBLIC = "public"
    TEXT = "text"
    CERTIFICATES = "certificates"


KeyFile = Annotated[Path, FileKind.KEY]
KeysFile = Annotated[Path, FileKind.KEYS]
PublicFile = Annotated[Path, FileKind.PUBLIC]
CertificatesFile = Annotated[Path, FileKind.CERTIFICATES]
OptionalKeyFile = Annotated[Path | None, FileKind.KEY]
OptionalKeysFile = Annotated[Path | None, FileKind.KEYS]
OptionalTextFile = Annotated[Path | None, FileKind.TEXT]


class Settings(BaseSettings):
    """What every process is told."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=True
    )

    profile: Profile
    database_url: str = Field(min_length=1)
    """SQLAlchemy URL. A PostgreSQL password belongs in a pgpass file: `?passfile=/path`."""
    blobs: str = Field(pattern=r"^(file:///.+|s3://[^/]+.*)$")
    """`file:///folder` or `s3://bucket[/prefix]` with the `s3_*` settings."""
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_key_id: str | None = None
    s3_secret_file: OptionalTextFile = None
    foreign_keys: str = Field(min_length=1)
    """Colon-separated paths or globs of key files and folders that this process must not be able to open."""
    insecure_shared_keys: bool = False
    """Sandbox only: start, with a warning, although foreign keys can be opened."""

    @classmethod
    def load(cls) -> Self:
        """Read and check everything this process needs to start. Raises ConfigError, whose text holds no value."""
        try:
            settings = cls(**_from_environment)
        except ValidationError as error:
            raise SettingsRefused(_plain(error)) from None
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse secrets in the environment, bad or doubled secret files, foreign keys in reach. Raises ConfigError."""
        self._refuse_values_in_the_environment()
        self._refuse_passwords_in_urls()
        self._refuse_one_key_for_two_purposes()
        self.blob_place()
        if self.profile is Profile.PRODUCTION:
            self._refuse_in_production()
        self.refuse_foreign_keys()

    def refuse_foreign_keys(self) -> None:
        """Try to open every foreign key. Raises ForeignKeyReadable; in the sandbox the insecure flag only warns."""
        patterns = [pattern for pattern in self.foreign_keys.split(":") if pattern]
        if self.profile is Profile.SANDBOX and self.insecure_shared_keys:
            for path in open_paths(patterns):
                logging.getLogger("config").warning("INSECURE: foreign key %s can be opened by this process", path)
            return
        refuse_foreign_keys(patterns)

    def blob_place(self) -> BlobPlace:
        """Return where the blobs live. Raises ConfigError."""
        if not self.blobs.startswith("s3://"):
            return folder_place("RESGUARDO_BLOBS", self.blobs)
        if (self.s3_key_id is None) != (self.s3_secret_file is None):
            raise SettingsRefused("RESGUARDO_S3_KEY_ID and RESGUARDO_S3_SECRET_FILE come together or not at all")
        bucket, _, prefix = self.blobs.removeprefix("s3://").partition("/")
        return BucketPlace(
            bucket=bucket,
            prefix=prefix,
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            key_id=self.s3_key_id,
            secret=read_secret_text(self.s3_secret_file) if self.s3_secret_file else None,
        )

    def secret_files(self) -> Iterator[tuple[str, Path, FileKind]]:
        """Yield the variable, path and kind of every `*_FILE` setting that is set."""
        for name, field in type(self).model_fields.items():
            path = getattr(self, name)
            for kind in field.metadata:
                if isinstance(kind, FileKind) and path is not None:
                    yield f"{PREFIX}{name.upper()}", path, kind

    def _refuse_one_key_for_two_purposes(self) -> None:
        seen: dict[bytes, str] = {}
        for variable, path, kind in self.secret_files():
            for secret in _read_kind(path, kind):
                other = seen.setdefault(secret, variable)
                if other != variable:
                    raise SettingsRefused(f"{variable} holds the same key as {other}")

    def _refuse_values_in_the_environment(self) -> None:
        present = {name.upper() for name in os.environ}
        for name in type(self).model_fields:
            variable = f"{PREFIX}{name.upper().removesuffix('_FILE')}"
            if name.endswith("_file") and variable in present:
                raise SettingsRefused(f"{variable} holds a secret in the environment: use {variable}_FILE")

    def _refuse_passwords_in_urls(self) -> None:
        for name in type(self).model_fields:
            value = getattr(self, name)
            authority = value.partition("://")[2].partition("/")[0] if isinstance(value, str) else ""
            userinfo, at, _ = authority.rpartition("@")
            if at and ":" in userinfo:
                raise SettingsRefused(f"{PREFIX}{name.upper()} holds a password: keep it in a file")

    def _refuse_in_production(self) -> None:
        if self.insecure_shared_keys:
            raise SettingsRefused("RESGUARDO_INSECURE_SHARED_KEYS is for the sandbox profile only")
        for name in ("public_url", "staff_url", "api_url", "wa_graph_base"):
            if not getattr(self, name, "https://").startswith("https://"):
                raise SettingsRefused(f"{PREFIX}{name.upper()} must begin with https:// in production")


def _read_kind(path: Path, kind: FileKind) -> tuple[bytes, ...]:
    match kind:
        case FileKind.KEY:
            return (read_key(path),)
        case FileKind.KEYS:
            return read_keys(path)
        case FileKind.PUBLIC:
            return (read_public_key(path),)
        case FileKind.TEXT:
            return (read_secret_text(path).encode(),)
        case FileKind.CERTIFICATES:
            return (read_certificates(path),)


def _plain(error: ValidationError) -> str:
    problems = sorted(
        f"{PREFIX}{'_'.join(str(part) for part in item['loc']).upper()} "
        + ("is missing" if item["type"] == "missing" else f"is not valid ({item['type']})")
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )
    return "; ".join(problems)
