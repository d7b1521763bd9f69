"""message templates"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import Json, UtcDateTime

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def _due() -> list[sa.Column[object]]:
    return [
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "template_accounts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("waba_id", sa.String(length=64), nullable=False),
        sa.Column("synced_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(length=60), nullable=True),
        sa.Column("refuse_marketing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=True),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        *_due(),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_template_accounts_org_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_accounts")),
        sa.UniqueConstraint("org_id", "waba_id", name=op.f("uq_template_accounts_org_id_waba_id")),
    )
    op.create_index(op.f("ix_template_accounts_due_at_lease_until"), "template_accounts", ["due_at", "lease_until"])
    op.create_table(
        "message_templates",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("org_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("wanted_category", sa.String(length=20), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("footer", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=25), nullable=False),
        sa.Column("standby_name", sa.String(length=120), nullable=True),
        sa.Column("wish", sa.String(length=10), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="draft", nullable=False),
        sa.Column("category", sa.String(length=20), nullable=True),
        sa.Column("coming_category", sa.String(length=20), nullable=True),
        sa.Column("quality", sa.String(length=10), nullable=True),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("error", sa.String(length=60), nullable=True),
        sa.Column("submitted_sha256", sa.String(length=64), nullable=True),
        sa.Column("remote_sha256", sa.String(length=64), nullable=True),
        sa.Column("submitted_at", UtcDateTime(), nullable=True),
        sa.Column("status_at", UtcDateTime(), nullable=True),
        sa.Column("edits", Json, nullable=True),
        *_due(),
        sa.ForeignKeyConstraint(
            ["account_id"], ["template_accounts.id"], name=op.f("fk_message_templates_account_id_template_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_message_templates_org_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_templates")),
        sa.UniqueConstraint(
            "account_id", "name", "language", name=op.f("uq_message_templates_account_id_name_language")
        ),
    )
    for columns in (["org_id"], ["remote_id"], ["due_at", "lease_until"]):
        op.create_index(op.f(f"ix_message_templates_{'_'.join(columns)}"), "message_templates", columns)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def downgrade() -> None:
    op.drop_table("message_templates")
    op.drop_table("template_accounts")
