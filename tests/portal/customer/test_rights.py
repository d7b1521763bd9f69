"""Codes on PostgreSQL with only the rights of each process's own role, after the real migrations."""

import os
import subprocess
import sys
from datetime import timedelta

from sqlalchemy import make_url, select

from intake.codes import CodeMaker
from migrations import rights
from notifications.codes import queue_code
from records.cases import party_hint
from records.challenges import AGAIN_AFTER, Answer, CodeChallenge, answer, ask_for_code, newest_challenge
from records.checkcodes import new_check_code
from records.checking import check_code
from records.links import UploadLink, Visit
from records.messages import MessageState, state_of
from storage.database import Database, utcnow
from storage.due import lease
from tests.intake.building import a_link, a_request, a_visit
from tests.services.processes import ROOT

CODES = CodeMaker(b"k" * 32)


def as_process(url: str, process: str) -> Database:
    options = f"-c role={rights.group(process)}"
    return Database(make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False))


def test_each_role_is_enough_for_its_part_of_a_code(postgres_database: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"RESGUARDO_DATABASE_URL": postgres_database},
        check=True,
        capture_output=True,
    )
    owner, now = Database(postgres_database), utcnow()
    with owner.transaction() as session:
        request = a_request(session, now=now)
        request.template.second_factor = True
        link_id = a_link(session, request, now=now).id
    portal, courier = as_process(postgres_database, "customer"), as_process(postgres_database, "courier")
    with portal.transaction() as session:
        link = session.get_one(UploadLink, link_id)
        visit_id = a_visit(session, link, now=now).id
        ask_for_code(session, session.get_one(Visit, visit_id), now=now)
        assert party_hint(session, link.party_id) == "22"
    with courier.transaction() as session:
        (held,) = lease(session, CodeChallenge, now=now, limit=5)
    queue_code(courier, held)
    with portal.reading() as session:
        message_id = session.scalars(select(CodeChallenge.message_id)).one()
        assert state_of(session, str(message_id)) == MessageState.QUEUED
    now += AGAIN_AFTER + timedelta(seconds=1)
    with portal.transaction() as session:
        ask_for_code(session, session.get_one(Visit, visit_id), now=now)
    for code, expected in (("wrong", Answer.WRONG), (None, Answer.RIGHT)):
        with portal.transaction() as session:
            challenge = newest_challenge(session, visit_id)
            assert challenge is not None
            typed = code or CODES.code(challenge.id)
            given = {"is_right": lambda each, typed=typed: CODES.is_right(each, typed), "cookie_sha256": "c" * 64}
            assert answer(session, visit_id, now=now, **given) is expected
    with portal.transaction() as session:
        assert check_code(session, session.get_one(UploadLink, link_id).check_code, now=now) is not None
        assert check_code(session, new_check_code(), now=now) is None
    for database in (owner, portal, courier):
        database.dispose()
