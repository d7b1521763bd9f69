"""The product's programs: each gets exactly the settings that its class demands, and keys that pass its checks."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from config.settings import (
    CourierSettings,
    CustodianSettings,
    CustomerSettings,
    GatewaySettings,
    InspectorSettings,
    OpenerSettings,
    StaffSettings,
)
from sandbox.launch.catalogue import KEY_FILES, product, settings_of
from sandbox.launch.cells import Isolation, cell
from sandbox.launch.keys import foreign_to, make_keys
from sandbox.launch.layout import Layout
from sandbox.launch.programs import Program
from sandbox.launch.site import Site

CLASSES = {
    "customer": CustomerSettings,
    "gateway": GatewaySettings,
    "staff": StaffSettings,
    "inspector": InspectorSettings,
    "courier": CourierSettings,
    "custodian": CustodianSettings,
    "opener": OpenerSettings,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    layout = Layout(root=tmp_path_factory.mktemp("site"))
    layout.make()
    make_keys(layout)
    yield Site(layout=layout, database_url=f"sqlite:///{layout.data}/resguardo.db", blobs=f"file://{layout.data}/blobs")
    layout.remove_passing()


@pytest.mark.parametrize("role", CLASSES)
def test_every_role_starts_from_what_it_is_given(role: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of(role, site, shared_keys=True).items():
        monkeypatch.setenv(name, value)
    settings = CLASSES[role].load()  # type: ignore[attr-defined]
    wanted = {variable for variable, _, _ in settings.secret_files()}
    given = {name for name in settings_of(role, site, shared_keys=True) if name.endswith("_FILE")}
    assert wanted == given, "a key that the role has no use for, or one that it lacks"


@pytest.mark.parametrize("role", CLASSES)
def test_no_role_is_pointed_at_a_key_of_another(role: str, site: Site) -> None:
    foreign = foreign_to(role, site.layout)
    for name, value in settings_of(role, site, shared_keys=False).items():
        if name != "RESGUARDO_FOREIGN_KEYS":
            assert not [path for path in foreign if str(path) in value], name


def test_what_no_role_may_open_is_named_to_every_role(site: Site) -> None:
    for role in KEY_FILES:
        named = settings_of(role, site, shared_keys=False)["RESGUARDO_FOREIGN_KEYS"].split(":")
        others = {str(site.layout.keys / other) for other in KEY_FILES if other != role}
        assert others <= set(named)
        assert (str(site.layout.keys / "keyring") in named) == (role not in ("custodian", "opener"))


def test_every_program_listens_where_people_are_told(site: Site) -> None:
    programs = product(site, create_engine("sqlite://"), shared_keys=False)
    assert {program.name: program.port for program in programs if program.port} == {
        "customer": 8701, "gateway": 8702, "staff": 8703, "whatsapp": 8704, "tsa": 8705, "mail": 8706,
        "crm": 8708,
    }  # fmt: skip
    assert len(programs) == 12
    assert site.urls["customer"] == "http://portal.localhost:8701"


def test_no_secret_stands_in_an_environment_or_on_a_command_line(site: Site) -> None:
    secrets = {
        line
        for path in site.layout.keys.rglob("*")
        if path.is_file() and path.parent.name != "public" and path.suffix not in (".cnf", ".pem", ".csr")
        for line in path.read_text().split("\n")
        if len(line) >= 32
    }
    programs = product(site, create_engine("sqlite://"), shared_keys=False)
    for program in programs:
        shown = " ".join([*program.command, *program.environment.values()])
        assert not [secret for secret in secrets if secret in shown], program.name


def test_on_postgresql_each_role_has_a_schema_of_its_own(tmp_path: Path) -> None:
    url = "postgresql+psycopg://app@db/resguardo"
    site = Site(layout=Layout(root=tmp_path), database_url=url, blobs="s3://vault")
    assert site.jobs_databases() == {f"jobs_{role}": url for role in ("inspector", "courier", "custodian")}


def test_on_postgresql_no_role_signs_in_as_the_owner_or_as_another(tmp_path: Path) -> None:
    url = "postgresql+psycopg://app@db/resguardo"
    site = Site(layout=Layout(root=tmp_path), database_url=url, blobs="s3://vault")
    settings = {role: settings_of(role, site, shared_keys=False) for role in KEY_FILES}
    users = {role: make_url(found["RESGUARDO_DATABASE_URL"]).username for role, found in settings.items()}
    assert "app" not in users.values()
    assert len(set(users.values())) == len(KEY_FILES)
    for role in ("inspector", "courier", "custodian"):
        assert make_url(settings[role]["RESGUARDO_JOBS_DATABASE_URL"]).username == users[role]


def mounts(program: Program, site: Site) -> dict[Path, str]:
    """Return what the cell of a program does at which place, the last word counting."""
    words = list(cell(program, site.layout, Isolation.ROOT))
    words = words[: words.index("--")]
    found = {Path(at): how for how, at in pairwise(words) if how == "--tmpfs"}
    return found | {
        Path(at): how for how, _, at in zip(words, words[1:], words[2:], strict=False) if how in ("--bind", "--ro-bind")
    }


def test_only_the_console_meets_the_opener(site: Site) -> None:
    programs = product(site, create_engine("sqlite://"), shared_keys=False)
    found = {program.name: mounts(program, site)[site.layout.opener] for program in programs}
    assert found.pop("staff") == "--ro-bind"
    assert found.pop("opener") == "--bind"
    assert set(found.values()) == {"--tmpfs"}


def test_each_program_writes_what_it_must_and_nothing_else(site: Site) -> None:
    layout = site.layout
    for role in ("inspector", "courier", "custodian"):
        (layout.jobs / role).mkdir(exist_ok=True)
    found = {
        program.name: {str(at.relative_to(layout.root)) for at, how in mounts(program, site).items()
                       if how == "--bind" and at != layout.spool}
        for program in product(site, create_engine("sqlite://"), shared_keys=False)
    }  # fmt: skip
    assert found == {
        "customer": {"data", "data/blobs"},
        "gateway": {"data"},
        "staff": {"data"},
        "inspector": {"data", "data/blobs", "data/jobs/inspector", "keys/inspector/quarantine"},
        "courier": {"data", "data/jobs/courier"},
        "custodian": {"data", "data/jobs/custodian", "keys/keyring"},
        "opener": {"data", "run/opener"},
        "clamd": {"run/scanner"},
        "whatsapp": {"data/whatsapp"},
        "tsa": {"keys/tsa"},
        "mail": set(),
        "crm": set(),
    }


def test_on_postgresql_no_web_process_writes_the_data_folder(site: Site) -> None:
    remote = replace(site, database_url="postgresql+psycopg://app@db/resguardo", blobs="s3://vault")
    for program in product(remote, create_engine("sqlite://"), shared_keys=False):
        assert mounts(program, remote)[site.layout.data] == "--tmpfs", program.name
