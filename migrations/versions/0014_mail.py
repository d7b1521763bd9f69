"""the address that mails to customers come from"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("organizations", sa.Column("mail_from", sa.String(254), nullable=True))


def downgrade() -> None:
    op.drop_column("organizations", "mail_from")
