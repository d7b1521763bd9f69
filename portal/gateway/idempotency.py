"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): one effect a key, and the same answer again.

The register's row, the effect and the stored answer commit together: a crash leaves none of them, and a second call
with the same key waits for the first (unique key) and is then answered from the register. The stored body never holds
a link; whoever replays puts it together again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from records.apikeys import IDEMPOTENCY_LIFE, ApiKey, IdempotentCall
from storage.database import new_id

KEY_LENGTH = 255


class KeyMissing(Exception):
    """The call needs an Idempotency-Key."""

    code = "idempotency_key_missing"


class KeyReused(Exception):
    """The key was used with another body."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON answer, and the id of the row from which secrets are put in again."""

    status: int
    body: dict[str, Any]
    resource_id: str
    replayed: bool = False


def once(
    session: Session,
    *,
    key: ApiKey,
    method: str,
    path: str,
    untrusted_key: str | None,
    raw_body: bytes,
    now: datetime,
    effect: Callable[[], Answer],
) -> Answer:
    """Run `effect` or return the answer it gave before. Raises KeyMissing, KeyReused, and whatever `effect` raises."""
    if not untrusted_key or len(untrusted_key) > KEY_LENGTH or not untrusted_key.isprintable():
        raise KeyMissing("Idempotency-Key")
    session.execute(delete(IdempotentCall).where(IdempotentCall.created_at < now - IDEMPOTENCY_LIFE))
    fingerprint = hashlib.sha256(raw_body).hexdigest()
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    names = {"api_key_id": key.id, "method": method, "path": path, "key": untrusted_key}
    claimed = session.execute(
        insert(IdempotentCall)
        .values(id=new_id(), fingerprint=fingerprint, created_at=now, **names)
        .on_conflict_do_nothing(index_elements=list(names))
        .returning(IdempotentCall.id)
    ).first()
    call = session.scalars(select(IdempotentCall).filter_by(**names)).one()
    if claimed is None:
        if call.fingerprint != fingerprint or call.status is None or call.body is None:
            raise KeyReused("Idempotency-Key")
        return Answer(status=call.status, body=json.loads(call.body), resource_id=call.resource_id or "", replayed=True)
    answer = effect()
    call.status, call.body, call.resource_id = answer.status, json.dumps(answer.body), answer.resource_id
    return answer
