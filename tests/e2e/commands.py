"""Administration commands against the running product, as its operator types them."""

import subprocess
import sys

from sandbox.launch.catalogue import base_environment
from tests.e2e.installation import Installation
from tests.services.processes import ROOT


def command(here: Installation, *words: str) -> str:
    """Run `python -m portal.cli ...`; return what it printed. Fails the test when the command does."""
    site = here.stack.site
    settings = {
        "PROFILE": "sandbox",
        "DATABASE_URL": site.database_url,
        "BLOBS": site.blobs,
        "FOREIGN_KEYS": str(site.layout.root / "nobody"),
        "PUBLIC_URL": site.urls["customer"],
        "COURIER_BOX_KEY_FILE": str(site.layout.keys / "courier" / "box_key"),
        "GATEWAY_BOX_KEY_FILE": str(site.layout.keys / "gateway" / "box_key"),
        "STAFF_BOX_KEY_FILE": str(site.layout.keys / "staff" / "box_key"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "portal.cli", *words],
        cwd=ROOT,
        env=base_environment(site) | {f"RESGUARDO_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
