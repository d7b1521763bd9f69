"""quotas of links, cases and organizations"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

GIB = 1024**3
USED = {"used_files": 0, "used_bytes": 0, "used_attempts": 0}
ADDED = {
    "upload_links": {"used_attempts": 0, "max_attempts": 240},
    "cases": USED,
    "organizations": {
        **USED,
        **{"max_files": 20_000, "max_bytes": 400 * GIB, "max_attempts": 80_000},
        **{"case_max_files": 500, "case_max_bytes": 20 * GIB, "case_max_attempts": 2_000},
    },
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for name, value in columns.items():
            kind = sa.BigInteger() if name.endswith("bytes") else sa.Integer()
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=str(value)))
    op.add_column("organizations", sa.Column("quota_day", sa.Date(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        rights.grant(op.get_bind())


def downgrade() -> None:
    op.drop_column("organizations", "quota_day")
    for table, columns in ADDED.items():
        for name in columns:
            op.drop_column(table, name)
