"""receipts and the sealed hashes that they are made from"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime


revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("event_id", sa.String(length=32), nullable=True),
        sa.Column("checkpoint_id", sa.String(length=32), nullable=True),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("pdf", sa.LargeBinary(), nullable=True),
        sa.Column("pdf_until", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_receipts_case_id_cases")),
        sa.ForeignKeyConstraint(["link_id"], ["upload_links.id"], name=op.f("fk_receipts_link_id_upload_links")),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_receipts_org_id_organizations")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f("fk_receipts_request_id_document_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipts_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_receipts_due_at_lease_until"), ["due_at", "lease_until"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_receipts_request_id_created_at"), ["request_id", "created_at"], unique=False
        )

    op.create_table(
        "receipt_entries",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("slot_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_receipt_entries_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_receipt_entries_document_id_documents")
        ),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_receipt_entries_org_id_organizations")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f("fk_receipt_entries_request_id_document_requests")
        ),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_receipt_entries_slot_id_slots")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_receipt_entries")),
    )
    with op.batch_alter_table("receipt_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipt_entries_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_receipt_entries_request_id"), ["request_id"], unique=False)

    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    with op.batch_alter_table("receipt_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_entries_request_id"))
        batch_op.drop_index(batch_op.f("ix_receipt_entries_case_id"))

    op.drop_table("receipt_entries")
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipts_request_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_receipts_due_at_lease_until"))
        batch_op.drop_index(batch_op.f("ix_receipts_case_id"))

    op.drop_table("receipts")
