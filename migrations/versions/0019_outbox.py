"""the outbox: breakers, alarms, budgets, the pace of messages, why a message waits and where an attempt went"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ADDED = {
    "whatsapp_senders": ("flavor", "base_url", "team_id", "priority", "portfolio"),
    "messages": ("pinned", "tries", "shortened", "waits_for", "held_by"),
    "message_attempts": ("channel", "sender_id", "template", "wamid", "recipient", "recipient_user"),
    "parties": ("unreachable_since", "verify_since"),
}
INDEXED = (
    ("messages", "held_by"),
    ("message_attempts", "wamid"),
    ("message_attempts", "recipient"),
    ("message_attempts", "recipient_user"),
)
WAMIDS = """
UPDATE message_attempts SET wamid = (SELECT wamid FROM messages WHERE messages.id = message_attempts.message_id)
WHERE number = (SELECT max(number) FROM message_attempts AS other WHERE other.message_id = message_attempts.message_id)
"""


def upgrade() -> None:
    _add_columns()
    for table, column_name in INDEXED:
        op.create_index(op.f(f"ix_{table}_{column_name}"), table, [column_name])
    op.execute(WAMIDS)
    _create_stops()
    _create_paces()
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def _add_columns() -> None:
    op.add_column("whatsapp_senders", sa.Column("flavor", sa.String(12), nullable=False, server_default="cloud"))
    op.add_column("whatsapp_senders", sa.Column("base_url", sa.String(255), nullable=True))
    op.add_column("whatsapp_senders", sa.Column("team_id", sa.String(32), nullable=True))
    op.add_column("whatsapp_senders", sa.Column("priority", sa.Integer(), nullable=False, server_default="100"))
    op.add_column("whatsapp_senders", sa.Column("portfolio", sa.String(64), nullable=True))
    op.add_column("messages", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("shortened", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("waits_for", sa.String(20), nullable=True))
    op.add_column("messages", sa.Column("held_by", sa.String(32), nullable=True))
    op.add_column("message_attempts", sa.Column("channel", sa.String(10), nullable=True))
    op.add_column("message_attempts", sa.Column("sender_id", sa.String(32), nullable=True))
    op.add_column("message_attempts", sa.Column("template", sa.String(200), nullable=True))
    op.add_column("message_attempts", sa.Column("wamid", sa.String(200), nullable=True))
    op.add_column("message_attempts", sa.Column("recipient", sa.String(32), nullable=True))
    op.add_column("message_attempts", sa.Column("recipient_user", sa.String(140), nullable=True))
    op.add_column("parties", sa.Column("unreachable_since", UtcDateTime(), nullable=True))
    op.add_column("parties", sa.Column("verify_since", UtcDateTime(), nullable=True))


def _create_stops() -> None:
    op.create_table(
        "breakers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("key", sa.String(260), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_breakers_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breakers")),
        sa.UniqueConstraint("org_id", "scope", "key", "reason", name=op.f("uq_breakers_org_id_scope_key_reason")),
    )
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_alarms_org_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("org_id", "kind", "subject", "code", name=op.f("uq_alarms_org_id_kind_subject_code")),
    )


def _create_paces() -> None:
    op.create_table(
        "pair_turns",
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("free_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pair_turns")),
    )
    op.create_index(op.f("ix_pair_turns_free_at"), "pair_turns", ["free_at"])
    op.create_table(
        "conversation_budgets",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("portfolio", sa.String(64), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_conversation_budgets_org_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_budgets")),
        sa.UniqueConstraint("org_id", "portfolio", name=op.f("uq_conversation_budgets_org_id_portfolio")),
    )
    op.create_table(
        "conversations",
        sa.Column("budget_id", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["budget_id"],
            ["conversation_budgets.id"],
            name=op.f("fk_conversations_budget_id_conversation_budgets"),
        ),
        sa.PrimaryKeyConstraint("budget_id", "key", name=op.f("pk_conversations")),
    )
    op.create_index(op.f("ix_conversations_at"), "conversations", ["at"])


def downgrade() -> None:
    for table in ("conversations", "conversation_budgets", "pair_turns", "alarms", "breakers"):
        op.drop_table(table)
    for table, column_name in INDEXED:
        op.drop_index(op.f(f"ix_{table}_{column_name}"), table)
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
