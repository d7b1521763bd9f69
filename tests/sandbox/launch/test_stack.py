"""The launcher with small programs in place of the product's: what they see, how they live, how they end."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.launch import LaunchRefused, Stack
from sandbox.launch.catalogue import base_environment
from sandbox.launch.cells import Isolation, probe
from sandbox.launch.health import http_health, process_alive
from sandbox.launch.layout import Layout
from sandbox.launch.programs import Program
from sandbox.launch.site import Site
from tests.services.processes import free_port

STANDIN = Path(__file__).with_name("standin.py")
REPOSITORY = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.services


def a_stand_in(site: Site, role: str, port: int, writes: tuple[str, ...] = (), **more: Any) -> Program:
    witness = str(site.layout.data / f"{role}.ended")
    (site.layout.jobs / role).mkdir(exist_ok=True)
    (site.layout.jobs / role / "jobs.db").touch(mode=0o600)
    return Program(
        name=role,
        role=role,
        command=(sys.executable, str(STANDIN), str(port), str(site.layout.keys), witness),
        environment=base_environment(site),
        health=http_health(port, "/", "localhost"),
        port=port,
        stop_seconds=5,
        writes=(site.layout.data, *(site.layout.root / path for path in writes)),
        **more,
    )


def a_catalogue(ports: dict[str, int]) -> Callable[[Site, Isolation], list[Program]]:
    more: dict[str, Any] = {"custodian": {"writes": ("keys/keyring",)}, "inspector": {"runs_inner_sandbox": True}}
    return lambda site, isolation: [a_stand_in(site, role, port, **more.get(role, {})) for role, port in ports.items()]


def ask(port: int, path: str = "/") -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def eventually(true: Callable[[], bool], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def processes_of(root: Path) -> list[int]:
    mark = f"RESGUARDO_STACK={root}".encode()
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and mark in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                found.append(int(entry))
        except OSError:
            continue
    return [pid for pid in found if process_alive(pid)]


PORTS = {role: free_port() for role in ("customer", "inspector", "custodian")}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), catalogue=a_catalogue(PORTS)) as running:
        root = running.site.layout.keys / "keyring" / "root"
        root.touch(mode=0o600)
        root.write_text("root key")
        yield running


@pytest.fixture
def isolated(stack: Stack) -> Stack:
    if stack.isolation is Isolation.INSECURE_NONE:
        pytest.skip(f"this kernel gives no namespaces: {probe()[1]}")
    return stack


def test_a_process_sees_its_own_keys_and_the_public_halves_only(isolated: Stack) -> None:
    public = ["public/checkpoint", "public/custodian", "public/escrow", "public/inspector", "public/tsa_root.pem"]
    assert ask(PORTS["customer"])["keys"] == [
        "customer/code_key",
        "customer/customer_key",
        "customer/link_keys",
        "customer/receipt_key",
        *public,
    ]
    assert ask(PORTS["inspector"])["keys"] == ["inspector/attestation_key", "inspector/hash_keys", *public]
    assert ask(PORTS["custodian"])["keys"] == [
        "custodian/checkpoint_key",
        "custodian/signing_key",
        "keyring/root",
        *public,
    ]


def test_a_process_sees_no_job_database_but_its_own(isolated: Stack) -> None:
    for role, port in PORTS.items():
        assert ask(port)["jobs"] == [f"{role}/jobs.db"]


def test_a_process_cannot_peek_at_keys_through_a_siblings_root(isolated: Stack) -> None:
    for port in PORTS.values():
        seen = {path.split("/keys/")[1].split("/")[0] for path in ask(port)["behind_proc"]}
        role = next(role for role, its in PORTS.items() if its == port)
        assert seen <= {role, "public", *({"keyring"} if role == "custodian" else ())}


def test_a_captured_process_cannot_write_the_code_the_scripts_or_the_folders_of_others(isolated: Stack) -> None:
    layout = isolated.site.layout
    own = {"customer": set(), "inspector": set(), "custodian": {str(layout.keys / "keyring")}}
    for role, port in PORTS.items():
        assert set(ask(port)["written"]) == {str(layout.data), *own[role]}, role


def test_a_captured_process_cannot_have_the_kernel_run_something_for_it(isolated: Stack) -> None:
    assert not ask(PORTS["customer"])["core_pattern"]


def test_a_process_reaches_neither_the_manager_nor_a_disk(isolated: Stack) -> None:
    seen = ask(PORTS["customer"])
    assert seen["control"] == []
    assert seen["disks"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no capabilities to lose")
def test_a_process_started_by_root_keeps_no_power_to_undo_its_cell(isolated: Stack) -> None:
    effective = ask(PORTS["customer"])["status"].split("CapEff:\t")[1].split()[0]
    assert int(effective, 16) == 1 << 1, "CAP_DAC_OVERRIDE alone"


def test_a_process_inherits_nothing_from_the_terminal(stack: Stack) -> None:
    assert set(ask(PORTS["customer"])["environment"]) <= {
        "PATH", "LANG", "HOME", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER", "TMPDIR", "RESGUARDO_STACK", "PWD",
        "LC_CTYPE",
    }  # fmt: skip


def test_everything_is_private(stack: Stack) -> None:
    root = stack.site.layout.root
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_killed_program_comes_back(stack: Stack) -> None:
    before = stack.pid("customer")
    ask(PORTS["customer"], "/child")
    stack.kill("customer")
    eventually(lambda: stack.state("customer") == "RUNNING" and stack.pid("customer") != before)
    stack.await_health("customer")


def test_a_program_can_be_stopped_and_started_alone(stack: Stack) -> None:
    stack.stop_program("inspector")
    assert (stack.site.layout.data / "inspector.ended").read_text() == "ended in order"
    with pytest.raises(OSError):
        ask(PORTS["inspector"])
    stack.start_program("inspector")
    assert ask(PORTS["inspector"])["keys"]


def test_a_second_launcher_in_the_same_folder_is_refused(stack: Stack) -> None:
    other = Stack(stack.site.layout.root, catalogue=a_catalogue(PORTS))
    with pytest.raises(LaunchRefused, match="already running here"):
        other.start()
    stack.await_health()


def test_stopping_ends_everything_in_order_and_keeps_keys_and_data(tmp_path: Path) -> None:
    ports = {"customer": free_port()}
    stack = Stack(tmp_path, catalogue=a_catalogue(ports))
    stack.start()
    key = (tmp_path / "keys/customer/link_keys").read_bytes()
    ask(ports["customer"], "/child")
    stack.stop()
    assert processes_of(tmp_path) == []
    assert (tmp_path / "data/customer.ended").read_text() == "ended in order"
    assert not stack.site.layout.spool.exists()
    began = time.monotonic()
    with Stack(tmp_path, catalogue=a_catalogue(ports)) as again:
        assert time.monotonic() - began < 10
        assert again.escrow_identity is None
    assert (tmp_path / "keys/customer/link_keys").read_bytes() == key


def test_the_roles_that_share_a_key_hold_the_same_one(stack: Stack) -> None:
    keys = stack.site.layout.keys
    assert len({(keys / role / "link_keys").read_bytes() for role in ("customer", "gateway", "staff", "courier")}) == 1
    assert len({(keys / role / "box_key").read_bytes() for role in ("gateway", "staff", "courier")}) == 3
    assert stack.escrow_identity is not None
    assert stack.escrow_identity.startswith("AGE-SECRET-KEY-1")
    for path in keys.rglob("*"):
        assert not path.is_file() or stack.escrow_identity not in path.read_text(errors="replace")


def test_a_busy_port_is_one_clear_line_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LaunchRefused, match=f"port {port} is taken by another program"):
            Stack(tmp_path, catalogue=a_catalogue({"customer": port})).start()
    assert processes_of(tmp_path) == []


def test_a_program_that_does_not_start_is_named_with_what_it_said(tmp_path: Path) -> None:
    def catalogue(site: Site, isolation: Isolation) -> list[Program]:
        dying = ("sh", "-c", "echo the cellar is flooded >&2; exit 3")
        return [Program(name="opener", role="opener", command=dying, environment=base_environment(site),
                        health=lambda since: "silent")]  # fmt: skip

    with pytest.raises(LaunchRefused, match="opener does not start: the cellar is flooded"):
        Stack(tmp_path, catalogue=catalogue).start()
    assert processes_of(tmp_path) == []


def test_a_path_that_the_manager_cannot_write_down_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchRefused, match="holds a space or a quote"):
        Stack(tmp_path / "my files", catalogue=a_catalogue({"customer": free_port()})).start()


@pytest.mark.parametrize("length", range(66, 84, 4))
def test_every_socket_fits_into_the_kernels_limit(length: int) -> None:
    layout = Layout(root=Path("/" + "r" * (length - len("/run") - 1)))
    assert len(str(layout.run)) == length
    for name in ("control/supervisor.sock.4194304", "scanner/clamd.sock", "opener/opener.sock"):
        assert len(str(layout.sockets / name)) <= 107


def test_a_long_path_gets_a_short_folder_for_its_sockets(tmp_path: Path) -> None:
    root = tmp_path / ("long" * 30)
    stack = Stack(root, catalogue=lambda site, isolation: [])
    stack.start()
    sockets = stack.site.layout.sockets
    assert len(str(sockets)) < 80
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    stack.stop()
    assert not sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(LaunchRefused, match="belongs to another user"):
        Stack(tmp_path, catalogue=a_catalogue({})).start()


LAUNCH = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_stack
from sandbox.launch import Stack
stack = Stack(Path({root!r}), catalogue=test_stack.a_catalogue({{"customer": {port}}}))
stack.start()
print("up", flush=True)
time.sleep(600)
"""


def launched_elsewhere(root: Path, port: int) -> subprocess.Popen[str]:
    program = LAUNCH.format(tests=str(STANDIN.parent), root=str(root), port=port)
    launcher = subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "up\n"
    return launcher


def test_a_killed_launcher_takes_everything_with_it(tmp_path: Path) -> None:
    with launched_elsewhere(tmp_path, free_port()) as launcher:
        assert len(processes_of(tmp_path)) >= 2
        launcher.kill()
    eventually(lambda: processes_of(tmp_path) == [])
    Layout(root=tmp_path).remove_passing()


def test_what_a_killed_manager_left_behind_is_stopped_by_the_next_start(tmp_path: Path) -> None:
    port = free_port()
    with launched_elsewhere(tmp_path, port) as launcher:
        manager = int((Layout(root=tmp_path).control / "supervisord.pid").read_text())
        os.kill(manager, signal.SIGKILL)
        launcher.kill()
    orphan = subprocess.Popen(
        ["sleep", "600"], env={"RESGUARDO_STACK": str(tmp_path), "PATH": os.environ["PATH"]}, start_new_session=True
    )
    with Stack(tmp_path, catalogue=a_catalogue({"customer": port})):
        assert orphan.wait(5) == -signal.SIGTERM
        assert ask(port)["keys"]


def test_stopping_before_it_is_up_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.launch", "--root", str(tmp_path), "--port-base", str(free_port())]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as early:
        try:
            eventually((Layout(root=tmp_path).control / "supervisor.sock").exists, within=60)
            early.send_signal(signal.SIGINT)
            _, said = early.communicate(timeout=60)
        finally:
            early.kill()
        assert early.returncode == 1
    assert said == "resguardo: stopped before it was up\n"
    assert processes_of(tmp_path) == []
