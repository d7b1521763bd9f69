"""the service that SMS of a company leave through"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import Json

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sms_senders",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("url", sa.String(255), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("secret_boxed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_sms_senders_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_senders")),
        sa.UniqueConstraint("org_id", name=op.f("uq_sms_senders_org_id")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("sms_senders")
