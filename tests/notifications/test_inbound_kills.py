"""Receiver and processor are killed with SIGKILL: what was answered with 200 has its effect, once."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import func, select

from audit import AuditEvent
from records.interceptions import InterceptedFile
from records.messages import InboundEvent
from tests.notifications.whatsapp.shapes import ANA, a_change, a_delivery, a_message
from tests.portal.gateway.company import a_gateway, signed
from tests.services.processes import ROOT, free_port

DELIVERIES = 40
PATIENCE = 60.0


@contextmanager
def killed(*words: str) -> Iterator[None]:
    """Run one half; it is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.notifications.inbound_process", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as half:
        try:
            yield
        finally:
            half.kill()


def until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.services
def test_what_was_answered_with_200_has_its_effect_whoever_is_killed(database):
    gateway = a_gateway(database)
    url, port = database.url.render_as_string(hide_password=False), free_port()
    address = f"http://127.0.0.1:{port}/webhooks/whatsapp/{gateway.company.sender_id}"
    with killed("receive", url, str(port)):
        until(lambda: answers(port), "the receiver does not answer")
        for number in range(DELIVERIES):
            picture = {"type": "image", "image": {"id": str(number), "mime_type": "image/jpeg"}}
            body = a_delivery(
                a_change(messages=[a_message(f"wamid.{number}", **picture), a_message(f"wamid.t{number}")])
            )
            headers = {"X-Hub-Signature-256": signed(body, gateway.company.secret)}
            assert httpx.post(address, content=body, headers=headers, trust_env=False).status_code == 200

    def processed() -> int:
        with database.reading() as session:
            return session.scalar(select(func.count()).where(InboundEvent.processed_at.is_not(None))) or 0

    for share in (0.1, 0.4, 0.7, 1.0):
        with killed("work", url):
            until(lambda wanted=share * 2 * DELIVERIES: processed() >= wanted, "the processor stands still")
    with database.reading() as session:
        files = Counter(session.scalars(select(InterceptedFile.wamid)))
        told = select(func.count()).where(AuditEvent.event == "gateway:chat_document:intercepted")
        assert session.scalar(told) == DELIVERIES
        kept = " ".join(str(vars(row)) for row in session.scalars(select(InboundEvent)))
    assert files == Counter(f"wamid.{number}" for number in range(DELIVERIES))
    assert ANA not in kept
