"""trays of photos that become one document; how a file is recognised in another browser; covered zones"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights, triggers
from storage.database.base import Json

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

COLUMNS = (
    ("requirements", "max_pages", sa.Integer(), "1"),
    ("requirements", "may_cover", Json, None),
    ("slots", "reason_page", sa.Integer(), None),
    ("uploads", "mark", sa.String(length=32), None),
    ("uploads", "covered", sa.Boolean(), sa.false()),
    ("documents", "reason_page", sa.Integer(), None),
    ("documents", "covered", sa.Boolean(), sa.false()),
)


def upgrade() -> None:
    for table, name, kind, default in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    op.create_table(
        "tray_pages",
        sa.Column("upload_id", sa.String(length=32), nullable=False),
        sa.Column("slot_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("retakes", sa.String(length=32), nullable=True),
        sa.Column("document_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_tray_pages_document_id_documents")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_tray_pages_slot_id_slots")),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_tray_pages_upload_id_uploads")),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_tray_pages")),
    )
    op.create_index(op.f("ix_tray_pages_slot_id"), "tray_pages", ["slot_id"])
    op.create_index(op.f("ix_tray_pages_document_id"), "tray_pages", ["document_id"])
    connection = op.get_bind()
    triggers.create(connection)
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("tray_pages")
    for table, name, _, _ in COLUMNS:
        op.drop_column(table, name)
    connection = op.get_bind()
    triggers.create(connection)
    if connection.dialect.name == "postgresql":
        rights.grant(connection)
