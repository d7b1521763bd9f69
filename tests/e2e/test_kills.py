"""Any process may be killed at any moment: nothing acknowledged is lost, nothing happens twice."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.e2e import files
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, BACK, FILED, FRONT, IDENTITY, INCOME, Customer, Desk
from tests.e2e.waiting import PATIENCE, until

PROCESSES = [
    *("customer", "gateway", "staff", "inspector", "courier", "custodian", "opener"),
    *("clamd", "whatsapp"),
]
UPLOAD_RATE = 400_000
"""Bytes a second of the customer's network, so that a kill comes in the middle."""
SENT = {
    (IDENTITY, FRONT): files.image_file("frente.jpg", files.camera_jpeg()),
    (IDENTITY, BACK): files.image_file("reverso.heic", files.heic()),
    (ADDRESS, None): files.pdf_file("recibo.pdf", files.pdf()),
    (INCOME, None): files.pdf_file("nomina.pdf", files.pdf(pages=3, text="NOMINA")),
}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_killed_process_loses_nothing_and_repeats_nothing(
    process: str, here: Installation, visit: Callable[[Asked], Customer], team: Callable[[str], Desk]
) -> None:
    eva, first = team("eva"), here.ask(mode="none")
    ana = visit(first)
    slow_down(ana.page)
    for (title, side), file in SENT.items():
        ana.choose(title, file, side)
    until(
        lambda: here.rows(
            "SELECT 1 FROM slices s JOIN uploads u ON u.id = s.upload_id JOIN slots t ON "
            "t.id = u.slot_id WHERE t.request_id = :id AND s.seq > 0",
            id=first.id,
        ),
        "a slice",
    )
    with ThreadPoolExecutor(max_workers=1) as crm:
        second = crm.submit(ask_until_answered, here)
        here.stack.kill(process)
        asked = second.result()
    here.await_slots(first.id, *["filed"] * len(SENT))
    ana.page.reload()
    for title, side in SENT:
        ana.sees(title, FILED, side)
    here.stack.await_health()
    everything_arrived_once(here, first)
    one_message_arrived(here, asked)
    eva.open_case(first)
    eva.look_at(f"{IDENTITY} · frente", pages=1)


def slow_down(page: Page) -> None:
    """Give the page a slow network."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 20, "downloadThroughput": 4_000_000, "uploadThroughput": UPLOAD_RATE},
    )


def ask_until_answered(here: Installation) -> Asked:
    """Ask as a careful CRM does: the same call with the same Idempotency-Key until an answer comes."""
    body, key = here.a_request(), secrets.token_hex(8)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = here.api("POST", "/api/v1/requests", key=key, body=body)
            if answer.status_code == 201:
                return here.asked(body, answer.json())
            assert answer.status_code >= 500, answer.text
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "the gateway never answered"
        time.sleep(0.1)


def everything_arrived_once(here: Installation, asked: Asked) -> None:
    """Four documents, each once, each as large as what was sent, each with one event of filing."""
    documents = here.rows("SELECT id, slot_id, size FROM documents WHERE request_id = :id", id=asked.id)
    assert sorted(size for _, _, size in documents) == sorted(len(file["buffer"]) for file in SENT.values())
    assert len({slot for _, slot, _ in documents}) == len(SENT)
    filed = [subject for subject, _ in here.events(asked.id, "inspector:document:filed")]
    assert sorted(filed) == sorted(document for document, _, _ in documents)
    originals = here.rows(
        "SELECT document_id FROM parts WHERE name = 'original' AND document_id IN "
        "(SELECT id FROM documents WHERE request_id = :id)",
        id=asked.id,
    )
    assert sorted(document for (document,) in originals) == sorted(filed)


def one_message_arrived(here: Installation, asked: Asked) -> None:
    """One case, one request, one message, on the phone once."""
    known: list[Any] = here.rows("SELECT id FROM cases WHERE external_ref = :ref", ref=asked.reference)
    assert len(known) == 1
    state = "SELECT m.state FROM messages m WHERE m.request_id = :id"
    until(lambda: [row[0] for row in here.rows(state, id=asked.id)] in (["delivered"], ["read"]), "delivery")
    assert len(here.messages(asked)) == 1
    requests = here.rows("SELECT id FROM document_requests WHERE case_id = :id", id=known[0][0])
    assert [row[0] for row in requests] == [asked.id]
