"""The migrations make what the models say, on both engines, and go down and up again with data."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, inspect, text
from sqlalchemy.orm import Session

from migrations.models import MODULES, metadata
from records.cases import Case, CaseKey, open_case
from records.documents import Document, Part, ReviewState
from records.organizations import Organization
from records.withdrawing import Withdrawal
from storage.database import Database
from tests.migrations.conftest import Alembic
from tests.records.case_of_ana import a_filed_document, a_world
from tests.services.models import model_modules

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_every_module_with_a_table_is_known_to_the_migrations() -> None:
    declaring = [name for name in model_modules() if name != "storage.due"]  # it reads the name of others' tables
    assert sorted(module.__name__ for module in MODULES) == declaring


def test_after_the_migrations_the_models_ask_for_nothing_more(alembic: Alembic) -> None:
    alembic("upgrade", "head")
    alembic("check")


def test_down_to_nothing_leaves_no_table_and_up_again_works(alembic: Alembic, empty_database_url: str) -> None:
    alembic("upgrade", "head")
    alembic("downgrade", "base")
    assert tables(empty_database_url) <= {"alembic_version"}
    alembic("upgrade", "head")
    assert tables(empty_database_url) == {*metadata.tables, "alembic_version"}


def test_rows_survive_down_and_up_of_the_newest_migration(alembic: Alembic, empty_database_url: str) -> None:
    alembic("upgrade", "head")
    database = Database(empty_database_url)
    try:
        with database.transaction() as session:
            organization = Organization(slug="aurora", name="Aurora", created_at=NOW)
            session.add(organization)
            session.flush()
            case, _ = open_case(session, org_id=organization.id, title="Crédito", now=NOW)
        database.dispose()
        alembic("downgrade", "-1")
        alembic("upgrade", "head")
        with database.reading() as session:
            assert session.get_one(Case, case.id).title == "Crédito"
            assert session.query(CaseKey).one().due_at == NOW
    finally:
        database.dispose()


@pytest.mark.parametrize("table", ["audit_events", "audit_leaves"])
def test_the_trail_cannot_be_altered_even_by_the_owner(alembic: Alembic, empty_database_url: str, table: str) -> None:
    alembic("upgrade", "head")
    database = Database(empty_database_url)
    try:
        with database.transaction() as session:
            row = {"audit_events": EVENT, "audit_leaves": LEAF}[table]
            session.execute(text(row), {"at": NOW.replace(tzinfo=None), "hash": b"\0" * 32})
        for attack in (f"UPDATE {table} SET org_id = 'other'", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="refuses this"), database.transaction() as session:
                session.execute(text(attack))
        with database.reading() as session:
            assert session.scalar(text(f"SELECT org_id FROM {table}")) == "o1"
    finally:
        database.dispose()


def test_a_document_cannot_be_born_filed(alembic: Alembic, empty_database_url: str) -> None:
    alembic("upgrade", "head")
    database = Database(empty_database_url)
    try:
        with pytest.raises(Exception, match="documents refuses this INSERT"), database.transaction() as session:
            session.execute(text(DOCUMENT), {"at": NOW.replace(tzinfo=None)})
    finally:
        database.dispose()


def test_only_the_parts_of_a_withdrawn_document_can_be_deleted(alembic: Alembic, empty_database_url: str) -> None:
    alembic("upgrade", "head")
    database = Database(empty_database_url)
    try:
        with database.transaction() as session:
            document = a_filed_document(session, a_world(session).request.slots[0])
            seal(session, document)
        with pytest.raises(Exception, match="parts refuses this DELETE"), database.transaction() as session:
            session.execute(text("DELETE FROM parts"))
        with database.transaction() as session:
            session.execute(insert(Withdrawal).values(withdrawal(session, document.id)))
        with database.transaction() as session:
            session.execute(text("DELETE FROM parts"))
    finally:
        database.dispose()


def test_what_a_person_decided_on_cannot_be_withdrawn(alembic: Alembic, empty_database_url: str) -> None:
    alembic("upgrade", "head")
    database = Database(empty_database_url)
    try:
        with database.transaction() as session:
            document = a_filed_document(session, a_world(session).request.slots[0])
            document.judged(ReviewState.ACCEPTED)
        with pytest.raises(Exception, match="withdrawals refuses this INSERT"), database.transaction() as session:
            session.execute(insert(Withdrawal).values(withdrawal(session, document.id)))
    finally:
        database.dispose()


def withdrawal(session: Session, document_id: str) -> dict[str, object]:
    """A row that the customer process may write."""
    document = session.get_one(Document, document_id)
    return {
        "org_id": document.org_id,
        "document_id": document.id,
        "link_id": document.upload.link_id,
        "asked_at": NOW,
        "due_at": NOW,
    }


def seal(session: Session, document: Document) -> None:
    """Give a document one part."""
    words = dict.fromkeys(("header_sha256", "payload_sha256", "finding", "engine", "signatures", "mime"), "x")
    place = {"org_id": document.org_id, "case_id": document.case_id, "document_id": document.id}
    session.add(Part(**place, **words, name="original", blob="b", header=b"", payload_size=1, attestation=b""))


EVENT = (
    "INSERT INTO audit_events (id, org_id, at, event, actor_id, subject_id, details) "
    "VALUES ('e1', 'o1', :at, 'system:a:b', 'a', 's', '{}')"
)
LEAF = (
    "INSERT INTO audit_leaves (org_id, leaf_index, event_id, leaf_hash, sealed_at) VALUES ('o1', 0, 'e1', :hash, :at)"
)
DOCUMENT = (
    "INSERT INTO documents (id, org_id, case_id, request_id, slot_id, upload_id, state, size, received_at, review,"
    " attempt, takeovers) VALUES ('d', 'o', 'c', 'r', 's', 'u', 'filed', 1, :at, 'pending', 0, 0)"
)


def tables(url: str) -> set[str]:
    """Return the names of the tables in a database."""
    database = Database(url)
    try:
        return set(inspect(database.engine).get_table_names())
    finally:
        database.dispose()
