"""Time stamps: asked for, leased, kept once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from audit.errors import StampRefused
from audit.stamping import claim_stamps, keep_stamp, request_stamp
from audit.tree import AuditCheckpoint


def claimed(trail, wait=timedelta()):
    with trail.database.transaction() as session:
        return [(one.id, one.stamp_attempt) for one in claim_stamps(session, trail.now + wait)]


def asked_for(trail):
    trail.grow(1)
    with trail.database.transaction() as session:
        checkpoint_id = session.scalars(select(AuditCheckpoint.id)).one()
        request_stamp(session, checkpoint_id, trail.now)
        request_stamp(session, checkpoint_id, trail.now + timedelta(days=1))
    return checkpoint_id


def test_nobody_stamps_what_was_not_asked_for(trail):
    trail.grow(1)
    assert claimed(trail, timedelta(days=9)) == []


def test_a_checkpoint_is_leased_to_one_attempt_at_a_time(trail):
    checkpoint_id = asked_for(trail)
    assert claimed(trail) == [(checkpoint_id, 1)]
    assert claimed(trail, timedelta(seconds=59)) == []
    assert claimed(trail, timedelta(seconds=60)) == [(checkpoint_id, 2)]
    assert claimed(trail, timedelta(seconds=60 + 119)) == []
    assert claimed(trail, timedelta(seconds=60 + 120)) == [(checkpoint_id, 3)]


def test_a_stamp_is_kept_once_and_recorded(trail):
    checkpoint_id = asked_for(trail)
    claimed(trail)
    with trail.database.transaction() as session:
        keep_stamp(session, checkpoint_id, attempt=1, stamp=b"token", actor_id="courier", now=trail.now)
    with trail.database.transaction() as session, pytest.raises(StampRefused):
        keep_stamp(session, checkpoint_id, attempt=1, stamp=b"other", actor_id="courier", now=trail.now)
    with trail.database.reading() as session:
        checkpoint = session.get_one(AuditCheckpoint, checkpoint_id)
        assert (checkpoint.stamp, checkpoint.stamped_at) == (b"token", trail.now)
        events = session.scalars(select(AuditEvent.event).where(AuditEvent.subject_id == checkpoint_id)).all()
        assert events == ["courier:checkpoint:stamped"]
    assert claimed(trail, timedelta(days=1)) == []


def test_a_returning_attempt_changes_nothing(trail):
    checkpoint_id = asked_for(trail)
    claimed(trail)
    claimed(trail, timedelta(seconds=60))
    with trail.database.transaction() as session, pytest.raises(StampRefused):
        keep_stamp(session, checkpoint_id, attempt=1, stamp=b"late", actor_id="courier", now=trail.now)
