"""Calls with an effect: behind an Idempotency-Key, in one transaction, answered with the request as it then is."""

from collections.abc import Callable
from datetime import datetime

from flask import current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.gateway.idempotency import Answer, Call, Running, once, read_key
from portal.gateway.keys import current_key
from portal.gateway.telling import link_once, told_requests
from portal.web.application import transaction
from records.apikeys import ApiKey, Scope
from records.errors import InvalidValue
from records.requests import DocumentRequest
from storage.database import utcnow

Effect = Callable[[Session, ApiKey, datetime], DocumentRequest]


def act_once(effect: Effect, *, status: int = 200, hands_link_over: bool = False) -> ResponseReturnValue:
    """Run `effect` once for this key, or answer as before.

    Raises Forbidden, KeyMissing, KeyReused, KeyInFlight, and whatever the effect raises.
    """
    key, now = current_key(Scope.REQUESTS_WRITE), utcnow()
    untrusted_key = read_key(request.headers.get("Idempotency-Key"))
    call = Call(api_key_id=key.id, method=request.method, path=request.path, key=untrusted_key)
    running: Running = current_app.extensions["running_calls"]
    with running.hold(call), transaction() as session:

        def answered() -> Answer:
            found = effect(session, key, now)
            session.flush()
            return Answer(status=status, body=told_requests(session, [found])[0], resource_id=found.id)

        answer = once(session, call, raw_body=request.get_data(cache=True), now=now, effect=answered)
        link = link_once(session, answer.resource_id) if hands_link_over else {}
    headers = {"Location": f"/api/v1/requests/{answer.resource_id}"} if status == 201 else {}
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer.body | link, answer.status, headers


def without_body() -> None:
    """Demand that nothing is sent, or an empty object. Raises InvalidValue."""
    if request.get_data(cache=True).strip() not in (b"", b"{}"):
        raise InvalidValue("body", "not_expected")
