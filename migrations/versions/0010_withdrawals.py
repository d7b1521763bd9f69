"""withdrawn documents, and the triggers that keep what was not withdrawn"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights, triggers
from storage.database import Json, UtcDateTime

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("blobs", Json, nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_withdrawals_document_id_documents")),
        sa.ForeignKeyConstraint(["link_id"], ["upload_links.id"], name=op.f("fk_withdrawals_link_id_upload_links")),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_withdrawals_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("document_id", name=op.f("uq_withdrawals_document_id")),
    )
    op.create_index(op.f("ix_withdrawals_due_at_lease_until"), "withdrawals", ["due_at", "lease_until"])
    connection = op.get_bind()
    triggers.create(connection)
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    connection = op.get_bind()
    triggers.drop(connection)
    op.drop_table("withdrawals")
    triggers.create(connection)
