"""The documents tell the truth where that is cheap to check: targets, paths, links, commands, settings, error codes."""

import re
from pathlib import Path

import click
import pytest

from config import settings
from config.base import Settings
from portal.cli.app import cli
from portal.web.errors import TABLE

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROCESSES = {
    "customer": settings.CustomerSettings,
    "gateway": settings.GatewaySettings,
    "staff": settings.StaffSettings,
    "inspector": settings.InspectorSettings,
    "courier": settings.CourierSettings,
    "custodian": settings.CustodianSettings,
    "opener": settings.OpenerSettings,
    "cli": settings.CliSettings,
}
ROOMS = "audit|bench|config|docs|intake|migrations|notifications|portal|records|sandbox|storage|tests"
PATH = re.compile(rf"`((?:{ROOMS})/[A-Za-z0-9_./-]*)`")
LINK = re.compile(r"!?\[[^]]*\]\(([^)#]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")
MADE_LATER = frozenset({"bench/latest.json"})
"""What a command writes, named in a document and ignored by git."""


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_path_in_a_document_exists(document):
    named = set(PATH.findall(document.read_text("utf-8"))) - MADE_LATER
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_link_between_documents_leads_somewhere(document):
    found = {link or picture for link, picture in LINK.findall(document.read_text("utf-8"))}
    linked = {link for link in found if "://" not in link}
    assert sorted(link for link in linked if not (document.parent / link).exists()) == []


def test_every_make_target_in_a_document_exists(document):
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z-]+)", document.read_text("utf-8"))) <= targets


def test_every_command_in_a_document_exists(document):
    said = re.findall(r"(?:portal\.cli|\bcli) ([a-z]+)(?: ([a-z]+))?", document.read_text("utf-8"))
    for group, name in said:
        command = cli.commands.get(group)
        if group in PROCESSES or command is None:
            assert group in {"administration", *PROCESSES}, group
        elif isinstance(command, click.Group) and name:
            assert name in command.commands, f"{group} {name}"


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_has_a_section_in_the_threat_model(process):
    section = text("docs/threat-model.md").partition(f"\n### {process}\n")[2].partition("\n### ")[0]
    assert "surrenders" in section


@pytest.mark.parametrize("process", PROCESSES)
def test_every_setting_of_a_process_is_in_the_operations_guide(process):
    guide = text("docs/operations.md")
    common, fields = set(Settings.model_fields), PROCESSES[process].model_fields
    row = re.search(rf"^\| {process} \| (.*) \|$", guide, re.MULTILINE)
    assert row is not None
    needed = {name.upper() for name, field in fields.items() if field.is_required() and name not in common}
    named = set(re.findall(r"`([A-Z0-9_]+)`", row[1]))
    assert needed <= named
    assert named <= {name.upper() for name in fields}
    assert all(f"`{name.upper()}`" in guide for name in common - {"insecure_shared_keys"})


def test_every_error_code_of_the_api_guide_is_in_the_table():
    section = text("docs/api.md").partition("## Errors")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", section, re.MULTILINE)
    assert rows
    for status, codes in rows:
        for code in re.findall(r"`([a-z_]+)`", codes):
            assert TABLE[code].status == int(status), code


def test_every_decision_is_numbered_once_and_says_why():
    numbers = []
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        written = path.read_text("utf-8")
        numbers.append(path.name[:4])
        assert written.startswith(f"# {path.name[:4]} ")
        assert all(f"**{part}.**" in written for part in ("Context", "Decision", "Consequences")), path.name
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
