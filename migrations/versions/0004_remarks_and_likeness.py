"""remarks for the reviewer, likeness inside a case, the organization's say over PDFs and office documents"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import Json

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

POLICY = ("flag_active_pdfs", "flag_pdf_attachments", "accept_office")
LIKE = ("likeness", "alike_id")


def upgrade() -> None:
    for name in POLICY:
        op.add_column("organizations", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("documents", sa.Column("remarks", Json, nullable=False, server_default="[]"))
    op.add_column("documents", sa.Column("likeness", sa.LargeBinary(), nullable=True))
    op.add_column("documents", sa.Column("alike_id", sa.String(length=32), nullable=True))
    op.create_index("ix_documents_likeness", "documents", ["likeness"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # SQLite minds no length
        for table in ("documents", "parts"):
            op.alter_column(table, "mime", type_=sa.String(length=100))
        rights.grant(connection)


def downgrade() -> None:
    op.drop_index("ix_documents_likeness", "documents")
    for name in (*LIKE, "remarks"):
        op.drop_column("documents", name)
    for name in POLICY:
        op.drop_column("organizations", name)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in ("documents", "parts"):
            op.alter_column(table, "mime", type_=sa.String(length=60))
        rights.grant(connection)
