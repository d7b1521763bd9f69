"""The key files that the commands make are the ones that every process starts with in production."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from config import settings
from portal.cli.app import cli
from portal.cli.keys import OWN, SHARED

PROCESSES = {
    "customer": settings.CustomerSettings,
    "gateway": settings.GatewaySettings,
    "staff": settings.StaffSettings,
    "inspector": settings.InspectorSettings,
    "courier": settings.CourierSettings,
    "custodian": settings.CustodianSettings,
    "opener": settings.OpenerSettings,
}
ADDRESSES = {
    "PUBLIC_URL": "https://portal.example.com",
    "API_URL": "https://api.example.com",
    "STAFF_URL": "https://staff.example.com",
    "WA_GRAPH_BASE": "https://graph.example.com/v26.0",
    "TSA_URL": "https://tsa.example.com",
    "OPENER_SOCKET": "/run/resguardo-opener/opener.sock",
    "CLAMD_SOCKET": "/run/clamd.sock",
    "CLAMD_SPOOL": "/dev/shm/clamd",
    "KEYRING": "file:///etc/resguardo/keys/keyring",
    "JOBS_DATABASE_URL": "sqlite:////var/lib/resguardo/jobs.db",
    "DATABASE_URL": "postgresql+psycopg://portal@db.example.com/resguardo?passfile=/etc/resguardo/pgpass",
    "BLOBS": "s3://documents/vault",
    "FOREIGN_KEYS": "/nowhere/keys/*",
    "PROFILE": "production",
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All folders, made in the order of the operations guide."""
    folder = tmp_path_factory.mktemp("keys")
    for role in sorted(OWN, key="inspector".__eq__):
        first = folder / ("courier" if role == "inspector" else "customer")
        shared = ["--shared-from", str(first)] if role in SHARED and role != "customer" else []
        made = CliRunner().invoke(cli, ["keys", "new", str(folder / role), "--role", role, *shared])
        assert made.exit_code == 0, made.output
    (folder / "tsa_root.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    (folder / "tsa_root.pem").chmod(0o644)
    return folder


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_starts_in_production_with_the_keys_made_for_it(process, keys, monkeypatch):
    given = dict(ADDRESSES)
    for name in (*OWN[process], *SHARED.get(process, ())):
        given[f"{name.upper()}_FILE"] = str(keys / process / name)
    for public in keys.glob("*/*_public"):
        given[f"{public.name.upper()}_FILE"] = str(public)
    given["TSA_ROOT_FILE"] = str(keys / "tsa_root.pem")
    given["QUARANTINE_DIR"] = str(keys / "inspector" / "quarantine")
    for name, value in given.items():
        monkeypatch.setenv(f"RESGUARDO_{name}", value)
    PROCESSES[process].load()


def test_roles_share_the_keys_that_they_must(keys):
    for name in ("link_keys", "code_key", "receipt_key", "hash_keys"):
        copies = {(keys / role / name).read_bytes() for role, names in SHARED.items() if name in names}
        assert len(copies) == 1
