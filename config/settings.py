"""The settings of each process: what it holds, and by omission what it must never be given."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.base import (
    CertificatesFile,
    FileKind,
    KeyFile,
    KeysFile,
    OptionalKeyFile,
    OptionalKeysFile,
    OptionalTextFile,
    Profile,
    PublicFile,
    Settings,
)
from config.errors import SettingsRefused
from config.places import BlobPlace, BucketPlace, FolderPlace, KeyringPlace, KmsPlace, folder_place
from config.secrets import read_certificates, read_key, read_keys, read_public_key, read_secret_text

Url = Annotated[str, Field(pattern=r"^https?://[^/?#]+$")]
"""The base address of one of our applications: scheme and host, no path."""


def _keyring_place(url: str, region: str | None, endpoint: str | None) -> KeyringPlace:
    if url.startswith("kms:") and len(url) > len("kms:"):
        return KmsPlace(key_id=url.removeprefix("kms:"), region=region, endpoint=endpoint)
    return folder_place("RESGUARDO_KEYRING", url)


class _HoldsLinkKeys(Settings):
    link_keys_file: KeysFile

    def link_keys(self) -> tuple[bytes, ...]:
        """Return the keys that link signatures may carry, oldest first; the last one signs."""
        return read_keys(self.link_keys_file)


class _KnowsTheCustodian(Settings):
    custodian_public_file: PublicFile

    def custodian_public(self) -> bytes:
        """Return the pinned Ed25519 key that must have signed every public key found in a row."""
        return read_public_key(self.custodian_public_file)


class _KnowsTheInspector(Settings):
    inspector_public_file: PublicFile

    def inspector_public(self) -> bytes:
        """Return the pinned Ed25519 key that must have signed every attestation."""
        return read_public_key(self.inspector_public_file)


class _KnowsTheAuthority(Settings):
    tsa_root_file: CertificatesFile

    def tsa_root(self) -> bytes:
        """Return the PEM of the root certificate that every time stamp must lead to."""
        return read_certificates(self.tsa_root_file)


class _KnowsTheCheckpoints(Settings):
    checkpoint_public_file: PublicFile

    def checkpoint_public(self) -> bytes:
        """Return the Ed25519 key that must have signed every audit checkpoint."""
        return read_public_key(self.checkpoint_public_file)


class _SealsHashes(Settings):
    hash_keys_file: KeysFile

    def hash_keys(self) -> tuple[bytes, ...]:
        """Return the keys that open the hashes of filed documents in rows, oldest first; the last one seals."""
        return read_keys(self.hash_keys_file)


class _HandsReceiptsOver(Settings):
    receipt_key_file: KeyFile

    def receipt_key(self) -> bytes:
        """Return the key that seals a receipt's secret on its way from portal to courier."""
        return read_key(self.receipt_key_file)


class _RunsJobs(Settings):
    jobs_database_url: str = Field(min_length=1)
    """The job engine's own database (SQLite file) or the PostgreSQL database that holds its schema."""
    jobs_schema: str = Field(pattern=r"^[a-z_]{1,40}$")
    """The PostgreSQL schema that only this role may write; without meaning on SQLite."""
    worker_name: str = Field(default="", pattern=r"^[a-z0-9-]{0,40}$")
    """Tells this worker from others of its role on the same database; it must not change between its lives."""


class _CountsClients(Settings):
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, whose X-Forwarded-For is believed."""
    rate_limit_url: str | None = Field(default=None, pattern=r"^rediss?://[^?#]+$")
    """Redis in which several machines count requests together; without it each process counts alone."""
    rate_limit_password_file: OptionalTextFile = None

    def check(self) -> None:
        """Check as every process does, and the proxies. Raises ConfigError."""
        super().check()
        self.proxies()

    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks of the trusted proxies. Raises SettingsRefused."""
        try:
            return tuple(ip_network(part.strip()) for part in self.trusted_proxies.split(",") if part.strip())
        except ValueError:
            raise SettingsRefused("RESGUARDO_TRUSTED_PROXIES must hold addresses or networks, with commas") from None

    def rate_limit_password(self) -> str | None:
        """Return the password of Redis, None where it asks for none."""
        return None if self.rate_limit_password_file is None else read_secret_text(self.rate_limit_password_file)


class CustomerSettings(
    _HoldsLinkKeys, _KnowsTheCustodian, _KnowsTheCheckpoints, _KnowsTheAuthority, _HandsReceiptsOver, _CountsClients
):
    """The public portal: receives, seals to a public key, opens nothing."""

    code_key_file: KeyFile
    customer_key_file: KeyFile
    public_url: Url

    def code_key(self) -> bytes:
        """Return the HMAC key of one-time codes."""
        return read_key(self.code_key_file)

    def customer_key(self) -> bytes:
        """Return the key that signs visits and CSRF tokens of the public portal."""
        return read_key(self.customer_key_file)


class GatewaySettings(_HoldsLinkKeys, _CountsClients):
    """The API for CRMs and the webhooks: holds no document key."""

    gateway_box_key_file: KeyFile
    public_url: Url
    api_url: Url
    staff_url: Url
    """Address of the console: answers link to a case there, behind its sign-in."""

    def gateway_box_key(self) -> bytes:
        """Return the key that seals webhook secrets in rows."""
        return read_key(self.gateway_box_key_file)


class StaffSettings(_HoldsLinkKeys, _KnowsTheCustodian, _KnowsTheInspector, _KnowsTheCheckpoints, _KnowsTheAuthority):
    """The console: asks the opener for one part's key at a time, holds no keyring."""

    session_key_file: KeyFile
    staff_box_key_file: KeyFile
    opener_socket: Path
    staff_url: Url
    public_url: Url

    def session_key(self) -> bytes:
        """Return the key that signs sessions and CSRF tokens of the console."""
        return read_key(self.session_key_file)

    def staff_box_key(self) -> bytes:
        """Return the key that seals TOTP seeds in rows."""
        return read_key(self.staff_box_key_file)


class InspectorSettings(_KnowsTheCustodian, _SealsHashes, _RunsJobs):
    """The inspector: opens quarantined slices, examines, seals to the case, attests."""

    attestation_key_file: KeyFile
    quarantine_dir: Path
    """Folder (0700) of the quarantine private keys, one a day."""
    clamd_socket: Path
    clamd_spool: Path
    """clamd's temporary folder; it must lie on tmpfs."""
    signatures_max_age_days: int = Field(default=7, ge=1, le=3650)
    """Older signatures reach no verdict: documents wait until newer ones are loaded."""
    jobs_schema: str = "jobs_inspector"

    def attestation_key(self) -> bytes:
        """Return the Ed25519 seed that signs attestations."""
        return read_key(self.attestation_key_file)


class CourierSettings(
    _HoldsLinkKeys, _KnowsTheCheckpoints, _KnowsTheAuthority, _SealsHashes, _HandsReceiptsOver, _RunsJobs
):
    """The courier: the only one that talks to Meta, to CRMs and to the time-stamp authority; it makes the receipts."""

    courier_box_key_file: KeyFile
    code_key_file: KeyFile
    wa_graph_base: str = Field(pattern=r"^https?://[^?#]+$")
    tsa_url: str = Field(pattern=r"^https?://[^?#]+$")
    public_url: Url
    staff_url: Url
    """Address of the console: what CRMs are told links to a case there, behind its sign-in."""
    private_endpoints: bool = False
    """Whether webhooks and CRMs may lie at private addresses, where they were added with --allow-private."""
    smtp_host: str = Field(default="", pattern=r"^[A-Za-z0-9.:-]{0,253}$")
    """The relay that takes mail to customers; without it none is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """`none` is for a relay on this machine."""
    smtp_user: str = ""
    smtp_password_file: Annotated[Path | None, FileKind.TEXT] = None
    smtp_ca_file: Annotated[Path | None, FileKind.CERTIFICATES] = None
    """Certificates that the relay's must lead to, where the system's are not meant."""
    jobs_schema: str = "jobs_courier"

    def check(self) -> None:
        """Check as every process does, and how mail leaves. Raises ConfigError."""
        super().check()
        if self.smtp_tls == "none" and self.smtp_host not in ("", "localhost", "127.0.0.1", "::1"):
            raise SettingsRefused("RESGUARDO_SMTP_TLS=none is for a relay on this machine")
        if bool(self.smtp_user) != (self.smtp_password_file is not None):
            raise SettingsRefused("RESGUARDO_SMTP_USER and RESGUARDO_SMTP_PASSWORD_FILE go together")

    def smtp_password(self) -> str:
        """Return the password for the relay; empty where it asks for none."""
        return "" if self.smtp_password_file is None else read_secret_text(self.smtp_password_file)

    def courier_box_key(self) -> bytes:
        """Return the key that seals channel and CRM tokens in rows."""
        return read_key(self.courier_box_key_file)

    def code_key(self) -> bytes:
        """Return the HMAC key of one-time codes."""
        return read_key(self.code_key_file)


class CustodianSettings(_KnowsTheInspector, _RunsJobs):
    """The custodian: mints keys, signs public halves and audit checkpoints, exports, erases."""

    keyring: str
    kms_region: str | None = None
    kms_endpoint: str | None = None
    signing_key_file: KeyFile
    checkpoint_key_file: KeyFile
    escrow_public_file: PublicFile
    rescan_files_per_hour: int = Field(default=300, ge=0, le=100_000)
    """Filed documents that are let back to the inspector within an hour, when signatures change."""
    rescan_mb_per_hour: int = Field(default=3000, ge=0, le=1_000_000)
    jobs_schema: str = "jobs_custodian"

    def check(self) -> None:
        """Check as every process does, and the keyring's address. Raises ConfigError."""
        super().check()
        self.keyring_place()

    def keyring_place(self) -> KeyringPlace:
        """Return where the organization root keys live. Raises SettingsRefused."""
        return _keyring_place(self.keyring, self.kms_region, self.kms_endpoint)

    def signing_key(self) -> bytes:
        """Return the Ed25519 seed that signs public keys."""
        return read_key(self.signing_key_file)

    def checkpoint_key(self) -> bytes:
        """Return the Ed25519 seed that signs audit checkpoints."""
        return read_key(self.checkpoint_key_file)

    def escrow_public(self) -> bytes:
        """Return the X25519 public key of the offline escrow recipient."""
        return read_public_key(self.escrow_public_file)


class OpenerSettings(_KnowsTheCustodian, _KnowsTheInspector):
    """The opener: hands out one part's file key against a committed audit event."""

    keyring: str
    kms_region: str | None = None
    kms_endpoint: str | None = None
    opener_socket: Path

    def check(self) -> None:
        """Check as every process does, and the keyring's address. Raises ConfigError."""
        super().check()
        self.keyring_place()

    def keyring_place(self) -> KeyringPlace:
        """Return where the organization root keys live. Raises SettingsRefused."""
        return _keyring_place(self.keyring, self.kms_region, self.kms_endpoint)


class CliSettings(Settings):
    """The administration commands. Each key is needed by some commands only, so each may be absent."""

    link_keys_file: OptionalKeysFile = None
    gateway_box_key_file: OptionalKeyFile = None
    staff_box_key_file: OptionalKeyFile = None
    courier_box_key_file: OptionalKeyFile = None
    public_url: Url

    def link_keys(self) -> tuple[bytes, ...]:
        """Return the link keys. Raises SettingsRefused when this command line was given none."""
        return read_keys(_given("LINK_KEYS_FILE", self.link_keys_file))

    def gateway_box_key(self) -> bytes:
        """Return the key that seals webhook secrets. Raises SettingsRefused when not given."""
        return read_key(_given("GATEWAY_BOX_KEY_FILE", self.gateway_box_key_file))

    def staff_box_key(self) -> bytes:
        """Return the key that seals TOTP seeds. Raises SettingsRefused when not given."""
        return read_key(_given("STAFF_BOX_KEY_FILE", self.staff_box_key_file))

    def courier_box_key(self) -> bytes:
        """Return the key that seals channel tokens. Raises SettingsRefused when not given."""
        return read_key(_given("COURIER_BOX_KEY_FILE", self.courier_box_key_file))


def _given(name: str, path: Path | None) -> Path:
    if path is None:
        raise SettingsRefused(f"this command needs RESGUARDO_{name}")
    return path


__all__ = [
    "BlobPlace",
    "BucketPlace",
    "CliSettings",
    "CourierSettings",
    "CustodianSettings",
    "CustomerSettings",
    "FolderPlace",
    "GatewaySettings",
    "InspectorSettings",
    "KeyringPlace",
    "KmsPlace",
    "OpenerSettings",
    "Profile",
    "StaffSettings",
]
