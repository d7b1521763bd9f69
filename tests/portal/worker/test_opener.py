"""The opener on its real unix socket: what is asked badly, slowly or all at once, and who may connect."""

import base64
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event, record
from portal.staff.opening import OpeningRefused, OpeningUnavailable, SocketOpener
from portal.worker import opener
from records.cases import Case
from records.documents import Document
from records.links import Visit
from records.withdrawing import withdraw
from storage.blobs import LocalBlobStore
from storage.database import Database, new_id, utcnow
from tests.records.exporting.casting import Company, a_company

REFUSED = {"error": "opening_refused"}


@dataclass
class Running:
    """A company, one filed document, and an opener that listens."""

    company: Company
    document_id: str
    path: Path

    def event(self) -> str:
        with self.company.database.transaction() as session:
            return record(
                session,
                Event.STAFF_DOCUMENT_DOWNLOADED,
                org_id=session.get_one(Case, self.company.case_id).org_id,
                actor_id=self.company.carla_id,
                subject_id=self.document_id,
                case_id=self.company.case_id,
                now=utcnow(),
            ).id

    def connect(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(20)
        line.connect(str(self.path))
        return line

    def say(self, data: bytes, *, end: bool = True) -> bytes:
        """Send bytes and return all that comes back."""
        with self.connect() as line:
            line.sendall(data)
            if end:
                line.shutdown(socket.SHUT_WR)
            answer = b""
            while block := line.recv(4096):
                answer += block
            return answer

    def question(self, **changes: Any) -> bytes:
        asked = {"event": self.event(), "document": self.document_id, "part": "original", **changes}
        return json.dumps(asked).encode() + b"\n"

    def reasons(self) -> list[str]:
        with self.company.database.reading() as session:
            wanted = select(AuditEvent).where(AuditEvent.event == Event.OPENER_PART_REFUSED.value)
            return [each.details["reason"] for each in session.scalars(wanted)]


@pytest.fixture
def running(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(opener, "TIMEOUT_S", 1)
    monkeypatch.setattr(opener._Connection, "timeout", 1)
    blobs = LocalBlobStore(tmp_path / "blobs")
    blobs.check()
    company = a_company(sqlite_database, blobs, cast(Any, None), tmp_path / "keyring")
    stop = threading.Event()
    found = Running(company, company.file(0, "ine.jpg", b"abc"), tmp_path / "o.sock")
    thread = threading.Thread(target=opener.serve, args=(company.opener, found.path, stop))
    thread.start()
    asking, deadline = SocketOpener(found.path), time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OpeningUnavailable):
            asking.check()
            break
        time.sleep(0.01)
    yield found
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_question_gets_its_key(running: Running) -> None:
    answer = json.loads(running.say(running.question()))
    assert len(base64.b64decode(answer["file_key"])) == 16
    assert list(answer) == ["file_key"]


def test_a_withdrawn_document_is_never_opened_even_before_it_is_erased(running: Running) -> None:
    with running.company.database.transaction() as session:
        slot_id = session.get_one(Document, running.document_id).slot_id
        withdraw(session, session.get_one(Visit, running.company.visit_id), slot_id, now=utcnow())
    assert json.loads(running.say(running.question())) == REFUSED
    assert running.reasons() == ["withdrawn"]


def test_the_console_and_the_opener_understand_each_other(running: Running) -> None:
    asking = SocketOpener(running.path)
    assert asking.check() == "ok"
    assert len(asking.file_key(event=running.event(), document=running.document_id, part="original")) == 16
    with pytest.raises(OpeningRefused):
        asking.file_key(event=new_id(), document=running.document_id, part="original")


def test_strangers_may_not_connect(running: Running) -> None:
    """Only its own user and group: the console's user is in the group where each process has a user of its own."""
    assert stat.S_IMODE(running.path.stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"\xff\xfe\xfd\n",
        b"[]\n",
        b'"text"\n',
        b"{}\n",
        b"null\n",
        b"[" * 900 + b"\n",
        b'{"event": "a", "document": "b"}\n',
        b'{"event": 1, "document": "b", "part": "c"}\n',
        b'{"event": "a", "document": null, "part": "c"}\n',
        b'{"event": "", "document": "b", "part": "c"}\n',
        b'{"event": "a", "document": "b", "part": ["c"]}\n',
        b'{"event": "a", "document": "b", "part": "' + b"c" * 65 + b'"}\n',
        b'{"event": "a", "document": "b\\u0000", "part": "c"}\n',
        b'{"event": "a", "document": "b", "part": "c d"}\n',
        b'{"event": "a", "document": "b", "part": "\\ud800"}\n',
        b'{"event": "a", "docu',
        b'{"event": "a", "document": "b", "part": "c", "x": "' + b"x" * 2000 + b'"}\n',
        b"x" * 100_000 + b"\n",
    ],
)
def test_what_is_no_question_is_refused_and_recorded(running: Running, line: bytes) -> None:
    try:
        answer = running.say(line)
    except (ConnectionResetError, BrokenPipeError):  # too long: it was answered and closed while we still wrote
        answer = b""
    assert answer == b"" or json.loads(answer) == REFUSED
    assert running.reasons() == ["malformed"]


def test_whoever_asks_nothing_gets_nothing(running: Running) -> None:
    assert running.say(b"") == b""
    assert running.reasons() == []


def test_silence_ends_and_holds_nobody_up(running: Running) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(running.connect()) for _ in range(60)]
        began = time.monotonic()
        assert b"file_key" in running.say(running.question(), end=False)
        assert time.monotonic() - began < 5
        assert [line.recv(10) for line in silent] == [b""] * 60


def test_half_a_question_is_not_guessed(running: Running) -> None:
    half = running.question()[:-20]
    assert running.say(half, end=False) == b""
    assert b"file_key" not in running.say(half)


def test_many_ask_at_once_and_each_gets_its_own_answer(running: Running) -> None:
    good = [running.question() for _ in range(12)]
    bad = [running.question(event=new_id()) for _ in range(12)]
    with ThreadPoolExecutor(max_workers=24) as pool:
        answers = list(pool.map(running.say, [*good, *bad]))
    keys = {json.loads(answer)["file_key"] for answer in answers[:12]}
    assert len(keys) == 1
    assert [json.loads(answer) for answer in answers[12:]] == [REFUSED] * 12
    assert running.reasons() == ["no_event"] * 12


def test_an_asker_that_went_away_stops_nobody(running: Running) -> None:
    for _ in range(5):
        with running.connect() as line:
            line.sendall(running.question())
    assert b"file_key" in running.say(running.question())


def test_the_socket_of_a_dead_opener_is_replaced(running: Running, tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    stop = threading.Event()
    thread = threading.Thread(target=opener.serve, args=(running.company.opener, left, stop))
    thread.start()
    again = Running(running.company, running.document_id, left)
    deadline = time.monotonic() + 10
    answer = b""
    while b"file_key" not in answer and time.monotonic() < deadline:
        try:
            answer = again.say(again.question())
        except OSError:
            time.sleep(0.02)
    stop.set()
    thread.join(timeout=10)
    assert b"file_key" in answer
