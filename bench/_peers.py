"""Programs that the portal is measured beside: from npm and PyPI, pinned, installed at their first use.

They lie in `bench/peers/`, which git ignores; nothing of the product or of its tests needs them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "peers"
NPM = (
    *("npm", "install", "--ignore-scripts", "--omit-lockfile-registry-resolved"),
    *("--no-audit", "--no-fund", "--silent"),
)
COPYPARTY = "copyparty==1.20.26"


def javascript() -> Path:
    """Return the folder with the packages of js/package.json and our scripts that use them."""
    place = FOLDER / "js"
    place.mkdir(parents=True, exist_ok=True)
    wanted, installed = HERE / "js" / "package-lock.json", place / "installed"
    for source in (HERE / "js").iterdir():
        shutil.copy(source, place)
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        subprocess.run(NPM, cwd=place, check=True)
        shutil.copy(wanted, installed)
    return place


def copyparty() -> Path:
    """Return the Python of an environment that has copyparty."""
    python = FOLDER / "copyparty" / "bin" / "python"
    installed = FOLDER / "copyparty" / COPYPARTY
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / "copyparty"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", COPYPARTY], check=True)
        installed.touch()
    return python
