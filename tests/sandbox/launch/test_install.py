"""The installer: silent when there is nothing to do, one clear line when it cannot go on."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
INSTALL = REPOSITORY / "sandbox" / "install.sh"
TOOLS = ["sh", "dirname", "id", "mktemp", "rm", "tail", "cat", "sha256sum", "awk", "printf", "grep"]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with just the tools of a bare system, to be the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return folder


def a_tool(folder: Path, name: str, does: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


def installing(tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(INSTALL), *arguments], env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_second_run_is_silent_and_quick() -> None:
    if not (REPOSITORY / ".venv" / ".installed-run").exists():
        pytest.skip("this environment was not made by the installer")
    began = time.monotonic()
    done = subprocess.run([str(INSTALL)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 5


def test_a_system_without_apt_is_told_what_is_supported(tools: Path) -> None:
    done = installing(tools)
    assert done.returncode == 1
    assert done.stderr == (
        "resguardo: this system has no apt: Resguardo is tested on Debian 12 (bookworm); see docs for other systems\n"
    )


def test_without_root_and_sudo_the_command_to_run_is_told(tools: Path) -> None:
    a_tool(tools, "apt-get", "exit 99")
    a_tool(tools, "dpkg-query", 'case "$*" in *bubblewrap*) exit 1;; *) echo installed;; esac')
    a_tool(tools, "id", "echo 1000")
    done = installing(tools)
    assert done.returncode == 1
    assert done.stderr == (
        "resguardo: root is needed once, for this: apt-get install --no-install-recommends bubblewrap\n"
    )


def test_sudo_is_asked_once_and_apt_waits_for_its_lock(tools: Path, tmp_path: Path) -> None:
    called = tmp_path / "called"
    a_tool(tools, "apt-get", "exit 99")
    a_tool(tools, "dpkg-query", 'case "$*" in *bubblewrap*) exit 1;; *) echo installed;; esac')
    a_tool(tools, "id", "echo 1000")
    a_tool(tools, "sudo", f'echo "$*" >>{called}; case "$*" in *install*) echo "E: no network" >&2; exit 100;; esac')
    done = installing(tools)
    assert done.returncode == 1
    assert "E: no network" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("resguardo: apt could not install: bubblewrap")
    apt = [line for line in called.read_text().splitlines() if line.startswith("apt-get")]
    assert apt == [
        "apt-get -o DPkg::Lock::Timeout=500 update",
        "apt-get -o DPkg::Lock::Timeout=500 install -y --no-install-recommends bubblewrap",
    ]


def test_nothing_is_asked_of_apt_when_everything_is_there(tools: Path, tmp_path: Path) -> None:
    called = tmp_path / "called"
    a_tool(tools, "apt-get", f"touch {called}")
    a_tool(tools, "dpkg-query", "echo installed")
    installing(tools)
    assert not called.exists()
