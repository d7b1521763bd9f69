"""crm events"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import Json, UtcDateTime


revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "crm_cursors",
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("next_leaf", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_crm_cursors_org_id_organizations")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_crm_cursors")),
    )
    op.create_table(
        "crm_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("audit_event_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("request_id", sa.String(length=32), nullable=True),
        sa.Column("document_id", sa.String(length=32), nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_crm_events_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_events")),
        sa.UniqueConstraint("audit_event_id", name=op.f("uq_crm_events_audit_event_id")),
        sa.UniqueConstraint("org_id", "leaf", name=op.f("uq_crm_events_org_id_leaf")),
    )
    op.create_index(op.f("ix_crm_events_created_at"), "crm_events", ["created_at"])
    op.create_index(op.f("ix_crm_events_request_id_type"), "crm_events", ["request_id", "type"])

    op.create_table(
        "crm_subscribers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("settings", Json, nullable=False),
        sa.Column("event_types", Json, nullable=False),
        sa.Column("secret_boxed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_boxed", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("state_reason", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_code", sa.String(length=40), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_crm_subscribers_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_subscribers")),
    )
    op.create_index(op.f("ix_crm_subscribers_org_id"), "crm_subscribers", ["org_id"])

    op.create_table(
        "crm_deliveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("subscriber_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_code", sa.String(length=40), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["crm_events.id"], name=op.f("fk_crm_deliveries_event_id_crm_events")),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_crm_deliveries_org_id_organizations")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["crm_subscribers.id"], name=op.f("fk_crm_deliveries_subscriber_id_crm_subscribers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_deliveries")),
        sa.UniqueConstraint("subscriber_id", "event_id", name=op.f("uq_crm_deliveries_subscriber_id_event_id")),
    )
    op.create_index(op.f("ix_crm_deliveries_due_at_lease_until"), "crm_deliveries", ["due_at", "lease_until"])
    op.create_index(op.f("ix_crm_deliveries_event_id"), "crm_deliveries", ["event_id"])
    op.create_index(op.f("ix_crm_deliveries_org_id_created_at"), "crm_deliveries", ["org_id", "created_at"])
    op.create_index(op.f("ix_crm_deliveries_subscriber_id_due_at"), "crm_deliveries", ["subscriber_id", "due_at"])
    op.create_index(
        op.f("ix_crm_deliveries_subscriber_id_lease_until"), "crm_deliveries", ["subscriber_id", "lease_until"]
    )

    op.create_table(
        "crm_tries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["crm_deliveries.id"], name=op.f("fk_crm_tries_delivery_id_crm_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_tries")),
    )
    op.create_index(op.f("ix_crm_tries_delivery_id"), "crm_tries", ["delivery_id"])
    op.execute("INSERT INTO crm_cursors (org_id, next_leaf) SELECT org_id, size FROM audit_heads")  # told from now on
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    for table in ("crm_tries", "crm_deliveries", "crm_subscribers", "crm_events", "crm_cursors"):
        op.drop_table(table)
