"""rights of each process, append-only trail"""

from collections.abc import Sequence

from alembic import op

from migrations import rights, triggers

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    connection = op.get_bind()
    triggers.create(connection)
    if connection.dialect.name == "postgresql":
        rights.create_roles(connection)
        rights.grant(connection)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.revoke(connection)
    triggers.drop(connection)
