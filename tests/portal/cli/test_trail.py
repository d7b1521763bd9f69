"""`audit verify` says VALID of a sealed trail and names the event that somebody altered."""

import base64
import json

import pytest
from sqlalchemy import select, text

from audit import AuditEvent
from audit.checkpoints import CheckpointSigner, origin_of, verifier_key
from audit.sequencing import seal_pending
from audit.tree import AuditCheckpoint
from records.organizations import Organization
from storage.database import utcnow

SIGNER = CheckpointSigner("resguardo", bytes(range(32)))
KEY = base64.b64encode(SIGNER.public).decode()


@pytest.fixture
def sealed(run, company, database):
    run("organization", "create", "otra", "--name", "Otra")
    with database.transaction() as session:
        seal_pending(session, SIGNER, utcnow())
    return company


def test_a_sealed_trail_is_valid_however_the_key_is_given(run, sealed, database, tmp_path):
    with database.reading() as session:
        org_id = session.scalars(select(Organization.id).where(Organization.slug == sealed)).one()
    (tmp_path / "pub").write_text(KEY + "\n")
    for key in (KEY, tmp_path / "pub", verifier_key(origin_of(org_id), SIGNER.public)):
        assert run("audit", "verify", sealed, "--key", key).output.endswith("VALID\n")
    assert "2 events, 1 checkpoints, 0 problems" in run("audit", "verify", org_id, "--key", KEY).output


def test_an_altered_event_is_named(run, sealed, database):
    with database.transaction() as session:
        victim = session.scalars(select(AuditEvent).where(AuditEvent.event.like("%:team:%"))).one().id
        session.execute(text("UPDATE audit_events SET actor_id = 'nobody' WHERE id = :id"), {"id": victim})
    output = run("audit", "verify", sealed, "--key", KEY, fails=1).output
    assert f"event_altered at index 1, event {victim}" in output
    assert output.endswith("NOT VALID\n")
    told = json.loads(run("audit", "verify", sealed, "--key", KEY, "--json", fails=1).output)
    assert told["valid"] is False
    assert victim in told["first"][0]


def test_a_trail_that_was_cut_off_is_seen_against_a_kept_checkpoint(run, sealed, database, tmp_path):
    with database.transaction() as session:
        org_id = session.scalars(select(Organization.id).where(Organization.slug == sealed)).one()
        note = session.scalars(select(AuditCheckpoint.note).where(AuditCheckpoint.org_id == org_id)).one()
        (tmp_path / "kept").write_text(note)
        for table in ("audit_events", "audit_leaves", "audit_checkpoints", "audit_heads"):
            session.execute(text(f"DELETE FROM {table} WHERE org_id = :org"), {"org": org_id})
    run("audit", "verify", sealed, "--key", KEY)
    assert "truncated" in run("audit", "verify", sealed, "--key", KEY, "--kept", tmp_path / "kept", fails=1).output


@pytest.mark.parametrize("key", ["nonsense!", base64.b64encode(b"short").decode()])
def test_a_key_that_is_none_is_refused(run, sealed, key):
    assert "public key" in run("audit", "verify", sealed, "--key", key, fails=1).output


def test_another_key_verifies_nothing(run, sealed):
    other = base64.b64encode(CheckpointSigner("resguardo", bytes(range(1, 33))).public).decode()
    assert "NOT VALID" in run("audit", "verify", sealed, "--key", other, fails=1).output
