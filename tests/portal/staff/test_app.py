"""The console as a WSGI server starts it: from settings, refusing what is missing."""

from pathlib import Path

import pytest

from config.errors import SettingsRefused
from portal.staff.app import staff
from sandbox.tsa.authority import Authority
from storage.sealing import keyfiles


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of the console's process."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (tmp_path / "blobs").mkdir(mode=0o700)
    for name in (
        "LINK_KEYS",
        "SESSION_KEY",
        "STAFF_BOX_KEY",
        "CUSTODIAN_PUBLIC",
        "INSPECTOR_PUBLIC",
        "CHECKPOINT_PUBLIC",
    ):
        keyfiles.create(keys / name)
        monkeypatch.setenv(f"RESGUARDO_{name}_FILE", str(keys / name))
    plain = {
        "PROFILE": "sandbox",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}",
        "BLOBS": f"file://{tmp_path / 'blobs'}",
        "FOREIGN_KEYS": str(tmp_path / "nobody"),
        "TSA_ROOT_FILE": str(Authority.at(tmp_path / "tsa").ca_pem),
        "OPENER_SOCKET": str(tmp_path / "opener.sock"),
        "STAFF_URL": "http://staff.localhost:8703",
        "PUBLIC_URL": "http://portal.localhost:8701",
    }
    for name, value in plain.items():
        monkeypatch.setenv(f"RESGUARDO_{name}", value)
    return tmp_path


def test_the_console_starts_and_is_not_ready_without_its_opener(settings: Path) -> None:
    app = staff()
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json == {"status": "not ready", "checks": {"database": "ok", "opener": "failed"}}
    app.database.dispose()


@pytest.mark.parametrize(
    "missing", ["SESSION_KEY_FILE", "STAFF_BOX_KEY_FILE", "OPENER_SOCKET", "CHECKPOINT_PUBLIC_FILE"]
)
def test_the_console_refuses_to_start_without_what_it_needs(
    settings: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(f"RESGUARDO_{missing}")
    with pytest.raises(SettingsRefused):
        staff()
