"""what webhooks bring: chats, intercepted files, second app secrets, lifted opt-outs, opt-in evidence"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations import rights
from storage.database import UtcDateTime
from storage.database.base import Json

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("whatsapp_senders", sa.Column("old_app_secret_boxed", sa.LargeBinary(), nullable=True))
    op.add_column("whatsapp_senders", sa.Column("old_app_secret_until", UtcDateTime(), nullable=True))
    op.add_column("inbound_events", sa.Column("phone", sa.String(32), nullable=True))
    op.add_column("inbound_events", sa.Column("bsuid", sa.String(140), nullable=True))
    op.add_column("inbound_events", sa.Column("fields", Json, nullable=True))
    op.add_column("opt_outs", sa.Column("lifted_at", UtcDateTime(), nullable=True))
    _opt_ins()
    _chat_windows()
    _intercepted_files()
    if op.get_bind().dialect.name == "postgresql":
        rights.grant(op.get_bind())


def _opt_ins() -> None:
    op.create_table(
        "opt_ins",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("party_id", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_opt_ins_org_id_organizations")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_opt_ins_party_id_parties")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_ins")),
    )
    op.create_index(op.f("ix_opt_ins_party_id"), "opt_ins", ["party_id"])


def _due() -> list[sa.Column[object]]:
    return [
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
    ]


def _chat_windows() -> None:
    op.create_table(
        "chat_windows",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("sender_id", sa.String(32), nullable=False),
        sa.Column("address", sa.String(140), nullable=False),
        sa.Column("phone", sa.String(32), nullable=True),
        sa.Column("bsuid", sa.String(140), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("wamid", sa.String(200), nullable=False),
        sa.Column("wants", sa.String(10), nullable=True),
        sa.Column("message_id", sa.String(32), nullable=True),
        sa.Column("posting", sa.String(32), nullable=True),
        sa.Column("answered", sa.String(10), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        *_due(),
        sa.ForeignKeyConstraint(["org_id"], ["organizations.id"], name=op.f("fk_chat_windows_org_id_organizations")),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["whatsapp_senders.id"], name=op.f("fk_chat_windows_sender_id_whatsapp_senders")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_chat_windows_message_id_messages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_windows")),
        sa.UniqueConstraint("sender_id", "address", name=op.f("uq_chat_windows_sender_id_address")),
    )
    op.create_index(op.f("ix_chat_windows_due_at_lease_until"), "chat_windows", ["due_at", "lease_until"])


def _intercepted_files() -> None:
    op.create_table(
        "intercepted_files",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(32), nullable=False),
        sa.Column("sender_id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=True),
        sa.Column("request_id", sa.String(32), nullable=True),
        sa.Column("wamid", sa.String(200), nullable=True),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("mime", sa.String(120), nullable=True),
        sa.Column("sha256", sa.String(88), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("media_id", sa.String(128), nullable=True),
        sa.Column("hint", sa.String(8), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("unknown", sa.Boolean(), nullable=False),
        sa.Column("handled_at", UtcDateTime(), nullable=True),
        sa.Column("handled_by", sa.String(32), nullable=True),
        *_due(),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_intercepted_files_org_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["whatsapp_senders.id"], name=op.f("fk_intercepted_files_sender_id_whatsapp_senders")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_intercepted_files_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["document_requests.id"], name=op.f("fk_intercepted_files_request_id_document_requests")
        ),
        sa.ForeignKeyConstraint(["handled_by"], ["members.id"], name=op.f("fk_intercepted_files_handled_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intercepted_files")),
    )
    op.create_index(op.f("ix_intercepted_files_due_at_lease_until"), "intercepted_files", ["due_at", "lease_until"])
    op.create_index(op.f("ix_intercepted_files_org_id_at"), "intercepted_files", ["org_id", "at"])
    op.create_index(op.f("ix_intercepted_files_case_id"), "intercepted_files", ["case_id"])


def downgrade() -> None:
    op.drop_table("intercepted_files")
    op.drop_table("chat_windows")
    op.drop_table("opt_ins")
    op.drop_column("opt_outs", "lifted_at")
    op.drop_column("inbound_events", "fields")
    op.drop_column("inbound_events", "bsuid")
    op.drop_column("inbound_events", "phone")
    op.drop_column("whatsapp_senders", "old_app_secret_until")
    op.drop_column("whatsapp_senders", "old_app_secret_boxed")
