"""Every process, started for real where it can open a key of another one: it refuses before it does anything else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.launch.catalogue import KEY_FILES, base_environment, settings_of
from sandbox.launch.keys import make_keys
from sandbox.launch.layout import Layout
from sandbox.launch.site import Site
from tests.services.processes import ROOT

WEB = ("customer", "gateway", "staff")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An installation in whose folders everybody sees everything."""
    layout = Layout(root=tmp_path_factory.mktemp("installation"))
    layout.make()
    make_keys(layout)
    return Site(
        layout=layout, database_url=f"sqlite:///{layout.data}/resguardo.db", blobs=f"file://{layout.data}/blobs"
    )


def started(role: str, site: Site, **changes: str) -> subprocess.CompletedProcess[str]:
    command = ["-c", f"import wsgi; wsgi.{role}()"] if role in WEB else ["-m", "portal.worker", role]
    environment = base_environment(site) | settings_of(role, site, shared_keys=False) | changes
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("role", KEY_FILES)
def test_a_process_that_can_open_a_foreign_key_does_not_start(role: str, site: Site) -> None:
    done = started(role, site)
    assert done.returncode != 0
    assert "belongs to another process and can be opened" in done.stderr + done.stdout
    assert not (site.layout.data / "resguardo.db").exists()


@pytest.mark.parametrize("role", KEY_FILES)
def test_a_process_in_production_is_not_talked_into_it(role: str, site: Site) -> None:
    changes = {
        "RESGUARDO_PROFILE": "production",
        "RESGUARDO_INSECURE_SHARED_KEYS": "1",
        "RESGUARDO_PUBLIC_URL": "https://portal.example",
        "RESGUARDO_API_URL": "https://api.example",
        "RESGUARDO_STAFF_URL": "https://staff.example",
        "RESGUARDO_WA_GRAPH_BASE": "https://graph.example/v26.0",
    }
    done = started(role, site, **changes)
    assert done.returncode != 0
    assert "INSECURE_SHARED_KEYS" in done.stderr + done.stdout


def test_the_keys_of_this_installation_are_readable_here(site: Site) -> None:
    """Else the refusals above would prove nothing."""
    assert os.access(Path(site.layout.keys / "custodian" / "signing_key"), os.R_OK)
