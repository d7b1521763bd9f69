"""declined slots and the legal basis of requirements"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storage.database.base import Json

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("requirements", sa.Column("legal_basis", Json, nullable=False, server_default="{}"))
    op.add_column("requirements", sa.Column("may_decline", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("requirements", "may_decline")
    op.drop_column("requirements", "legal_basis")
