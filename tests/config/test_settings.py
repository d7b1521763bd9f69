"""Settings: required means required, secrets come as files, and no refusal quotes a value."""

import base64
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.base import FileKind
from config.errors import ConfigError, ForeignKeyReadable, SecretRefused, SettingsRefused
from config.settings import (
    BucketPlace,
    CliSettings,
    CourierSettings,
    CustodianSettings,
    CustomerSettings,
    FolderPlace,
    GatewaySettings,
    InspectorSettings,
    KmsPlace,
    OpenerSettings,
    Profile,
    StaffSettings,
)

EVERY = [
    CustomerSettings,
    GatewaySettings,
    StaffSettings,
    InspectorSettings,
    CourierSettings,
    CustodianSettings,
    OpenerSettings,
    CliSettings,
]
FILES = [
    "LINK_KEYS",
    "CODE_KEY",
    "CUSTOMER_KEY",
    "GATEWAY_BOX_KEY",
    "SESSION_KEY",
    "STAFF_BOX_KEY",
    "COURIER_BOX_KEY",
    "ATTESTATION_KEY",
    "SIGNING_KEY",
    "CHECKPOINT_KEY",
    "CUSTODIAN_PUBLIC",
    "INSPECTOR_PUBLIC",
    "ESCROW_PUBLIC",
    "CHECKPOINT_PUBLIC",
    "RECEIPT_KEY",
    "HASH_KEYS",
]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything that any process wants to be told."""
    for name in [name for name in os.environ if name.startswith("RESGUARDO_")]:
        monkeypatch.delenv(name)
    for name in FILES:
        path = tmp_path / name.lower()
        path.write_text(base64.b64encode(os.urandom(32)).decode())
        path.chmod(0o600)
        monkeypatch.setenv(f"RESGUARDO_{name}_FILE", str(path))
    root = tmp_path / "tsa_root"
    root.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    monkeypatch.setenv("RESGUARDO_TSA_ROOT_FILE", str(root))
    plain = {
        "PROFILE": "sandbox",
        "DATABASE_URL": "sqlite:////var/data/resguardo.db",
        "BLOBS": "file:///var/data/blobs",
        "FOREIGN_KEYS": "/nowhere/keys/other:/nowhere/keys/*/signing",
        "PUBLIC_URL": "http://portal.localhost:8701",
        "API_URL": "http://api.localhost:8702",
        "STAFF_URL": "http://staff.localhost:8703",
        "OPENER_SOCKET": "/run/opener.sock",
        "QUARANTINE_DIR": "/keys/quarantine",
        "CLAMD_SOCKET": "/run/clamd.sock",
        "CLAMD_SPOOL": "/dev/shm/clamd",
        "JOBS_DATABASE_URL": "sqlite:////var/data/jobs.db",
        "WA_GRAPH_BASE": "http://127.0.0.1:8704",
        "TSA_URL": "http://127.0.0.1:8705",
        "KEYRING": "file:///keys/keyring",
    }
    for name, value in plain.items():
        monkeypatch.setenv(f"RESGUARDO_{name}", value)
    return monkeypatch


@pytest.mark.parametrize("kind", EVERY)
def test_every_process_starts_when_told_everything(kind: type[CustomerSettings], environment: object) -> None:
    settings = kind.load()
    assert settings.profile is Profile.SANDBOX
    assert settings.blob_place() == FolderPlace(path=Path("/var/data/blobs"))


@pytest.mark.parametrize("kind", EVERY)
def test_every_required_setting_is_required(kind: type[CustomerSettings], environment: pytest.MonkeyPatch) -> None:
    for name, field in kind.model_fields.items():
        if field.is_required():
            with environment.context() as without:
                without.delenv(f"RESGUARDO_{name.upper()}")
                with pytest.raises(SettingsRefused, match=f"RESGUARDO_{name.upper()} is missing"):
                    kind.load()


def test_settings_cannot_be_changed(environment: object) -> None:
    settings = CustomerSettings.load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.public_url = "http://evil.example"  # type: ignore[misc]


def test_every_file_setting_is_checked_at_start() -> None:
    for kind in EVERY:
        for name in kind.model_fields:
            if name.endswith("_file"):
                assert any(isinstance(kind_, FileKind) for kind_ in kind.model_fields[name].metadata), name


@pytest.mark.parametrize("kind", EVERY)
def test_a_guessable_key_stops_a_process(
    kind: type[CustomerSettings], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in FILES:
        if f"{name.lower()}_file" in kind.model_fields:
            weak = tmp_path / "weak"
            weak.write_text(base64.b64encode(bytes(32)).decode())
            weak.chmod(0o600)
            with environment.context() as changed:
                changed.setenv(f"RESGUARDO_{name}_FILE", str(weak))
                with pytest.raises(SecretRefused):
                    kind.load()


def test_a_secret_in_the_environment_stops_a_process(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_LINK_KEYS", "c2VjcmV0")
    with pytest.raises(SettingsRefused, match="RESGUARDO_LINK_KEYS holds a secret in the environment") as refused:
        GatewaySettings.load()
    assert "c2VjcmV0" not in str(refused.value)


def test_one_key_for_two_purposes_stops_a_process(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_CODE_KEY_FILE", os.environ["RESGUARDO_CUSTOMER_KEY_FILE"])
    with pytest.raises(SettingsRefused, match="holds the same key as"):
        CustomerSettings.load()


def test_a_password_in_a_url_stops_a_process(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_DATABASE_URL", "postgresql+psycopg://app:hunter2@db/resguardo")
    with pytest.raises(SettingsRefused, match="RESGUARDO_DATABASE_URL holds a password") as refused:
        StaffSettings.load()
    assert "hunter2" not in str(refused.value)


def test_a_malformed_setting_is_named_but_not_quoted(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_PUBLIC_URL", "javascript:alert(1)")
    with pytest.raises(SettingsRefused, match="RESGUARDO_PUBLIC_URL is not valid") as refused:
        CustomerSettings.load()
    assert "alert" not in str(refused.value)


@pytest.mark.parametrize("blobs", ["/var/data", "file://host/var", "http://x/", "file:relative", "s3://", ""])
def test_an_address_of_blobs_that_is_neither_folder_nor_bucket_is_refused(
    blobs: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("RESGUARDO_BLOBS", blobs)
    with pytest.raises(SettingsRefused, match="RESGUARDO_BLOBS"):
        CustomerSettings.load()


def test_a_bucket_takes_its_secret_from_a_file_and_never_shows_it(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "s3"
    secret.write_text("wJalrXUtnFEMI")
    secret.chmod(0o600)
    environment.setenv("RESGUARDO_BLOBS", "s3://vault/documents")
    environment.setenv("RESGUARDO_S3_KEY_ID", "AKIA")
    with pytest.raises(SettingsRefused, match="come together"):
        CustomerSettings.load()
    environment.setenv("RESGUARDO_S3_SECRET_FILE", str(secret))
    place = CustomerSettings.load().blob_place()
    assert place == BucketPlace(
        bucket="vault", prefix="documents", endpoint=None, region=None, key_id="AKIA", secret="wJalrXUtnFEMI"
    )
    assert "wJalr" not in repr(place)


def test_a_keyring_is_a_folder_or_a_kms_key(environment: pytest.MonkeyPatch) -> None:
    assert OpenerSettings.load().keyring_place() == FolderPlace(path=Path("/keys/keyring"))
    environment.setenv("RESGUARDO_KEYRING", "kms:alias/resguardo")
    environment.setenv("RESGUARDO_KMS_REGION", "us-east-1")
    assert CustodianSettings.load().keyring_place() == KmsPlace(
        key_id="alias/resguardo", region="us-east-1", endpoint=None
    )
    environment.setenv("RESGUARDO_KEYRING", "kms:")
    with pytest.raises(SettingsRefused, match="RESGUARDO_KEYRING"):
        OpenerSettings.load()


def test_a_foreign_key_in_reach_stops_a_process(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("RESGUARDO_FOREIGN_KEYS", f"/nowhere:{tmp_path}/signing_key")
    with pytest.raises(ForeignKeyReadable, match="signing_key"):
        CustomerSettings.load()


def test_the_sandbox_may_share_keys_only_when_told_and_says_so_loudly(
    environment: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("RESGUARDO_FOREIGN_KEYS", f"{tmp_path}/signing_key")
    environment.setenv("RESGUARDO_INSECURE_SHARED_KEYS", "1")
    CustomerSettings.load()
    assert "INSECURE: foreign key" in caplog.text


def test_production_never_shares_keys(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("RESGUARDO_PROFILE", "production")
    environment.setenv("RESGUARDO_PUBLIC_URL", "https://documentos.example")
    CustomerSettings.load()
    environment.setenv("RESGUARDO_INSECURE_SHARED_KEYS", "1")
    with pytest.raises(SettingsRefused, match="sandbox profile only"):
        CustomerSettings.load()


def test_production_demands_https(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_PROFILE", "production")
    with pytest.raises(SettingsRefused, match="RESGUARDO_PUBLIC_URL must begin with https"):
        CustomerSettings.load()


@pytest.mark.parametrize("content", ["", "MIIB", "-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n"])
def test_a_root_of_time_stamps_that_is_no_plain_certificate_stops_a_process(
    content: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tsa_root").write_text(content)
    with pytest.raises(SecretRefused):
        CourierSettings.load()


def test_a_root_of_time_stamps_that_others_can_swap_stops_a_process(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tsa_root").chmod(0o666)
    with pytest.raises(SecretRefused, match="lets others in"):
        StaffSettings.load()


def test_a_command_line_without_the_key_it_needs_says_which(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("RESGUARDO_STAFF_BOX_KEY_FILE")
    settings = CliSettings.load()
    assert len(settings.courier_box_key()) == 32
    with pytest.raises(ConfigError, match="RESGUARDO_STAFF_BOX_KEY_FILE"):
        settings.staff_box_key()


def test_what_faces_the_internet_is_told_of_no_private_document_key() -> None:
    private = {"keyring", "attestation_key_file", "signing_key_file", "checkpoint_key_file", "quarantine_dir"}
    for kind in (CustomerSettings, GatewaySettings, CourierSettings, StaffSettings):
        assert not private & set(kind.model_fields), kind


def test_the_custodian_is_told_of_nothing_on_the_internet() -> None:
    assert not {"wa_graph_base", "tsa_url", "public_url"} & set(CustodianSettings.model_fields)


def test_proxies_are_networks_and_nothing_else(environment: pytest.MonkeyPatch) -> None:
    assert CustomerSettings.load().proxies() == ()
    environment.setenv("RESGUARDO_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,fd00::/64")
    assert [str(each) for each in CustomerSettings.load().proxies()] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/64"]
    for wrong in ("*", "proxy.example.com", "10.0.0.1/8"):
        environment.setenv("RESGUARDO_TRUSTED_PROXIES", wrong)
        with pytest.raises(SettingsRefused):
            CustomerSettings.load()


def test_shared_rate_limits_take_their_password_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert CustomerSettings.load().rate_limit_password() is None
    environment.setenv("RESGUARDO_RATE_LIMIT_URL", "redis://:secret@10.0.0.5:6379/0")
    with pytest.raises(SettingsRefused):
        CustomerSettings.load()
    environment.setenv("RESGUARDO_RATE_LIMIT_URL", "rediss://10.0.0.5:6379/0")
    password = tmp_path / "redis"
    password.write_text("of-redis\n")
    password.chmod(0o600)
    environment.setenv("RESGUARDO_RATE_LIMIT_PASSWORD_FILE", str(password))
    assert CustomerSettings.load().rate_limit_password() == "of-redis"


def test_mail_may_leave_without_tls_on_this_machine_only(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_SMTP_TLS", "none")
    environment.setenv("RESGUARDO_SMTP_HOST", "127.0.0.1")
    assert CourierSettings.load().smtp_password() == ""
    environment.setenv("RESGUARDO_SMTP_HOST", "relay.example.com")
    with pytest.raises(SettingsRefused, match="on this machine"):
        CourierSettings.load()


def test_a_user_of_the_relay_needs_a_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RESGUARDO_SMTP_USER", "us")
    with pytest.raises(SettingsRefused, match="go together"):
        CourierSettings.load()
