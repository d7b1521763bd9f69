"""What the database itself refuses to everybody, also to its owner: altering the trail, a document that is born judged.

Rules: events and leaves are inserted and never updated, deleted or truncated; a document begins as received; a file
that a person has decided on is not withdrawn; parts are deleted only of a withdrawn document. Whoever owns the tables
can take the triggers away; then the sealed trail tells. SQLite drops the triggers of a table that a migration rebuilds
(`batch_alter_table`): such a migration ends with `create`.
"""

from sqlalchemy import Connection, inspect, text

APPEND_ONLY = ("audit_events", "audit_leaves")
BORN = ("documents", "state", "received")
FUNCTION = "resguardo_refuse"
WITHDRAWALS = "withdrawals"
UNLESS = (
    (
        WITHDRAWALS,
        "INSERT",
        "EXISTS (SELECT 1 FROM documents WHERE id = NEW.document_id AND review = 'pending'"
        " AND state IN ('received', 'filed'))",
    ),
    ("parts", "DELETE", "EXISTS (SELECT 1 FROM withdrawals WHERE document_id = OLD.document_id)"),
)
"""Table, move, and the condition without which a row of it is refused."""

_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION '% refuses this %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$
"""


def create(connection: Connection) -> None:
    """Make every trigger that is not there."""
    drop(connection)
    if inspect(connection).has_table(WITHDRAWALS):
        _create_conditions(connection)
    table, column, value = BORN
    if connection.dialect.name == "postgresql":
        connection.execute(text(_FUNCTION))
        for name in APPEND_ONLY:
            _execute(
                connection,
                f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()",
            )
        _execute(
            connection,
            f"CREATE TRIGGER {table}_born BEFORE INSERT ON {table} FOR EACH ROW "
            f"WHEN (NEW.{column} <> '{value}') EXECUTE FUNCTION {FUNCTION}()",
        )
        return
    for name in APPEND_ONLY:
        for move in ("UPDATE", "DELETE"):
            _execute(
                connection,
                f"CREATE TRIGGER {name}_no_{move.lower()} BEFORE {move} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{name} refuses this {move}'); END",
            )
    _execute(
        connection,
        f"CREATE TRIGGER {table}_born BEFORE INSERT ON {table} WHEN NEW.{column} <> '{value}' "
        f"BEGIN SELECT RAISE(ABORT, '{table} refuses this INSERT'); END",
    )


def _create_conditions(connection: Connection) -> None:
    for table, move, condition in UNLESS:
        name, row = f"{table}_{move.lower()}_if", "NEW" if move == "INSERT" else "OLD"
        if connection.dialect.name == "postgresql":
            _execute(
                connection,
                f"CREATE OR REPLACE FUNCTION {FUNCTION}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {condition} THEN RETURN {row}; END IF; "
                f"RAISE EXCEPTION '{table} refuses this {move}' USING ERRCODE = 'insufficient_privilege'; END $$",
            )
            _execute(
                connection,
                f"CREATE TRIGGER {name} BEFORE {move} ON {table} FOR EACH ROW EXECUTE FUNCTION {FUNCTION}_{name}()",
            )
        else:
            _execute(
                connection,
                f"CREATE TRIGGER {name} BEFORE {move} ON {table} WHEN NOT {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{table} refuses this {move}'); END",
            )


def _drop_conditions(connection: Connection) -> None:
    for table, move, _ in UNLESS:
        name = f"{table}_{move.lower()}_if"
        if connection.dialect.name != "postgresql":
            _execute(connection, f"DROP TRIGGER IF EXISTS {name}")
        elif inspect(connection).has_table(table):
            _execute(connection, f"DROP TRIGGER IF EXISTS {name} ON {table}")
            _execute(connection, f"DROP FUNCTION IF EXISTS {FUNCTION}_{name}()")


def drop(connection: Connection) -> None:
    """Remove every trigger of ours."""
    _drop_conditions(connection)
    table, _, _ = BORN
    if connection.dialect.name == "postgresql":
        for name in APPEND_ONLY:
            _execute(connection, f"DROP TRIGGER IF EXISTS {name}_append_only ON {name}")
        _execute(connection, f"DROP TRIGGER IF EXISTS {table}_born ON {table}")
        _execute(connection, f"DROP FUNCTION IF EXISTS {FUNCTION}()")
        return
    for name in APPEND_ONLY:
        for move in ("update", "delete"):
            _execute(connection, f"DROP TRIGGER IF EXISTS {name}_no_{move}")
    _execute(connection, f"DROP TRIGGER IF EXISTS {table}_born")


def _execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))
