"""wishes for a new link"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "link_wishes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["upload_links.id"], name=op.f("fk_link_wishes_link_id_upload_links")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f("fk_link_wishes_request_id_document_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_wishes")),
        sa.UniqueConstraint("request_id", name=op.f("uq_link_wishes_request_id")),
    )
    op.create_index(op.f("ix_link_wishes_due_at_lease_until"), "link_wishes", ["due_at", "lease_until"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("link_wishes")
