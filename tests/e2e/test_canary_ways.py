"""Every way that a byte, a name or a secret of the customer can take, and none of them leaves it on a disk in clear.

Without a browser: what the customer's own phone keeps is not ours, and the requests can be cut where it hurts.
"""

import base64
import hashlib
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import files
from tests.e2e.files import Sent
from tests.e2e.handset import Handset, Trickle, asked_with
from tests.e2e.installation import Installation
from tests.e2e.leaks import bearer, digests, fresh_canary, nowhere_on_disk, only_in_rows, photo
from tests.e2e.sweeping import Sweep
from tests.e2e.waiting import until
from tests.intake.inspection import documents, office_files

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
def office(here: Installation) -> Iterator[None]:
    """Accept office documents as proof of address while the test runs."""
    formats = "UPDATE requirements SET formats = :formats WHERE key = 'domicilio'"
    here.change("UPDATE organizations SET accept_office = true")
    here.change(formats, formats='["image", "pdf", "office"]')
    yield
    here.change(formats, formats='["image", "pdf"]')
    here.change("UPDATE organizations SET accept_office = false")


def paper(canary: str) -> Sent:
    """A PDF that carries the canary in its text and its properties."""
    return files.pdf_file(f"{canary}.pdf", files.pdf(pages=2, text=canary, author=canary))


def with_attachment(canary: str) -> Sent:
    """A PDF in which another file lies."""
    return files.pdf_file(f"{canary}.pdf", documents.a_pdf_with_attachment(f"{canary}\n".encode() * 99))


def contract(canary: str) -> Sent:
    """A DOCX that carries the canary."""
    text = office_files.a_text(f"<w:p><w:r><w:t>{canary}</w:t></w:r></w:p>")
    return Sent(name=f"{canary}.docx", mimeType=DOCX, buffer=office_files.a_docx(**{"word/document.xml": text}))


def bottomless(canary: str) -> Sent:
    """A PDF that is more work than the sandbox may spend on it."""
    out = documents.a_pdf_bomb(2, pages=400) + f"\n%{canary}\n".encode()
    return files.pdf_file(f"{canary}.pdf", out)


def states(here: Installation, request: str) -> list[str]:
    """The states of a request's documents, oldest first."""
    return [
        str(row[0])
        for row in here.rows("SELECT state FROM documents WHERE request_id = :id ORDER BY received_at", id=request)
    ]


def test_no_way_of_a_file_leaves_it_on_disk(here: Installation, office: None, tmp_path: Path) -> None:
    canary = fresh_canary()
    photos = [photo(canary, number) for number in range(5)]
    word_file, odd, heavy, bill = contract(canary), with_attachment(canary), bottomless(canary), paper(canary)
    known = digests(*photos, word_file, odd, heavy, bill)
    asked, link = asked_with(here)
    with nowhere_on_disk(here, tmp_path / "began", canary, *bearer(link), *known) as late:
        ana = Handset(here, link, asked.id)
        front, back, address, income = ana.slots
        breaks_on_the_way(ana, front, photos[0])
        stalls(ana, back, photos[1])
        ana.send_photos(income, photos[2:])
        ana.send(address, odd)
        here.await_slots(asked.id, "filed", "filed", "refused", "filed")
        ana.send(address, heavy)
        until(lambda: states(here, asked.id).count("refused") == 2, "the second refusal")
        ana.send(address, word_file)
        here.await_slots(asked.id, *["filed"] * 4)
        ana.undo(address)
        until(lambda: here.events(asked.id, "inspector:document:erased"), "the erasure")
        ana.send(address, bill)
        here.await_slots(asked.id, *["filed"] * 4)
        receipt = ana.ask_for_receipt()
        late.append(receipt.rpartition("/")[2])
        ana.await_receipt(receipt)
        assert "Coincide" in ana.ask("POST", receipt, data={"sha256": known[0].hex()}).text
        is_scanned_again(here, asked.id)
    assert states(here, asked.id).count("filed") == 4


def breaks_on_the_way(ana: Handset, slot: str, file: Sent) -> None:
    """A body arrives damaged, an upload is given up, and the third try is whole and says so."""
    content = file["buffer"]
    told = {"Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(content).digest()).decode()}"}
    upload = ana.begin(slot, file)
    assert ana.append(upload, 0, content[:-1] + b"?", **told).status_code == 460
    assert ana.stands(upload) == 0
    assert ana.append(upload, 0, content[:5000]).status_code == 204
    assert ana.ask("DELETE", upload, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    upload = ana.begin(slot, file)
    assert ana.append(upload, 0, content, **told).status_code == 204


def stalls(ana: Handset, slot: str, file: Sent) -> None:
    """The phone loses its network within a body, asks where it stands, and goes on from there."""
    content = file["buffer"]
    upload, body = ana.begin(slot, file), Trickle(content, len(content) // 2)
    with ThreadPoolExecutor(max_workers=1) as lost:
        answer = lost.submit(ana.append, upload, 0, body, **{"Content-Length": str(len(content))})
        assert body.stopped.wait(10)
        stands = until(lambda: ana.stands(upload), "what came is kept")
        body.go_on.set()
        with pytest.raises((httpx.TransportError, AssertionError)):
            assert answer.result().status_code == 204
    assert ana.append(upload, stands, content[stands:]).status_code == 204


def is_scanned_again(here: Installation, request: str) -> None:
    """New signatures come, and the custodian lets every filed document of the request back to the inspector."""
    before = len(here.events(request, "custodian:rescan:granted"))
    looked = "SELECT 1 FROM rescans r JOIN documents d ON d.id = r.document_id WHERE d.request_id = :id AND "
    with here.other_signatures():
        until(lambda: len(here.rows(looked + "r.outcome = 'clean'", id=request)) >= 4, "four second looks", within=120)
    assert len(here.events(request, "custodian:rescan:granted")) >= before + 4


def test_what_a_customer_says_is_in_rows_alone_and_what_opens_a_link_nowhere(
    here: Installation, tmp_path: Path
) -> None:
    canary = fresh_canary()
    word, note = f"girasol {canary[-12:]}", f"Trabajo por mi cuenta {canary}"
    asked, link = asked_with(here, known_word=word)
    with nowhere_on_disk(here, tmp_path / "began", *bearer(link)):
        check = CODE.search(here.messages(asked)[0]["text"])
        assert check is not None
        ana = Handset(here, link, asked.id)
        assert word in ana.ask("POST", "/check", data={"code": check[0]}).text
        income = ana.slots[3]
        declined = ana.post("/e", f"/e/slots/{income}/decline", reason="other", note=note)
        assert declined.status_code == 303
        assert here.slots(asked.id)[3] == "declined"
    only_in_rows(here, word, note, asked.phone.removeprefix("+52"), asked.name)


def test_a_one_time_code_is_nowhere_on_disk_whether_it_came_by_message_or_by_mail(
    here: Installation, tmp_path: Path
) -> None:
    canary = fresh_canary()
    template = {"template_key": "domicilio-con-codigo"}
    asked, link = asked_with(here, **template)
    address = f"{canary.lower()}@example.com"
    posted = here.a_request() | template | {"contact": {"name": f"Ana {canary}", "email": address, "locale": "es"}}
    second = here.api("POST", "/api/v1/requests", key=canary, body=posted)
    assert second.status_code == 201, second.text
    by_mail = until(lambda: mails(here, address), "the mail with the link")[0]["text"]
    mailed = re.findall(r"https?://\S+/s/\S+", by_mail)[0]
    with nowhere_on_disk(here, tmp_path / "began", *bearer(link), *bearer(mailed)):
        codes = [
            comes_in(
                Handset(here, link, asked.id), lambda: [one["code"] for one in here.messages(asked) if one["code"]]
            ),
            comes_in(
                Handset(here, mailed, second.json()["id"]),
                lambda: re.findall(r"\b\d{6}\b", "".join(texts(here, address)[1:])),
            ),
        ]
    phones = here.stack.site.layout.simulator
    for code in codes:
        found = Sweep(code=code).files([here.root])
        assert [path for path in found if not Path(path).is_relative_to(phones)] == []
    only_in_rows(here, address, f"Ana {canary}")


def comes_in(ana: Handset, codes: Any) -> str:
    """Type a wrong code and the right one, and send a document."""
    code = str(until(codes, "the code")[0])
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert ana.post("/e/code", "/e/code", code=wrong).status_code == 422
    assert ana.post("/e/code", "/e/code", code=code).headers["Location"] == "/e"
    ana.send(ana.slots[0], files.pdf_file("recibo.pdf", files.pdf()))
    return code


def mails(here: Installation, address: str) -> list[dict[str, Any]]:
    """What lies in an inbox, oldest first."""
    url = f"http://127.0.0.1:{here.stack.site.port('mail')}/sim/mails"
    return [one for one in httpx.get(url, trust_env=False, timeout=30).json() if one["to"] == address]


def texts(here: Installation, address: str) -> list[str]:
    """The words of the mails in an inbox."""
    return [str(one["text"]) for one in mails(here, address)]


def test_a_scanner_that_hangs_leaves_nothing_on_disk(here: Installation, tmp_path: Path) -> None:
    canary = fresh_canary()
    asked, link = asked_with(here)
    tried = "SELECT min(attempt) FROM documents WHERE request_id = :id"
    with nowhere_on_disk(here, tmp_path / "began", canary):
        ana = Handset(here, link, asked.id)
        front, back, address, _ = ana.slots
        clamd = here.stack.pid("clamd")
        os.killpg(clamd, signal.SIGSTOP)
        try:
            ana.send(front, photo(canary, 1))
            ana.send(back, photo(canary, 2))
            ana.send(address, paper(canary))
            until(lambda: (here.rows(tried, id=asked.id)[0][0] or 0) >= 2, "a second try at each", within=120)
            assert set(states(here, asked.id)) == {"received"}
        finally:
            os.killpg(clamd, signal.SIGCONT)
        until(lambda: states(here, asked.id) == ["filed"] * 3, "all filed", within=120)
