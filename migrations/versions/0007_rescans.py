"""re-scans of filed documents"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NOTED = {
    "rescanned_at": UtcDateTime(),
    "rescanned_engine": sa.String(length=60),
    "rescanned_signatures": sa.String(length=60),
    "rescan_failed_at": UtcDateTime(),
}


def upgrade() -> None:
    for name, kind in NOTED.items():
        op.add_column("documents", sa.Column(name, kind, nullable=True))
    op.create_table(
        "rescans",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("signatures", sa.String(length=60), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("quarantine_key_id", sa.String(length=32), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.Column("header_sha256", sa.String(length=64), nullable=True),
        sa.Column("payload_sha256", sa.String(length=64), nullable=True),
        sa.Column("payload_size", sa.BigInteger(), nullable=True),
        sa.Column("ticket", sa.LargeBinary(), nullable=True),
        sa.Column("unexamined", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_rescans_document_id_documents")),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_rescans_org_id_organizations")),
        sa.ForeignKeyConstraint(
            ["quarantine_key_id"], ["quarantine_keys.id"], name=op.f("fk_rescans_quarantine_key_id_quarantine_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rescans")),
        sa.UniqueConstraint("document_id", "signatures", name=op.f("uq_rescans_document_id_signatures")),
    )
    op.create_index(op.f("ix_rescans_due_at_lease_until"), "rescans", ["due_at", "lease_until"])
    op.create_index(op.f("ix_rescans_outcome_expires_at"), "rescans", ["outcome", "expires_at"])
    op.create_index(op.f("ix_rescans_granted_at"), "rescans", ["granted_at"])
    if op.get_bind().dialect.name == "postgresql":
        rights.grant(op.get_bind())


def downgrade() -> None:
    op.drop_table("rescans")
    for name in reversed(NOTED):
        op.drop_column("documents", name)
