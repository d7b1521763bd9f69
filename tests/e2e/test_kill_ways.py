"""Kill -9 in the middle of each of the newer works: it heals by itself, happens once, and leaves nothing in clear."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e import files
from tests.e2e.files import Sent
from tests.e2e.handset import Handset, Trickle, again, asked_with
from tests.e2e.installation import Installation
from tests.e2e.leaks import fresh_canary, nowhere_on_disk, photo
from tests.e2e.waiting import until

HEALING = 150.0
"""Seconds: what a dead worker held is taken over within a minute, and then the work itself."""


def of(here: Installation, request: str, columns: str) -> list[tuple[object, ...]]:
    """Columns of the documents of a request."""
    query = f"SELECT {columns} FROM documents WHERE request_id = :id ORDER BY received_at"
    return [tuple(row) for row in here.rows(query, id=request)]


def large(canary: str, number: int) -> Sent:
    """A photo of twelve megapixels with the canary in it."""
    return files.image_file(f"{canary}.jpg", files.camera_jpeg(comment=f"{canary} {number}".encode()))


def test_the_portal_killed_within_a_photo_of_a_tray_keeps_every_acknowledged_byte(
    here: Installation, tmp_path: Path
) -> None:
    canary = fresh_canary()
    first, second = photo(canary, 1), large(canary, 2)
    asked, link = asked_with(here)
    with nowhere_on_disk(here, tmp_path / "began", canary):
        ana = Handset(here, link, asked.id)
        income = ana.slots[3]
        ana.send(income, first, page=True)
        upload, content = ana.begin(income, second, page=True), second["buffer"]
        half = len(content) // 2
        assert ana.append(upload, 0, content[:half]).status_code == 204
        body = Trickle(content[half:], half // 2)
        with ThreadPoolExecutor(max_workers=1) as cut:
            answer = cut.submit(ana.append, upload, half, body, **{"Content-Length": str(len(content) - half)})
            assert body.stopped.wait(10)
            here.stack.kill("customer")
            body.go_on.set()
            with pytest.raises(httpx.TransportError):
                answer.result()
        stands = ana.stands(upload)
        assert stands >= half
        assert again(lambda: ana.append(upload, stands, content[stands:])).status_code == 204
        ana.send_tray(income)
        until(lambda: of(here, asked.id, "state, pages") == [("filed", 2)], "one document of two pages")
    here.stack.await_health("customer")


def test_the_inspector_killed_over_an_album_and_an_erasure_ends_both_once(here: Installation, tmp_path: Path) -> None:
    canary = fresh_canary()
    pages = [large(canary, number) for number in range(4)]
    asked, link = asked_with(here)
    with nowhere_on_disk(here, tmp_path / "began", canary):
        ana = Handset(here, link, asked.id)
        front, _, _, income = ana.slots
        ana.send(front, photo(canary, 9))
        until(lambda: of(here, asked.id, "state") == [("filed",)], "the first one filed")
        ana.send_photos(income, pages)
        until(lambda: of(here, asked.id, "attempt")[1] != (0,), "work on the album", every=0.02)
        ana.undo(front)
        begun = (
            "SELECT 1 FROM withdrawals w JOIN documents d ON d.id = w.document_id "
            "WHERE d.request_id = :id AND w.blobs IS NOT NULL"
        )
        until(lambda: here.rows(begun, id=asked.id), "the erasure has begun", every=0.002)
        here.stack.kill("inspector")
        until(
            lambda: of(here, asked.id, "state, pages") == [("withdrawn", 1), ("filed", len(pages))],
            "the album is filed",
            within=HEALING,
        )
        until(lambda: here.events(asked.id, "inspector:document:erased"), "the erasure", within=HEALING)
    assert len(here.events(asked.id, "inspector:document:erased")) == 1
    assert len(here.events(asked.id, "inspector:document:filed")) == 2
    parts = "SELECT d.state FROM parts p JOIN documents d ON d.id = p.document_id WHERE d.request_id = :id"
    assert {row[0] for row in here.rows(parts, id=asked.id)} == {"filed"}
    assert here.slots(asked.id)[3] == "filed"
    here.stack.await_health("inspector")


def test_the_courier_killed_over_a_receipt_and_a_code_makes_one_and_sends_nothing_twice(
    here: Installation, tmp_path: Path
) -> None:
    canary = fresh_canary()
    asked, link = asked_with(here)
    guarded, with_code = asked_with(here, template_key="domicilio-con-codigo")
    with nowhere_on_disk(here, tmp_path / "began", canary):
        ana = Handset(here, link, asked.id)
        ana.send(ana.slots[0], photo(canary, 1))
        until(lambda: of(here, asked.id, "state") == [("filed",)], "a filed document")
        here.phone("faults", {"target": "messages", "preset": "hang", "next": 1, "seconds": 20})
        Handset(here, with_code, guarded.id)
        code = "SELECT m.state FROM messages m JOIN code_challenges c ON c.message_id = m.id WHERE c.request_id = :id"
        until(lambda: [row[0] for row in here.rows(code, id=guarded.id)] == ["sending"], "the code is being sent")
        receipt = ana.ask_for_receipt()
        here.stack.kill("courier")
        ana.await_receipt(receipt, within=HEALING)
        until(lambda: here.rows(code, id=guarded.id) == [("unknown",)], "nobody knows of the code", within=HEALING)
    assert len(here.events(asked.id, "courier:receipt:gathered")) == 1
    assert [one for one in here.messages(guarded) if one["code"]] == []
    here.stack.await_health("courier")


def test_the_custodian_killed_over_tickets_grants_each_once(here: Installation, tmp_path: Path) -> None:
    canary = fresh_canary()
    asked, link = asked_with(here)
    rescans = "SELECT r.granted_at, r.outcome FROM rescans r JOIN documents d ON d.id = r.document_id "
    rescans += "WHERE d.request_id = :id"
    with nowhere_on_disk(here, tmp_path / "began", canary):
        ana = Handset(here, link, asked.id)
        for number, slot in enumerate(ana.slots[:2]):
            ana.send(slot, photo(canary, number))
        until(lambda: of(here, asked.id, "state") == [("filed",)] * 2, "two filed documents")
        with here.other_signatures():
            until(lambda: here.rows(rescans, id=asked.id), "a question for a ticket", every=0.02)
            here.stack.kill("custodian")
            until(
                lambda: [row[1] for row in here.rows(rescans, id=asked.id)] == ["clean"] * 2,
                "both are looked at again",
                within=HEALING,
            )
    tickets = [json.loads(details)["rescan"] for _, details in here.events(asked.id, "custodian:rescan:granted")]
    assert len(tickets) == len(set(tickets))
    here.stack.await_health("custodian")
