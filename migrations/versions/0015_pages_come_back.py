"""the inspector may lay the good pages of a refused document back into their tray"""

from collections.abc import Sequence

from alembic import op

from migrations import rights

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    """Rights are brought to what is written at every step; there is nothing to take back."""
