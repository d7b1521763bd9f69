"""Connectors from the command line: the token is sealed for the courier, and nothing unusable is kept."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import undefer

from audit import AuditEvent
from notifications.crm.delivering import opened_secrets
from records.crm.subscribers import CrmSubscriber
from storage.database import Database, utcnow
from storage.sealing import keyfiles
from storage.sealing.box import Box
from tests.portal.cli.conftest import Run

TOKEN = "token-of-chatwoot"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """The path of a file with a token."""
    return a_secret(tmp_path, TOKEN)


def a_secret(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return str(path)


def subscribers(database: Database) -> list[CrmSubscriber]:
    with database.reading() as session:
        return list(session.scalars(select(CrmSubscriber).options(undefer(CrmSubscriber.secret_boxed))))


def events(database: Database) -> list[str]:
    with database.reading() as session:
        wanted = select(AuditEvent.event).where(AuditEvent.event.like("%:subscriber:%"))
        return list(session.scalars(wanted.order_by(AuditEvent.at)))


CHATWOOT = ("--name", "Chat", "--url", "https://chat.example", "--set", "account=1")


def test_a_connector_is_added_with_its_token_sealed_for_the_courier(run: Run, company, database, keys, secret):
    added = run("connector", "add", "chatwoot", company, *CHATWOOT, "--secret-file", secret)
    (row,) = subscribers(database)
    assert added.output.split()[0] == row.id
    assert row.settings == {"url": "https://chat.example", "allow_private": False, "account": "1"}
    box = Box([keyfiles.read(keys / "courier" / "courier_box_key")])
    assert opened_secrets(box, row, utcnow()) == (TOKEN,)
    assert TOKEN not in run("connector", "list", company).output
    assert events(database) == ["administrator:subscriber:added"]


def test_a_token_is_renewed_and_the_connector_paused_resumed_and_removed(run: Run, company, database, keys, secret):
    run("connector", "add", "chatwoot", company, *CHATWOOT, "--secret-file", secret)
    (row,) = subscribers(database)
    run("connector", "renew", row.id, "--secret-file", a_secret(Path(secret).parent, "another"))
    (renewed,) = subscribers(database)
    box = Box([keyfiles.read(keys / "courier" / "courier_box_key")])
    assert opened_secrets(box, renewed, utcnow()) == ("another",)
    run("connector", "pause", row.id)
    run("connector", "resume", row.id)
    run("connector", "test", row.id)
    run("connector", "remove", row.id, "--yes")
    said = [event.rpartition(":")[2] for event in events(database)]
    assert said == ["added", "rotated", "paused", "resumed", "tested", "removed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("chatwoot", "--url", "https://chat.example"),
        ("chatwoot", "--url", "http://chat.example", "--set", "account=1"),
        ("chatwoot", "--url", "https://chat.example", "--set", "account"),
        ("helpdesk", "--url", "https://desk.example", "--set", "queue=1"),
        ("generic", "--url", "https://crm.example", "--set", "body={phone}"),
        ("hubspot", "--set", "colour=blue"),
    ],
)
def test_what_is_not_usable_is_told_in_a_line_and_not_kept(run: Run, company, database, secret, arguments):
    kind, *rest = arguments
    refused = run("connector", "add", kind, company, "--name", "CRM", *rest, "--secret-file", secret, fails=1)
    assert len(refused.output.strip().splitlines()) == 1
    assert TOKEN not in refused.output
    assert subscribers(database) == []


def test_a_file_with_settings_is_read(run: Run, company, database, secret, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"stages": {"complete": "4"}, "pipeline": "0"}')
    run("connector", "add", "hubspot", company, "--name", "H", "--settings", str(path), "--secret-file", secret)
    (row,) = subscribers(database)
    assert row.settings["stages"] == {"complete": "4"}
    assert row.settings["url"] == "https://api.hubapi.com"
