"""what connectors made in a CRM, and what a CRM named for a request"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "crm_remote_objects",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subscriber_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("our_id", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["crm_subscribers.id"],
            name=op.f("fk_crm_remote_objects_subscriber_id_crm_subscribers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_remote_objects")),
        sa.UniqueConstraint(
            "subscriber_id", "kind", "our_id", name=op.f("uq_crm_remote_objects_subscriber_id_kind_our_id")
        ),
    )
    op.create_table(
        "crm_references",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_crm_references_org_id_organizations")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_crm_references_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f("fk_crm_references_request_id_document_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_references")),
        sa.UniqueConstraint("request_id", "kind", name=op.f("uq_crm_references_request_id_kind")),
    )
    op.create_index(op.f("ix_crm_references_case_id"), "crm_references", ["case_id"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("crm_references")
    op.drop_table("crm_remote_objects")
