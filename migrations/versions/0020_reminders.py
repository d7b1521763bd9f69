"""reminders, notices that documents arrived, calls for a person, and how a company writes to its customers"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import Json, UtcDateTime

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

OPEN = sa.text("cleared_at IS NULL")


def upgrade() -> None:
    days = sa.Column("reminder_days", Json, nullable=False, server_default="[3, 7, 14]")
    op.add_column("requirement_templates", days)
    op.create_table(
        "contact_rules",
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("opens", sa.String(5), nullable=False),
        sa.Column("closes", sa.String(5), nullable=False),
        sa.Column("rest_days", Json, nullable=False),
        sa.Column("rest_on_holidays", sa.Boolean(), nullable=False),
        sa.Column("received_notices", sa.Boolean(), nullable=False),
        sa.Column("channels", Json, nullable=False),
        sa.Column("undelivered_hours", sa.Integer(), nullable=False),
        sa.Column("opt_out_everywhere", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_contact_rules_org_id_organizations")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_contact_rules")),
    )
    _create_due(
        "reminder_plans",
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=True),
        sa.Column("skipped", sa.String(20), nullable=True),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("expired_at", UtcDateTime(), nullable=True),
    )
    _create_due("received_notices", sa.Column("sent_at", UtcDateTime(), nullable=True))
    _create_escalations()
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def _create_due(table: str, *columns: sa.Column) -> None:
    """Create a table with one due row a request."""
    op.create_table(
        table,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        *columns,
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f(f"fk_{table}_request_id_document_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("request_id", name=op.f(f"uq_{table}_request_id")),
    )
    op.create_index(op.f(f"ix_{table}_due_at_lease_until"), table, ["due_at", "lease_until"])


def _create_escalations() -> None:
    keys = {"org_id": "organizations", "case_id": "cases", "request_id": "document_requests"}
    op.create_table(
        "escalations",
        sa.Column("id", sa.String(32), nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in keys),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("cleared_at", UtcDateTime(), nullable=True),
        sa.Column("cleared_by", sa.String(32), nullable=True),
        sa.Column("note", sa.String(300), nullable=True),
        *(
            sa.ForeignKeyConstraint([name], [f"{other}.id"], name=op.f(f"fk_escalations_{name}_{other}"))
            for name, other in keys.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
    )
    op.create_index(op.f("ix_escalations_case_id"), "escalations", ["case_id"])
    where = {"sqlite_where": OPEN, "postgresql_where": OPEN}
    op.create_index("uq_escalations_open_request", "escalations", ["request_id"], unique=True, **where)


def downgrade() -> None:
    for table in ("escalations", "received_notices", "reminder_plans", "contact_rules"):
        op.drop_table(table)
    op.drop_column("requirement_templates", "reminder_days")
