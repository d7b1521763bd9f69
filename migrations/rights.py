"""Which process may do what to which table on PostgreSQL, as data, and how the database is brought to it.

Rules: one group role without login for each process; what is not written here is refused. The public processes neither
read what was filed, nor case keys, nor who works here; only the inspector inserts parts and moves documents on; only
the custodian writes keys, signatures of keys and the sealed trail; the trail is inserted and never changed, and nobody
writes into it in another's name (a captured portal could else ask the opener as an executive). Roles belong to the
whole cluster, and the logins that a deployment gives to them are its own matter:
`CREATE ROLE someone LOGIN IN ROLE resguardo_customer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

Columns = tuple[str, ...]
ALL: Columns = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class May:
    """Rights on one table; each but `delete` on all or on the named columns.

    PostgreSQL wants UPDATE on at least one column for SELECT ... FOR SHARE or FOR UPDATE.
    """

    select: Columns = ()
    insert: Columns = ()
    update: Columns = ()
    delete: bool = False


Rights = Mapping[str, May]
READ = May(select=ALL)
ADD = May(insert=ALL)
READ_ADD = May(select=ALL, insert=ALL)
JOB: Columns = ("due_at", "lease_until", "attempt", "takeovers")
"""What a worker changes on a due row that it leases."""
TRY: Columns = (*JOB, "unfinished")
"""The same, where the work may kill the worker."""
HANDLED: Columns = (
    *("state", "error", "changed_at", "due_at", "tries", "shortened", "waits_for", "held_by"),
    *("channel", "pinned", "link_id"),
)
"""What moves a message: the courier by what it meets, a person by deciding."""
VERDICT: Columns = ("finding", "reason", "reason_page", "threat", "mime", "pages", "engine", "signatures", "judged_at")
ASKED: Columns = ("id", "org_id", "case_id", "due_at", "attempt", "takeovers")
"""How a case key is asked for: without any of the columns that the custodian fills."""
SECOND_LOOK: Columns = ("rescanned_at", "rescanned_engine", "rescanned_signatures", "rescan_failed_at")
RESCAN_ASKED: Columns = (
    *("id", "org_id", "document_id", "signatures", "asked_at"),
    *("attempt", "takeovers", "unfinished", "unexamined"),
)
"""How a re-scan is asked for: without any of the columns that make a ticket."""
ATTESTED: Columns = (
    *("id", "org_id", "case_id", "document_id", "name", "header", "header_sha256", "payload_sha256", "payload_size"),
    *("mime", "finding", "engine", "signatures", "attestation"),
)
"""What the custodian reads of a part: not where its payload lies."""
TEMPLATE_ACCOUNT_ASKED: Columns = ("id", "org_id", "waba_id", *JOB)
TEMPLATE_ASKED: Columns = (
    *("id", "org_id", "account_id", "name", "language", "wanted_category", "body", "footer", "label", "standby_name"),
    *("wish", "changed_at", *JOB),
)
"""How message templates are asked for: without any of the columns that hold the platform's word."""
HEALTH: Columns = ("state", "state_reason", "last_at", "last_status", "last_code", "failing_since")
"""What the courier notes of whoever is told CRM events."""
SUBSCRIBER: Columns = (
    *("id", "org_id", "kind", "name", "settings", "event_types", "previous_until", "created_at"),
    *HEALTH,
)
"""What the console sees of them: no secret, sealed or not."""
TOLD: Columns = (
    *("id", "org_id", "case_id", "request_id", "slot_id", "state", "reason", "reason_page", "review"),
    *("received_at", "judged_at"),
)
"""What a CRM is told of a document: never what it is called, holds or hashes to."""
TRACE: Rights = {"audit_events": ADD, "audit_pending": ADD}
SENT: Columns = ("used_files", "used_bytes", "used_attempts")
"""What records/quotas.py counts; the limits themselves are the administrator's alone."""
PLANNED: Columns = ("id", "request_id", "since", "step", "due_at", "attempt", "takeovers")
"""How a plan of reminders begins: the courier reckons the rest."""
BEAT: Rights = {"heartbeats": May(select=ALL, insert=ALL, update=("at", "details"))}

CUSTOMER: Rights = {
    **TRACE,
    "organizations": May(select=ALL, update=("quota_day", *SENT)),
    "privacy_notices": READ,
    "requirement_templates": READ,
    "requirements": READ,
    "cases": May(select=ALL, update=("updated_at", *SENT)),
    "parties": May(select=("id", "locale", "hint")),
    "document_requests": May(select=ALL, update=("state", "code_failures")),
    "slots": May(select=ALL, update=("state", "document_id", "reason", "reason_page", "note", "changed_at")),
    "upload_links": May(select=ALL, update=("activations", *SENT)),
    "visits": May(select=ALL, insert=ALL, update=("last_seen_at", "ends_at", "confirmed_at", "cookie_sha256")),
    "code_challenges": May(select=ALL, insert=ALL, update=("tries", "ended_at")),
    "messages": May(select=("id", "state")),
    "check_windows": May(select=ALL, insert=ALL, update=("wrong",), delete=True),
    "notice_acceptances": May(select=("id", "notice_id", "visit_id"), insert=ALL),
    "link_wishes": May(select=ALL, insert=ALL, update=("link_id", "asked_at", "since", "asked", "due_at")),
    "uploads": May(select=ALL, insert=ALL, update=("state", "length", "offset", "slices", "expires_at")),
    "tray_pages": May(select=ALL, insert=ALL, update=("position", "turn", "document_id")),
    "slices": ADD,
    "documents": READ_ADD,
    "receipts": READ_ADD,
    "withdrawals": May(
        insert=("id", "org_id", "document_id", "link_id", "asked_at", "due_at", "attempt", "takeovers"),
    ),
    "quarantine_keys": May(select=ALL, update=("takeovers",)),  # FOR SHARE while a slice is acknowledged
    "received_notices": May(
        select=("request_id",), insert=("id", "request_id", "due_at", "attempt", "takeovers"), update=("due_at",)
    ),
    "escalations": May(select=("id", "request_id", "cleared_at"), update=("cleared_at", "cleared_by")),
}

GATEWAY: Rights = {
    **TRACE,
    "organizations": READ,
    "privacy_notices": READ,
    "requirement_templates": READ,
    "requirements": READ,
    "api_keys": May(select=ALL, update=("last_used_at", "refused_at")),
    "idempotent_calls": May(select=ALL, insert=ALL, delete=True),
    "whatsapp_senders": READ,
    "inbound_events": May(select=("id", "dedup_key"), insert=ALL),
    "opt_outs": May(select=ALL, insert=ALL, update=("at", "lifted_at")),
    "opt_ins": READ_ADD,
    "cases": May(select=ALL, insert=ALL, update=("updated_at",)),
    "case_keys": May(insert=ASKED),
    "parties": May(
        select=ALL, insert=ALL, update=("name", "phone", "bsuid", "email", "locale", "hint", "unreachable_since")
    ),
    "document_requests": May(select=ALL, insert=ALL, update=("state", "expires_at", "code_failures")),
    "slots": READ_ADD,
    "documents": May(select=TOLD),
    "upload_links": May(select=ALL, insert=ALL, update=("superseded_at", "expires_at")),
    "messages": READ_ADD,
    "crm_events": READ,
    "reminder_plans": May(select=("id", "request_id"), insert=PLANNED, update=("due_at",)),
    "crm_references": ADD,
    "heartbeats": READ,
}

STAFF: Rights = {
    "audit_events": READ_ADD,
    "audit_pending": READ_ADD,
    "audit_leaves": READ,
    "audit_nodes": READ,
    "audit_heads": READ,
    "audit_checkpoints": READ,
    "organizations": READ,
    "teams": READ,
    "privacy_notices": READ,
    "requirement_templates": READ,
    "requirements": READ,
    "members": May(
        select=ALL,
        update=("failures", "locked_until", "totp_last_step", "password_hash", "active", "session_epoch", "locale"),
    ),
    "staff_sessions": May(select=ALL, insert=ALL, update=("last_seen_at", "ended_at")),
    "api_keys": May(
        select=ALL, insert=ALL, update=("revoked_at", "secret_sha256", "previous_sha256", "previous_until", "networks")
    ),
    "cases": May(select=ALL, insert=ALL, update=("state", "updated_at", "team_id", "owner_id")),
    "case_keys": May(insert=ASKED),
    "parties": May(select=ALL, insert=ALL, update=("verify_since",)),
    "opt_outs": May(select=ALL, update=("lifted_at",)),
    "opt_ins": READ_ADD,
    "intercepted_files": May(select=ALL, update=("handled_at", "handled_by")),
    "document_requests": May(select=ALL, insert=ALL, update=("state", "code_failures")),
    "slots": May(select=ALL, insert=ALL, update=("state", "reason", "reason_page", "note", "changed_at")),
    "upload_links": May(select=ALL, insert=ALL, update=("superseded_at", "revoked_at")),
    "visits": READ,
    "notice_acceptances": READ,
    "messages": May(select=ALL, insert=ALL, update=HANDLED),
    "message_attempts": READ,
    "template_accounts": May(select=ALL, insert=TEMPLATE_ACCOUNT_ASKED, update=("due_at", "refuse_marketing")),
    "message_templates": May(
        select=ALL,
        insert=TEMPLATE_ASKED,
        update=("body", "footer", "label", "standby_name", "wish", "changed_at", "due_at"),
    ),
    "whatsapp_senders": May(select=("id", "org_id", "phone_number_id", "waba_id", "team_id", "priority", "portfolio")),
    "breakers": May(select=ALL, update=("closed_at", "closed_by")),
    "alarms": May(select=ALL, update=("closed_at", "closed_by")),
    "conversation_budgets": READ,
    "conversations": READ,
    "sms_senders": May(select=("id", "org_id")),
    "contact_rules": READ,
    "reminder_plans": May(select=ALL, insert=PLANNED, update=("since", "step", "paused_at", "due_at")),
    "escalations": May(select=ALL, update=("cleared_at", "cleared_by", "note")),
    "uploads": May(select=("link_id", "created_at")),
    "documents": May(select=ALL, update=("review",)),
    "parts": READ,
    "preview_tasks": May(select=("document_id", "gave_up")),
    "withdrawals": May(select=("document_id",)),
    "exports": READ_ADD,
    "crm_events": READ,
    "crm_subscribers": May(select=SUBSCRIBER, update=("state", "state_reason", "failing_since")),
    "crm_deliveries": May(select=ALL, update=("state", "tries", "ended_at", "due_at")),
    "crm_tries": READ,
    "heartbeats": READ,
}

INSPECTOR: Rights = {
    **TRACE,
    **BEAT,
    "cases": May(select=ALL, update=("updated_at", "used_files", "used_bytes")),  # given back by expired uploads
    "case_keys": May(select=("id", "org_id", "case_id", "public", "signature", "minted_at", *JOB)),
    "document_requests": May(select=ALL, update=("state",)),
    "requirement_templates": READ,
    "requirements": READ,
    "slots": May(select=ALL, update=("state", "reason", "reason_page", "note", "changed_at")),
    "organizations": May(select=("id", "flag_active_pdfs", "flag_pdf_attachments", "accept_office")),
    "upload_links": May(select=ALL, insert=ALL, update=("superseded_at", "used_files")),
    "messages": READ_ADD,
    "reminder_plans": May(select=("id", "request_id"), update=("since", "step", "due_at")),
    "uploads": May(select=ALL, update=("state", "expires_at")),
    "tray_pages": May(select=ALL, update=("document_id",)),  # the good pages of a refused document go back
    "slices": May(select=ALL, delete=True),
    "documents": May(
        select=ALL,
        update=(*VERDICT, *SECOND_LOOK, "state", "size", "upload_id", "remarks", "likeness", "alike_id", *TRY),
    ),
    "parts": May(select=("id", "document_id", "name", "blob"), insert=ALL, delete=True),  # a trigger: withdrawn ones
    "rescans": May(select=ALL, insert=RESCAN_ASKED, update=("header", "unexamined", "outcome", "ended_at", *TRY)),
    "withdrawals": May(select=ALL, update=("blobs", "erased_at", *JOB)),
    "filing_intents": May(select=ALL, insert=ALL, delete=True),
    "receipt_entries": May(select=("document_id",), insert=ALL, delete=True),
    "preview_tasks": May(select=ALL, insert=ALL, update=("done_at", "gave_up", *TRY), delete=True),
    "quarantine_keys": May(select=ALL, insert=ALL, update=("destroyed_at",)),
}

COURIER: Rights = {
    **BEAT,
    "audit_events": READ_ADD,
    "audit_pending": ADD,
    "audit_leaves": READ,
    "audit_nodes": READ,
    "audit_checkpoints": May(select=ALL, update=("stamp", "stamped_at", "stamp_due", "stamp_attempt")),
    "exports": May(select=ALL, update=("state", "ready_at")),
    "organizations": READ,
    "requirement_templates": READ,
    "requirements": READ,
    "cases": READ,
    "parties": May(select=ALL, update=("unreachable_since", "verify_since")),
    "opt_outs": May(select=ALL, insert=ALL, update=("at", "lifted_at")),
    "opt_ins": READ_ADD,
    "chat_windows": May(select=ALL, insert=ALL, update=ALL, delete=True),
    "intercepted_files": May(select=ALL, insert=ALL, update=("media_id", "deleted_at", "left_at", "unknown", *JOB)),
    "document_requests": READ,
    "slots": READ,
    "upload_links": May(select=ALL, insert=ALL, update=("superseded_at", "revoked_at")),
    "link_wishes": May(select=ALL, update=JOB),
    "sms_senders": READ,
    "contact_rules": READ,
    "reminder_plans": May(select=ALL, update=("step", "last_at", "skipped", "expired_at", *JOB)),
    "received_notices": May(select=ALL, update=("sent_at", *JOB)),
    "escalations": May(
        select=("id", "request_id", "cleared_at"),
        insert=("id", "org_id", "case_id", "request_id", "reason", "raised_at"),
    ),
    "uploads": May(select=("link_id", "created_at")),
    "whatsapp_senders": READ,
    "template_accounts": May(select=ALL, update=("synced_at", "error", "hour", "calls", *JOB)),
    "message_templates": May(
        select=ALL,
        insert=ALL,
        update=(
            *("body", "footer", "label", "wish", "status", "category", "coming_category", "quality", "remote_id"),
            *("reason", "error", "submitted_sha256", "remote_sha256", "submitted_at", "status_at", "edits", *JOB),
        ),
    ),
    "code_challenges": May(select=ALL, update=("message_id", *JOB)),
    "messages": May(
        select=ALL,
        insert=ALL,
        update=(*HANDLED, "wamid", "lease_until", "attempt", "takeovers"),
    ),
    "message_attempts": May(
        select=ALL, insert=ALL, update=("ended_at", "outcome", "error", "wamid", "recipient", "recipient_user")
    ),
    "breakers": May(select=ALL, insert=ALL, update=("opened_at", "until", "failures", "closed_at", "closed_by")),
    "alarms": May(select=ALL, insert=ALL, update=("raised_at", "last_at", "times", "closed_at", "closed_by")),
    "pair_turns": May(select=ALL, insert=ALL, update=("free_at",), delete=True),
    "conversation_budgets": May(select=ALL, insert=ALL, update=("daily_limit", "changed_at")),
    "conversations": May(select=ALL, insert=ALL, update=("at",), delete=True),
    "inbound_events": May(select=ALL, update=("processed_at", "phone", "bsuid", "fields", *JOB)),
    "crm_cursors": May(select=ALL, insert=ALL, update=("next_leaf",)),
    "crm_events": READ_ADD,
    "crm_subscribers": May(select=ALL, update=HEALTH),
    "crm_deliveries": May(
        select=ALL, insert=ALL, update=("state", "tries", "ended_at", "last_status", "last_code", *JOB)
    ),
    "crm_tries": READ_ADD,
    "crm_remote_objects": May(select=ALL, insert=ALL, update=("remote_id",)),
    "crm_references": READ,
    "receipt_entries": READ,
    "receipts": May(
        select=ALL, update=("state", "ready_at", "sealed_secret", "event_id", "facts", "pdf", "pdf_until", *JOB)
    ),
}

CUSTODIAN: Rights = {
    **BEAT,
    "audit_events": READ_ADD,
    "audit_pending": May(select=ALL, insert=ALL, delete=True),
    "audit_leaves": READ_ADD,
    "audit_nodes": READ_ADD,
    "audit_heads": May(select=ALL, insert=ALL, update=("size", "frontier")),
    "audit_checkpoints": May(select=ALL, insert=ALL, update=("stamp_requested", "stamp_due")),
    "case_keys": May(
        select=ALL,
        update=("public", "signature", "sealed_private", "escrow_header", "escrow_payload", "minted_at", *JOB),
    ),
    "quarantine_keys": May(select=ALL, update=("custodian_signature", *JOB)),
    "documents": May(select=("id", "org_id", "case_id", "state", "received_at")),
    "parts": May(select=ATTESTED),
    "withdrawals": May(select=("document_id",)),
    "rescans": May(
        select=ALL,
        update=(
            *("granted_at", "expires_at", "quarantine_key_id", "header", "header_sha256", "payload_sha256"),
            *("payload_size", "ticket", "due_at", "outcome", "ended_at"),
        ),
        delete=True,
    ),
    "exports": May(select=ALL, update=("checkpoint_id",)),
    "receipts": May(select=ALL, update=("checkpoint_id",)),
}

OPENER: Rights = {
    **BEAT,
    "audit_events": READ_ADD,
    "audit_pending": ADD,
    "cases": READ,
    "case_keys": READ,
    "members": May(select=("id", "org_id", "team_id", "role", "active")),
    "documents": READ,
    "parts": READ,
    "withdrawals": May(select=("document_id",)),
    "exports": READ,
}

RIGHTS: Mapping[str, Rights] = {
    "customer": CUSTOMER,
    "gateway": GATEWAY,
    "staff": STAFF,
    "inspector": INSPECTOR,
    "courier": COURIER,
    "custodian": CUSTODIAN,
    "opener": OPENER,
}

VOICES: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer",),
    "gateway": ("gateway", "crm"),
    "staff": ("staff",),
    "inspector": ("inspector",),
    "courier": ("courier", "gateway"),
    "custodian": ("custodian",),
    "opener": ("opener",),
}
"""In whose names (the first word of `actor:subject:action`) a process may write into the trail."""

_CREATE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""


def group(process: str) -> str:
    """Return the name of a process's group role."""
    return f"resguardo_{process}"


def create_roles(connection: Connection) -> None:
    """Make the group roles that the cluster does not have yet; another database may have made them."""
    for process in RIGHTS:
        connection.execute(text(_CREATE.format(role=group(process))))


def grant(connection: Connection) -> None:
    """Bring the rights in this database to what is written here, for the tables and columns that exist by now.

    Every migration that adds or renames a table or column of `RIGHTS` ends with a call of this.
    """
    known = {name: {column["name"] for column in inspect(connection).get_columns(name)} for name in _tables(connection)}
    revoke(connection)
    for process, rights in RIGHTS.items():
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {group(process)}"))
        for table, may in rights.items():
            if table in known and (phrases := _phrases(may, known[table])):
                connection.execute(text(f"GRANT {', '.join(phrases)} ON {table} TO {group(process)}"))
    if "audit_events" in known:
        _give_voices(connection)


def revoke(connection: Connection) -> None:
    """Take every right in this database from the group roles; the roles stay, since they are the cluster's."""
    for process in RIGHTS:
        connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {group(process)}"))
        connection.execute(text(f"REVOKE ALL ON SCHEMA public FROM {group(process)}"))
        connection.execute(text(f"DROP POLICY IF EXISTS {process}_voice ON audit_events"))
    connection.execute(text("DROP POLICY IF EXISTS everyone_reads ON audit_events"))
    connection.execute(text("ALTER TABLE audit_events DISABLE ROW LEVEL SECURITY"))


def _give_voices(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY"))
    connection.execute(text("CREATE POLICY everyone_reads ON audit_events FOR SELECT USING (true)"))
    for process, voices in VOICES.items():
        names = ", ".join(f"'{voice}'" for voice in voices)
        statement = (
            f"CREATE POLICY {process}_voice ON audit_events FOR INSERT TO {group(process)} "
            f"WITH CHECK (split_part(event, ':', 1) IN ({names}))"
        )
        connection.execute(text(statement.replace(":'", "\\:'")))


def _tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names(schema="public")


def _phrases(may: May, existing: set[str]) -> list[str]:
    phrases = ["DELETE"] if may.delete else []
    for privilege, columns in (("SELECT", may.select), ("INSERT", may.insert), ("UPDATE", may.update)):
        if columns == ALL:
            phrases.append(privilege)
        elif present := [f'"{column}"' for column in columns if column in existing]:
            phrases.append(f"{privilege} ({', '.join(present)})")
    return phrases
