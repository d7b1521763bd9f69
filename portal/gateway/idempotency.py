"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): one effect a key, and the same answer again.

The register's row, the effect and the stored answer commit together: a crash or a refusal leaves none of them. A call
that comes while the first of its key still runs is refused: in one process by a register in memory, between machines
by a lock of PostgreSQL that ends with its transaction. Between processes on one SQLite file writers come in turn, so
that such a call waits, and is answered from the register. The stored body never holds a link; whoever replays puts it
together again.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from records.apikeys import IDEMPOTENCY_LIFE, IdempotentCall

KEY_LENGTH = 255
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
"""A string as the draft writes it (RFC 8941, 3.3.3); bare values, which most clients send, count the same."""


class KeyMissing(Exception):
    """The call needs an Idempotency-Key."""

    code = "idempotency_key_missing"


class KeyReused(Exception):
    """The key was used with another body."""

    code = "idempotency_key_reused"


class KeyInFlight(Exception):
    """The first call with this key is still running."""

    code = "idempotency_key_in_flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What makes two calls the same one."""

    api_key_id: str
    method: str
    path: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON answer, and the id of the row from which secrets are put in again."""

    status: int
    body: dict[str, Any]
    resource_id: str
    replayed: bool = False


class Running:
    """The calls that run in this process."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._calls: set[Call] = set()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, call: Call) -> Iterator[None]:
        """Keep others with the same key away while the block runs. Raises KeyInFlight."""
        with self._lock:
            if call in self._calls:
                raise KeyInFlight(call.path)
            self._calls.add(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.discard(call)


def read_key(untrusted: str | None) -> str:
    """Return the key out of its header, quoted or not. Raises KeyMissing."""
    value = (untrusted or "").strip()
    quoted = _QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted is not None else value
    if not key or len(key) > KEY_LENGTH or not key.isprintable():
        raise KeyMissing("Idempotency-Key")
    return key


def once(session: Session, call: Call, *, raw_body: bytes, now: datetime, effect: Callable[[], Answer]) -> Answer:
    """Run `effect` or return the answer it gave before.

    Raises KeyReused, KeyInFlight, and whatever `effect` raises.
    """
    _claim(session, call)
    session.execute(delete(IdempotentCall).where(IdempotentCall.created_at < now - IDEMPOTENCY_LIFE))
    fingerprint = hashlib.sha256(raw_body).hexdigest()
    known = session.scalars(select(IdempotentCall).filter_by(**asdict(call))).one_or_none()
    if known is not None:
        if known.fingerprint != fingerprint or known.status is None or known.body is None:
            raise KeyReused("Idempotency-Key")
        return Answer(
            status=known.status, body=json.loads(known.body), resource_id=known.resource_id or "", replayed=True
        )
    answer = effect()
    session.add(
        IdempotentCall(
            **asdict(call),
            fingerprint=fingerprint,
            status=answer.status,
            body=json.dumps(answer.body),
            resource_id=answer.resource_id,
            created_at=now,
        )
    )
    session.flush()
    return answer


def _claim(session: Session, call: Call) -> None:
    """Hold the key among all machines until the transaction ends. Raises KeyInFlight."""
    if session.get_bind().dialect.name != "postgresql":
        return
    name = hashlib.sha256("\n".join(asdict(call).values()).encode()).digest()
    number = int.from_bytes(name[:8], "big", signed=True)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise KeyInFlight(call.path)
