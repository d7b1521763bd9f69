"""one-time codes: challenges, confirmed visits, hints of addresses"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _create_challenges()
    op.add_column(
        "requirement_templates", sa.Column("second_factor", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("document_requests", sa.Column("code_failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("visits", sa.Column("confirmed_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE visits SET confirmed_at = started_at")
    op.add_column("parties", sa.Column("hint", sa.String(40), nullable=True))
    op.execute("UPDATE parties SET hint = substr(phone, length(phone) - 1) WHERE phone IS NOT NULL")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        rights.grant(connection)


def _create_challenges() -> None:
    op.create_table(
        "code_challenges",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("link_id", sa.String(32), nullable=False),
        sa.Column("visit_id", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(32), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["document_requests.id"], name=op.f("fk_code_challenges_request_id_document_requests")),
        sa.ForeignKeyConstraint(["link_id"], ["upload_links.id"], name=op.f("fk_code_challenges_link_id_upload_links")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_code_challenges_message_id_messages")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name=op.f("fk_code_challenges_visit_id_visits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_challenges")),
    )
    op.create_index(op.f("ix_code_challenges_due_at_lease_until"), "code_challenges", ["due_at", "lease_until"])
    op.create_index(op.f("ix_code_challenges_message_id"), "code_challenges", ["message_id"])
    op.create_index(op.f("ix_code_challenges_request_id"), "code_challenges", ["request_id"])
    op.create_index(op.f("ix_code_challenges_visit_id"), "code_challenges", ["visit_id"])


def downgrade() -> None:
    op.drop_table("code_challenges")
    op.execute("DELETE FROM message_attempts WHERE message_id IN (SELECT id FROM messages WHERE purpose = 'code')")
    op.execute("DELETE FROM messages WHERE purpose = 'code'")
    op.drop_column("parties", "hint")
    op.drop_column("visits", "confirmed_at")
    op.drop_column("document_requests", "code_failures")
    op.drop_column("requirement_templates", "second_factor")
