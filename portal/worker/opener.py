"""The opener: hands out the file key of one part, and only against a committed audit event.

It asks nobody's word: it reads the event, the member, the case and the part from the database itself, decides by the
same policy as everybody, verifies the inspector's attestation and the custodian's signature on the case key, opens the
header and answers with 16 bytes. Every refusal is recorded in a transaction of its own. One JSON line in, one out.
"""

import base64
import contextlib
import json
import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from audit import AuditEvent, Event, record
from intake.filing import case_public, verify_part
from portal.worker.engine import describe
from records import policy
from records.cases import Case, CaseKey
from records.documents import Document, DocumentState, Part
from records.exports import Export
from records.people import Member
from records.withdrawing import is_withdrawn
from storage.database import Database, utcnow
from storage.keyring.casekeys import open_case_key
from storage.keyring.protocol import Keyring
from storage.sealing.contexts import DocumentContext
from storage.sealing.signing import VerifyKey
from storage.sealing.unseal import open_header

log = structlog.get_logger(__name__)

ACTOR = "opener"
MAX_LINE = 1024
TIMEOUT_S = 5
PAGE_LIFE = timedelta(seconds=60)
"""How long after a view or a download the key may be asked for."""
EXPORT_LIFE = timedelta(hours=1)
"""How long an export may go on opening the parts of its case."""


_WORD = re.compile(r"[!-~]{1,64}")
_WHAT_DECIDES = load_only(Member.org_id, Member.team_id, Member.role, Member.active, raiseload=True)
"""All that the opener may read of a member."""


class OpeningRefused(Exception):
    """The key is not given. `why` is a code for the trail; the asker learns only that it was refused."""

    code = "opening_refused"

    def __init__(self, why: str) -> None:
        """Name the check that failed."""
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the opener holds."""

    database: Database
    keyring: Keyring
    custodian: VerifyKey
    inspector: VerifyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, syntactically checked."""

    event: str
    document: str
    part: str

    @classmethod
    def read(cls, untrusted_line: bytes) -> "Asked":
        """Parse one line. Raises OpeningRefused for anything but three short strings of printable ASCII."""
        try:
            found = json.loads(untrusted_line)
            values = {name: found[name] for name in ("event", "document", "part")}
        except (ValueError, TypeError, KeyError, RecursionError):
            raise OpeningRefused("malformed") from None
        if any(not isinstance(value, str) or not _WORD.fullmatch(value) for value in values.values()):
            raise OpeningRefused("malformed")
        return cls(**values)


def open_part(tools: Tools, asked: Asked, *, now: datetime) -> bytes:
    """Return the 16-byte file key of the asked part. Raises OpeningRefused; every outcome leaves an event."""
    with tools.database.reading() as session:
        event = session.get(AuditEvent, asked.event)
    try:
        with tools.database.reading() as session:
            part = _part(session, asked)
            _permit(session, event, part, now)
            file_key = _file_key(session, tools, part)
    except OpeningRefused as refused:
        _record(tools, Event.OPENER_PART_REFUSED, asked, event, now, {"reason": refused.why})
        raise
    _record(tools, Event.OPENER_PART_OPENED, asked, event, now, {})
    return file_key


def _part(session: Session, asked: Asked) -> Part:
    part = session.scalars(select(Part).where(Part.document_id == asked.document, Part.name == asked.part)).first()
    if part is None:
        raise OpeningRefused("no_such_part")
    return part


def _permit(session: Session, event: AuditEvent | None, part: Part, now: datetime) -> None:
    """Refuse unless the event is committed, fresh, about this part, and its actor may do what it says."""
    if event is None:
        raise OpeningRefused("no_event")
    document = session.get(Document, part.document_id)
    case = session.get(Case, part.case_id)
    member = session.get(Member, event.actor_id, options=[_WHAT_DECIDES])
    if document is None or case is None or member is None:
        raise OpeningRefused("unknown")
    if document.state != DocumentState.FILED or document.case_id != case.id:
        raise OpeningRefused("not_filed")
    if is_withdrawn(session, document.id):
        raise OpeningRefused("withdrawn")
    match event.event:
        case Event.STAFF_DOCUMENT_VIEWED.value:
            action, life = policy.Action.SEE_PAGES, PAGE_LIFE
            about = event.subject_id == document.id and event.details.get("part") == part.name
            about = about and part.name.startswith("page-")
        case Event.STAFF_DOCUMENT_DOWNLOADED.value:
            action, life = policy.Action.DOWNLOAD_ORIGINAL, PAGE_LIFE
            about = event.subject_id == document.id and part.name in ("original", "meta")
        case Event.STAFF_EXPORT_DOWNLOADED.value:
            action, life = policy.Action.EXPORT, EXPORT_LIFE
            export = session.get(Export, event.subject_id)
            about = export is not None and export.case_id == case.id and export.member_id == member.id
            about = about and part.name in ("original", "meta")
        case _:
            raise OpeningRefused("wrong_event")
    if not about or event.org_id != part.org_id or event.case_id != case.id:
        raise OpeningRefused("other_subject")
    if not timedelta(0) <= now - event.at <= life:
        raise OpeningRefused("stale_event")
    if not policy.decide(member, action, case).allowed:
        raise OpeningRefused("policy")


def _file_key(session: Session, tools: Tools, part: Part) -> bytes:
    """Open the header of an attested part with the case's key. Any doubt refuses."""
    key = session.scalars(select(CaseKey).where(CaseKey.case_id == part.case_id)).first()
    if key is None or key.sealed_private is None:
        raise OpeningRefused("no_case_key")
    try:
        verify_part(part, tools.inspector)
        public = case_public(key, tools.custodian)
        private = open_case_key(tools.keyring, part.org_id, part.case_id, key.sealed_private, public)
        context = DocumentContext(org=part.org_id, doc=part.document_id, part=part.name)
        return open_header(part.header, private, context)
    except Exception as error:
        log.warning("opening_failed", part=part.id, **describe(error))
        raise OpeningRefused(str(getattr(error, "code", "failed"))) from error


def _record(
    tools: Tools, event: Event, asked: Asked, cause: AuditEvent | None, now: datetime, details: dict[str, str]
) -> None:
    with tools.database.transaction() as session:
        document = session.get(Document, asked.document)
        known = document is not None
        record(
            session,
            event,
            org_id=document.org_id if document is not None else (cause.org_id if cause is not None else "system"),
            actor_id=ACTOR,
            subject_id=asked.document if known else "unknown",
            case_id=document.case_id if document is not None else None,
            now=now,
            details={
                "part": asked.part,
                "cause": cause.id if cause is not None else "none",
                **details,
            },
        )


class OpenerServer(socketserver.ThreadingUnixStreamServer):
    """Listens on a unix socket (0660: its folder says who may come in) and answers one question a connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128  # a full queue refuses at once on unix sockets; the console asks with 32 threads

    def __init__(self, path: Path, answer: Callable[[bytes], bytes]) -> None:
        """Bind to `path`, replacing a socket that a dead opener left."""
        path.unlink(missing_ok=True)
        self.answer = answer
        super().__init__(str(path), _Connection)
        path.chmod(0o660)


class _Connection(socketserver.StreamRequestHandler):
    timeout = TIMEOUT_S
    server: OpenerServer

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # whoever asked went away: nothing was given
            line = self.rfile.readline(MAX_LINE)
            if line:
                self.wfile.write(self.server.answer(line))


def answer(tools: Tools, untrusted_line: bytes) -> bytes:
    """Turn one line into one line: {"file_key": base64} or {"error": code}."""
    try:
        file_key = open_part(tools, _understood(tools, untrusted_line), now=utcnow())
    except OpeningRefused as refused:
        return json.dumps({"error": refused.code}).encode() + b"\n"
    except Exception as error:  # noqa: BLE001 (no answer without a trace: whatever fails refuses)
        log.warning("opening_unavailable", **describe(error))
        return json.dumps({"error": "opening_unavailable"}).encode() + b"\n"
    return json.dumps({"file_key": base64.b64encode(file_key).decode()}).encode() + b"\n"


def _understood(tools: Tools, untrusted_line: bytes) -> Asked:
    """Parse a line; one that is no question leaves its trace like every refusal."""
    try:
        return Asked.read(untrusted_line)
    except OpeningRefused as refused:
        nothing = Asked(event="none", document="unknown", part="malformed")
        _record(tools, Event.OPENER_PART_REFUSED, nothing, None, utcnow(), {"reason": refused.why})
        raise


def serve(tools: Tools, path: Path, stop: threading.Event) -> None:
    """Answer until `stop` is set."""
    server = OpenerServer(path, lambda line: answer(tools, line))
    thread = threading.Thread(target=server.serve_forever, name="opener")
    thread.start()
    try:
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
