"""the courier may keep a "no more" of a person whose phone the platform does not show"""

from collections.abc import Sequence

from alembic import op

from migrations import rights

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    """Rights are those of the code that runs: nothing to take back."""
