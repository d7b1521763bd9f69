"""docs/webhooks.md holds: its catalogue, its schedule, and its snippets, which are run."""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from audit import Event
from notifications.crm.webhooks import signed_headers
from portal.cli.webhooks import catalogue
from records.crm.deliveries import WAITS
from records.crm.events import Facts
from records.crm.mapping import MAP
from records.crm.types import MEANINGS, CrmType
from storage.database import utcnow
from tests.records.crm.company import OLD, SECRET
from tests.services.processes import ROOT

PAGE = (ROOT / "docs" / "webhooks.md").read_text("utf-8")


def block(language: str, holding: str) -> str:
    """The one block of code in this language that holds these words."""
    (found,) = [each for each in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if holding in each]
    return str(found)


@pytest.fixture
def body() -> bytes:
    """The example of the page, as it would be sent."""
    return json.dumps(json.loads(block("json", "event_id")), separators=(",", ":")).encode("ascii")


@pytest.fixture
def receive() -> Callable[[str, dict[str, str], bytes], dict[str, Any]]:
    """The receiver of the page."""
    space: dict[str, Any] = {}
    exec(block("python", "def receive"), space)
    return space["receive"]  # type: ignore[no-any-return]


def test_the_catalogue_is_made_from_the_table() -> None:
    said = PAGE.partition("<!-- events -->\n")[2].partition("\n<!-- /events -->")[0]
    assert said == catalogue(), "python -m portal.cli webhook events"


def test_every_type_has_a_meaning_and_comes_from_an_event_that_exists() -> None:
    assert MEANINGS.keys() == set(CrmType)
    assert {rule.type for rules in MAP.values() for rule in rules} == set(CrmType)
    assert MAP.keys() <= set(Event)


def test_the_schedule_is_the_one_that_is_kept() -> None:
    units = {"s": "seconds", "min": "minutes", "h": "hours"}
    (row,) = re.findall(r"\| after \| at once \| (.*) \|", PAGE)
    said = [each.split() for each in row.split(" | ")]
    assert tuple(timedelta(**{units[unit]: int(number)}) for number, unit in said) == WAITS


def test_the_example_holds_the_fields_that_there_are(body: bytes) -> None:
    data = json.loads(body)["data"]
    ids = {"event_id", "case_id", "request_id", "document_id", "case_url"}
    assert set(data) <= ids | set(Facts.__dataclass_fields__)


@pytest.mark.parametrize("secrets", [(SECRET,), (SECRET, OLD), (OLD, SECRET)])
def test_the_receiver_of_the_page_takes_what_we_send(receive, body: bytes, secrets: tuple[str, ...]) -> None:
    headers = dict(signed_headers(secrets, "evt_1", body, utcnow()))
    assert receive(SECRET, headers, body)["type"] == "document.approved"


def test_the_receiver_of_the_page_refuses_what_is_not_ours(receive, body: bytes) -> None:
    now = utcnow()
    good = dict(signed_headers((SECRET,), "evt_1", body, now))
    for headers, sent in (
        (good, body.replace(b"approved", b"returned")),
        ({**good, "webhook-id": "evt_2"}, body),
        (dict(signed_headers((OLD,), "evt_1", body, now)), body),
        (dict(signed_headers((SECRET,), "evt_1", body, now - timedelta(minutes=6))), body),
        ({}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            receive(SECRET, headers, sent)


def test_openssl_comes_to_the_same_signature(body: bytes, tmp_path: Path) -> None:
    now = utcnow()
    headers = signed_headers((SECRET,), "evt_1", body, now)
    (tmp_path / "body").write_bytes(body)
    given = {"SECRET": SECRET, "ID": "evt_1", "TIMESTAMP": headers["webhook-timestamp"]}
    done = subprocess.run(
        ["sh", "-euc", block("sh", "openssl")],
        env={"PATH": "/usr/bin:/bin", "BODY_FILE": str(tmp_path / "body"), **given},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == headers["webhook-signature"]
