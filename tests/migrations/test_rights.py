"""What each process may not do to the rows, tried as that process's own role on PostgreSQL."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from audit.events import ActorKind
from migrations.models import metadata
from migrations.rights import ALL, RIGHTS, VOICES, May, group
from storage.database import new_id
from tests.services.postgres import Postgres

As = Callable[[str], Connection]


@pytest.fixture(scope="module")
def shared_url(postgres: Postgres, migrated_template: str) -> Iterator[str]:
    """One migrated database for all of these tests: none of them gets to change anything."""
    name = postgres.create(template=migrated_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def connected_as(shared_url: str) -> Iterator[As]:
    """Connect as one process."""
    made = []

    def connect(process: str) -> Connection:
        url = make_url(shared_url).update_query_dict({"options": f"-c role={group(process)}"})
        engine = create_engine(url)
        connection = engine.connect()
        made.append((connection, engine))
        return connection

    yield connect
    for connection, engine in made:
        connection.close()
        engine.dispose()


@contextmanager
def refused() -> Iterator[None]:
    """Expect that the database refuses for want of a right."""
    with pytest.raises(ProgrammingError) as caught:
        yield
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("process", RIGHTS)
def test_the_database_grants_exactly_what_is_written(process: str, connected_as: As) -> None:
    connection = connected_as(process)
    unlike = []
    for table in metadata.sorted_tables:
        may = RIGHTS[process].get(table.name, May())
        wanted = {"SELECT": may.select, "INSERT": may.insert, "UPDATE": may.update}
        for privilege, columns in wanted.items():
            for column in table.columns:
                query = text("SELECT has_column_privilege(:table, :column, :privilege)")
                has = connection.scalar(query, {"table": table.name, "column": column.name, "privilege": privilege})
                if has != (columns == ALL or column.name in columns):
                    unlike.append((privilege, table.name, column.name, has))
        for privilege, given in (
            ("DELETE", may.delete),
            ("TRUNCATE", False),
            ("REFERENCES", False),
            ("TRIGGER", False),
        ):
            query = text("SELECT has_table_privilege(:table, :privilege)")
            if connection.scalar(query, {"table": table.name, "privilege": privilege}) != given:
                unlike.append((privilege, table.name, "*", not given))
    assert unlike == []


@pytest.mark.parametrize("process", RIGHTS)
def test_every_right_names_a_table_and_columns_that_exist(process: str) -> None:
    for table, may in RIGHTS[process].items():
        columns = {column.name for column in metadata.tables[table].columns}
        for named in (may.select, may.insert, may.update):
            assert named == ALL or set(named) <= columns, table


@pytest.mark.parametrize("process", RIGHTS)
@pytest.mark.parametrize(
    "attack",
    [
        "CREATE TABLE planted (id int)",
        "SELECT * FROM alembic_version",
        "UPDATE audit_events SET actor_id = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "UPDATE audit_leaves SET event_id = 'x'",
        "UPDATE audit_checkpoints SET root = ''",
        "UPDATE audit_checkpoints SET note = ''",
        "DELETE FROM documents",
        "UPDATE parts SET header = ''",
        "UPDATE parts SET attestation = ''",
        "UPDATE case_keys SET org_id = 'x'",
        "UPDATE quarantine_keys SET public = ''",
        "UPDATE quarantine_keys SET inspector_signature = ''",
        "UPDATE members SET role = 'administrator'",
        "INSERT INTO members (id) VALUES ('x')",
        "UPDATE organizations SET name = 'x'",
        "UPDATE privacy_notices SET short = '{}'",
        "UPDATE whatsapp_senders SET app_secret_boxed = ''",
    ],
)
def test_no_process_may(process: str, attack: str, connected_as: As) -> None:
    with refused():
        connected_as(process).execute(text(attack))


DENIED = {
    "a captured portal": (
        ["customer"],
        [
            "SELECT id FROM parts",
            "SELECT sealed_private FROM case_keys",
            "SELECT id FROM case_keys",
            "SELECT id FROM members",
            "SELECT id FROM api_keys",
            "SELECT id FROM whatsapp_senders",
            "SELECT name FROM parties",
            "SELECT phone FROM parties",
            "SELECT id FROM slices",
            "SELECT id FROM audit_events",
            "SELECT wamid FROM messages",
            "SELECT document_id FROM receipt_entries",
            "UPDATE receipts SET facts = ''",
            "UPDATE receipts SET state = 'ready'",
            "UPDATE documents SET state = 'filed'",
            "UPDATE upload_links SET revoked_at = NULL",
            "UPDATE upload_links SET max_files = 1000",
            "UPDATE upload_links SET max_attempts = 1000",
            "UPDATE organizations SET max_bytes = 1000",
            "UPDATE organizations SET case_max_files = 1000",
            "UPDATE upload_links SET expires_at = now()",
            "INSERT INTO messages (id) VALUES ('x')",
            "INSERT INTO upload_links (id) VALUES ('x')",
            "SELECT id FROM withdrawals",
            "UPDATE withdrawals SET due_at = now()",
            "INSERT INTO withdrawals (id, blobs) VALUES ('x', '[]')",
        ],
    ),
    "a captured gateway": (
        ["gateway"],
        [
            "SELECT id FROM slices",
            "SELECT id FROM uploads",
            "SELECT mime FROM documents",
            "SELECT likeness FROM documents",
            "UPDATE documents SET state = 'filed'",
            "UPDATE api_keys SET secret_sha256 = ''",
            "UPDATE api_keys SET networks = '[]'",
            "UPDATE slots SET state = 'accepted'",
            "SELECT id FROM parts",
            "SELECT id FROM case_keys",
            "SELECT id FROM members",
            "SELECT id FROM audit_events",
            "INSERT INTO case_keys (id, public) VALUES ('x', '')",
            "UPDATE case_keys SET due_at = now()",
            "UPDATE slots SET state = 'accepted'",
            "UPDATE upload_links SET revoked_at = NULL",
            "INSERT INTO api_keys (id) VALUES ('x')",
            "UPDATE api_keys SET scopes = '[]'",
        ],
    ),
    "a captured console": (
        ["staff"],
        [
            "SELECT id FROM case_keys",
            "INSERT INTO case_keys (id, public) VALUES ('x', '')",
            "SELECT id FROM slices",
            "UPDATE documents SET state = 'filed'",
            "UPDATE exports SET state = 'ready'",
            "UPDATE members SET team_id = NULL",
            "UPDATE members SET totp_boxed = ''",
            "SELECT token_boxed FROM whatsapp_senders",
        ],
    ),
    "a captured courier": (
        ["courier"],
        [
            "SELECT id FROM parts",
            "SELECT id FROM documents",
            "SELECT id FROM case_keys",
            "SELECT id FROM slices",
            "UPDATE receipt_entries SET sealed = ''",
            "UPDATE receipts SET checkpoint_id = ''",
            "INSERT INTO receipts (id) VALUES ('x')",
        ],
    ),
    "a captured inspector": (
        ["inspector"],
        [
            "SELECT sealed_private FROM case_keys",
            "SELECT header FROM parts",
            "UPDATE case_keys SET public = ''",
            "UPDATE quarantine_keys SET custodian_signature = ''",
            "SELECT phone FROM parties",
            "SELECT id FROM members",
            "UPDATE documents SET review = 'accepted'",
            "SELECT sealed FROM receipt_entries",
            "SELECT id FROM receipts",
            "INSERT INTO withdrawals (id) VALUES ('x')",
        ],
    ),
    "a captured custodian": (
        ["custodian"],
        [
            "SELECT blob FROM parts",
            "SELECT threat FROM documents",
            "SELECT id FROM parties",
            "SELECT id FROM slices",
            "UPDATE documents SET state = 'filed'",
            "UPDATE audit_checkpoints SET stamp = ''",
        ],
    ),
    "a captured opener": (
        ["opener"],
        ["SELECT password_hash FROM members", "SELECT phone FROM parties", "UPDATE documents SET state = 'filed'"],
    ),
    "anyone but the inspector": (
        sorted({*RIGHTS} - {"inspector"}),
        [
            "INSERT INTO parts (id) VALUES ('x')",
            "DELETE FROM parts",
            "UPDATE documents SET state = 'filed'",
            "DELETE FROM slices",
        ],
    ),
    "anyone but the custodian": (
        sorted({*RIGHTS} - {"custodian"}),
        [
            "UPDATE case_keys SET public = ''",
            "UPDATE case_keys SET sealed_private = ''",
            "UPDATE case_keys SET signature = ''",
            "UPDATE quarantine_keys SET custodian_signature = ''",
            "INSERT INTO audit_leaves (org_id) VALUES ('x')",
            "INSERT INTO audit_nodes (org_id) VALUES ('x')",
            "UPDATE audit_heads SET size = 0",
            "INSERT INTO audit_checkpoints (id) VALUES ('x')",
            "DELETE FROM audit_pending",
        ],
    ),
}


@pytest.mark.parametrize(
    ("process", "attack"),
    [
        pytest.param(process, attack, id=f"{who}: {attack}" + (f" as {process}" if len(processes) > 1 else ""))
        for who, (processes, attacks) in DENIED.items()
        for process in processes
        for attack in attacks
    ],
)
def test_the_database_refuses_to(process: str, attack: str, connected_as: As) -> None:
    with refused():
        connected_as(process).execute(text(attack))


SAYS = (
    "INSERT INTO audit_events (id, org_id, at, event, actor_id, subject_id, details) "
    "VALUES (:id, 'o', now(), :event, 'eva', 'd', '{}')"
)


@pytest.mark.parametrize("process", RIGHTS)
def test_nobody_writes_into_the_trail_in_anothers_name(process: str, connected_as: As) -> None:
    """A forged `staff:document:viewed` is what the opener would answer to."""
    allowed = set()
    for actor in ActorKind:
        connection = connected_as(process)
        with contextlib.suppress(ProgrammingError):
            connection.execute(text(SAYS), {"id": new_id(), "event": f"{actor}:document:viewed"})
            allowed.add(actor.value)
        connection.rollback()
    assert allowed == set(VOICES[process])
