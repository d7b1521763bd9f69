"""Webhooks from the command line: secrets shown once and sealed for the courier, and every step in the trail."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import undefer

from audit import AuditEvent
from notifications.crm.delivering import opened_secrets
from records.crm.subscribers import CrmSubscriber, SubscriberState
from storage.database import Database, utcnow
from storage.sealing import keyfiles
from storage.sealing.box import Box
from storage.sealing.errors import BoxRefused
from tests.portal.cli.conftest import Run

URL = "https://crm.example/hooks/resguardo"


@pytest.fixture
def added(run: Run, company: str) -> tuple[str, str]:
    """Id and secret of an endpoint."""
    words = run("webhook", "add", company, "--url", URL, "--name", "CRM").output.split()
    return words[words.index("id") + 1], words[words.index("secret") + 1]


def subscriber(database: Database) -> CrmSubscriber:
    with database.reading() as session:
        wanted = select(CrmSubscriber).options(
            undefer(CrmSubscriber.secret_boxed), undefer(CrmSubscriber.previous_boxed)
        )
        return session.scalars(wanted).one()


def secrets_of(database: Database, keys: Path, role: str = "courier", *, after: timedelta = timedelta(0)):
    box = Box([keyfiles.read(keys / role / f"{role}_box_key")])
    return opened_secrets(box, subscriber(database), utcnow() + after)


def events(database: Database) -> list[str]:
    with database.reading() as session:
        wanted = select(AuditEvent.event).where(AuditEvent.event.like("%:subscriber:%"))
        return list(session.scalars(wanted.order_by(AuditEvent.at)))


def test_a_secret_is_shown_once_and_sealed_for_the_courier_alone(run, added, database, keys):
    webhook_id, secret = added
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secrets_of(database, keys) == (secret,)
    for role in ("staff", "gateway"):
        with pytest.raises(BoxRefused):
            secrets_of(database, keys, role)
    listed = run("webhook", "list", "aurora").output
    assert webhook_id in listed
    assert URL in listed
    assert secret not in listed
    assert events(database) == ["administrator:subscriber:added"]


def test_a_rotation_keeps_the_secret_before_for_the_overlap(run, added, database, keys):
    webhook_id, old = added
    fresh = run("webhook", "rotate", webhook_id, "--overlap-hours", "2").output.split()[1]
    assert fresh != old
    assert secrets_of(database, keys) == (fresh, old)
    assert secrets_of(database, keys, after=timedelta(hours=3)) == (fresh,)
    last = run("webhook", "rotate", webhook_id, "--overlap-hours", "0").output.split()[1]
    assert secrets_of(database, keys) == (last,)


def test_pausing_resuming_testing_and_removing_leave_a_trace_and_removing_forgets_the_secrets(run, added, database):
    webhook_id, _ = added
    assert run("webhook", "pause", webhook_id).output == "paused\n"
    run("webhook", "pause", webhook_id, fails=1)
    assert run("webhook", "resume", webhook_id).output == "active\n"
    run("webhook", "test", webhook_id)
    run("webhook", "remove", webhook_id, given="n\n", fails=1)
    run("webhook", "remove", webhook_id, given="y\n")
    found = subscriber(database)
    assert (found.state, found.secret_boxed, found.previous_boxed) == (SubscriberState.REMOVED, b"", None)
    assert events(database) == [
        f"administrator:subscriber:{what}" for what in ("added", "paused", "resumed", "tested", "removed")
    ]
    for again in ("pause", "resume", "test", "rotate"):
        run("webhook", again, webhook_id, fails=1)
    assert webhook_id not in run("webhook", "list", "aurora").output


@pytest.mark.parametrize(
    "url", ["http://crm.example/", "https://crm.example:22/", "https://u:p@crm.example/", "ftp://crm.example/", "crm"]
)
def test_an_address_that_would_never_be_spoken_to_is_refused(run, company, database, url):
    run("webhook", "add", company, "--url", url, "--name", "CRM", fails=1)
    assert events(database) == []


def test_an_endpoint_inside_is_added_only_when_that_is_said(run, company):
    inside = ("webhook", "add", company, "--url", "http://crm.internal:8080/hook", "--name", "CRM")
    run(*inside, fails=1)
    run(*inside, "--allow-private", "--event", "request.completed")
    run(*inside, "--allow-private", "--event", "moon.landed", fails=2)
