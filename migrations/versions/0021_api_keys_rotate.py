"""api keys that rotate and are bound to networks"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime
from storage.database.base import Json

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ADDED = ("previous_sha256", "previous_until", "networks", "refused_at")


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("previous_sha256", sa.String(length=64), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", UtcDateTime(), nullable=True))
    op.add_column("api_keys", sa.Column("networks", Json, nullable=False, server_default="[]"))
    op.add_column("api_keys", sa.Column("refused_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_document_requests_created_by"), "document_requests", ["created_by"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_index(op.f("ix_document_requests_created_by"), table_name="document_requests")
    for column in reversed(ADDED):
        op.drop_column("api_keys", column)
