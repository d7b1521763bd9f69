"""check codes of links, agreed words, counters of wrong codes"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from records.checkcodes import new_check_code
from storage.database import UtcDateTime

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    connection = op.get_bind()
    op.add_column("document_requests", sa.Column("known_word", sa.String(40), nullable=True))
    op.add_column("upload_links", sa.Column("check_code", sa.String(8), nullable=False, server_default=""))
    for (link_id,) in connection.execute(sa.text("SELECT id FROM upload_links")).all():
        connection.execute(
            sa.text("UPDATE upload_links SET check_code = :code WHERE id = :id"),
            {"code": new_check_code(), "id": link_id},
        )
    op.create_index(op.f("ix_upload_links_check_code"), "upload_links", ["check_code"], unique=True)
    op.create_table(
        "check_windows",
        sa.Column("prefix", sa.String(2), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", "hour", name=op.f("pk_check_windows")),
    )
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("check_windows")
    op.drop_index(op.f("ix_upload_links_check_code"), "upload_links")
    op.drop_column("upload_links", "check_code")
    op.drop_column("document_requests", "known_word")
