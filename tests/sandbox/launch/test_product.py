"""The whole product under the launcher, on PostgreSQL and S3: up, isolated, and up again after kill -9 of each part."""

import contextlib
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from sandbox.launch import LaunchRefused, Stack
from sandbox.launch.cells import Isolation
from sandbox.launch.site import PORTS
from tests.services.postgres import Postgres
from tests.services.processes import free_ports
from tests.services.weed import Weed

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def a_free_base() -> int:
    """Return a number after which the ports of the product are free."""
    for base in free_ports(40):
        with contextlib.suppress(OSError), contextlib.ExitStack() as probes:
            for port in range(base + 1, base + 1 + len(PORTS)):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    pytest.fail("not enough free ports in a row")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, weed: Weed) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("product")
    secret = root / "s3_secret"
    secret.touch(mode=0o600)
    secret.write_text(weed.secret_key)
    name, bucket = postgres.create(), weed.create_bucket()
    stack = Stack(
        root,
        port_base=a_free_base(),
        database_url=postgres.url(name),
        blobs=f"s3://{bucket}",
        storage_settings={
            "S3_ENDPOINT": weed.endpoint_url,
            "S3_REGION": weed.region,
            "S3_KEY_ID": weed.access_key,
            "S3_SECRET_FILE": str(secret),
        },
    )
    with stack:
        yield stack
    postgres.drop(name)


def test_everything_is_up_on_postgresql_and_s3(product: Stack) -> None:
    for name in ("customer", "gateway", "staff"):
        host = product.urls[name].removeprefix("http://")
        answer = httpx.get(
            f"http://127.0.0.1:{product.site.port(name)}/readyz", headers={"Host": host}, trust_env=False
        )
        assert answer.status_code == 200, answer.text
    assert {login["role"] for login in product.logins()} >= {"executive", "supervisor", "compliance", "administrator"}


def test_each_worker_role_has_its_own_schema_for_jobs(product: Stack) -> None:
    engine = create_engine(product.site.database_url)
    with engine.connect() as connection:
        found = set(connection.execute(text("SELECT schema_name FROM information_schema.schemata")).scalars())
    engine.dispose()
    assert {"jobs_inspector", "jobs_courier", "jobs_custodian"} <= found


def test_the_password_of_the_database_is_in_one_private_file_only(product: Stack, postgres: Postgres) -> None:
    root = product.site.layout.root
    holding = [path for path in root.rglob("*") if path.is_file() and postgres.password.encode() in path.read_bytes()]
    assert holding == [root / "keys" / "owner" / "pgpass"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    for program in ("customer", "courier"):
        shown = Path(f"/proc/{product.pid(program)}/environ").read_bytes()
        assert postgres.password.encode() not in shown


def test_no_process_was_told_to_tolerate_foreign_keys(product: Stack) -> None:
    if product.isolation is Isolation.INSECURE_NONE:
        pytest.skip("this kernel gives no namespaces")
    for path in product.site.layout.control.glob("*.sh"):
        assert "INSECURE" not in path.read_text(), path.name


def test_a_process_that_can_open_a_foreign_key_does_not_start(product: Stack) -> None:
    """The cell's door left open on purpose: the process itself must notice."""
    script = product.site.layout.control / "courier.sh"
    closed = script.read_text()
    keys = product.site.layout.keys
    product.stop_program("courier")
    script.write_text(closed.replace(f"--tmpfs {keys} ", "").replace(f"--remount-ro {keys} ", ""))
    assert script.read_text() != closed
    with pytest.raises(LaunchRefused, match=r"courier does not start: .*belongs to another process and can be opened"):
        product.start_program("courier")
    product.stop_program("courier")
    script.write_text(closed)
    product.start_program("courier")


@pytest.mark.parametrize(
    "name",
    ["customer", "gateway", "staff", "inspector", "courier", "custodian", "opener", "clamd", "whatsapp", "tsa"],
)
def test_a_part_that_is_killed_comes_back_healthy(product: Stack, name: str) -> None:
    before = product.pid(name)
    product.kill(name)
    deadline = time.monotonic() + 30
    while product.state(name) != "RUNNING" or product.pid(name) == before:
        assert time.monotonic() < deadline, f"{name} was not started again"
        time.sleep(0.05)
    product.await_health(within=60)
