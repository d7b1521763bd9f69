"""`python -m sandbox.corpus FOLDER`: a folder of documents through the whole product, and what became of each.

An installation of its own is started in a temporary folder. Every file is sent over HTTP as a phone sends it, waits for
its verdict, and is then asked for by a compliance officer: what must be accepted is filed, comes back with its SHA-256
and has page images; what must be refused can be seen by nobody; everything is decided within `DECISION_S`, without an
answer over 499 and without a program that ended.

FOLDER holds `manifest.csv` with the columns path, upload_as (the name that the phone tells), declared_mime, expected
(`accept`, `reject-...`, anything else: either will do) and sha256 (may be empty).
"""

import argparse
import base64
import csv
import hashlib
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from sandbox.launch.stack import Stack
from storage.database import Database

DECISION_S = 30.0
DRAWING_S = 90.0
CODE_S = 30
"""Life of a one-time code of the console, RFC 6238."""
SLOTS = 4
"""That the demo's template has: so many files share one link."""
TEMPLATE = "credito-personal"
PROGRAMS = ("customer", "staff", "inspector", "opener")
SLICE = 4 << 20
_CSRF = re.compile(r'name="csrf_token" (?:type="hidden" )?value="([^"]+)"')
_NOTICE = re.compile(r'name="notice" value="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file and what must become of it."""

    path: Path
    name: str
    mime: str
    expected: str
    sha256: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one file. `faults` is empty when all is as it must be."""

    sample: Sample
    state: str
    reason: str
    seconds: float
    pages: int
    faults: list[str]


class Browser:
    """An HTTP client that returns secure cookies over plain HTTP to this machine, as browsers do."""

    def __init__(self, url: str) -> None:
        """Talk to the application at `url`."""
        address = httpx.URL(url)
        self.host = f"{address.host}:{address.port}"
        self._base = f"http://127.0.0.1:{address.port}"
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Send a request of the site's own page. Raises RuntimeError for an answer over 499."""
        ours = {"Host": self.host, "Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin"}
        ours["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        told = ours | (headers or {})
        answer = httpx.request(method, self._base + path, headers=told, trust_env=False, timeout=60, **body)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        if answer.status_code > 499:
            raise RuntimeError(f"{method} {path}: {answer.status_code}")
        return answer


def samples_of(folder: Path) -> list[Sample]:
    """Read the manifest. Raises OSError, KeyError."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [
            Sample(
                path=folder / row["path"],
                name=row["upload_as"],
                mime=row["declared_mime"] or "application/octet-stream",
                expected=row["expected"],
                sha256=row["sha256"],
            )
            for row in csv.DictReader(file)
        ]


class Walk:
    """The way of files through a running product."""

    def __init__(self, stack: Stack) -> None:
        """Sign the compliance officer in."""
        self._stack = stack
        self._database = Database(stack.site.database_url)
        self._officer = Browser(stack.urls["staff"])
        if not self._signed_in():
            time.sleep(CODE_S - time.time() % CODE_S)  # a code works once, and this one was used already: take the next
            if not self._signed_in():
                raise RuntimeError("the compliance officer cannot sign in")

    def _signed_in(self) -> bool:
        (login,) = [one for one in self._stack.logins() if one["role"] == "compliance"]
        token = _found(_CSRF, self._officer.ask("GET", "/sign-in").text)
        told = {"email": login["email"], "password": login["password"], "code": login["code"], "csrf_token": token}
        return self._officer.ask("POST", "/sign-in", data=told).status_code == 303

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def outcomes(self, samples: list[Sample]) -> Iterator[Outcome]:
        """Send all, a link's worth at a time, and yield what became of each."""
        for start in range(0, len(samples), SLOTS):
            phone = self._phone(start)
            slots = list(phone.ask("GET", "/e/state").json()["slots"])
            for slot, sample in zip(slots, samples[start : start + SLOTS], strict=False):
                yield self._outcome(phone, slot, sample)

    def _phone(self, number: int) -> Browser:
        """Ask somebody for documents as a CRM does, and open the link."""
        port = self._stack.site.port("gateway")
        answer = httpx.post(
            f"http://127.0.0.1:{port}/api/v1/requests",
            headers={
                "Authorization": f"Bearer {self._stack.demo['api_key']}",
                "Host": f"api.localhost:{port}",
                "Idempotency-Key": secrets.token_hex(8),
            },
            json={
                "external_ref": f"CORPUS-{number}-{secrets.token_hex(4)}",
                "title": f"Corpus {number}",
                "contact": {"name": f"Ana {number}", "phone": f"+52551{number:07d}", "locale": "es"},
                "template_key": TEMPLATE,
                "send": {"mode": "none"},
            },
            trust_env=False,
            timeout=30,
        )
        path = httpx.URL(answer.raise_for_status().json()["upload_url"]).path
        phone = Browser(self._stack.urls["customer"])
        notice = _found(_NOTICE, phone.ask("GET", path).text)
        phone.ask("POST", path, data={"notice": notice})
        return phone

    def _outcome(self, phone: Browser, slot: str, sample: Sample) -> Outcome:
        content = sample.path.read_bytes()
        refused = _send(phone, slot, sample, content)
        if refused is not None:
            return _compared(Outcome(sample=sample, state="refused", reason=refused, seconds=0, pages=0, faults=[]))
        started = time.monotonic()
        row = self._decided(slot, started)
        seconds = time.monotonic() - started
        if row is None:
            faults = ["no decision in time"]
            return Outcome(sample=sample, state="received", reason="", seconds=seconds, pages=0, faults=faults)
        outcome = Outcome(
            sample=sample, state=row.state, reason=row.reason or "", seconds=seconds, pages=row.pages or 0, faults=[]
        )
        if row.state == "filed":
            self._must_come_back(row.id, content, outcome)
        else:
            self._must_stay_unseen(row.id, outcome)
        return _compared(outcome)

    def _decided(self, slot: str, started: float) -> Any:
        """Return the newest document of the slot once it is judged, None when that takes too long."""
        newest = "SELECT id, state, reason, pages FROM documents WHERE slot_id = :slot ORDER BY received_at DESC"
        while time.monotonic() - started < DECISION_S:
            row = self._row(newest, slot=slot)
            if row is not None and row.state != "received":
                return row
            time.sleep(0.05)
        return None

    def _must_come_back(self, document: str, content: bytes, outcome: Outcome) -> None:
        original = self._original(document)
        if hashlib.sha256(original.content).digest() != hashlib.sha256(content).digest():
            outcome.faults.append(f"the original does not come back ({original.status_code})")
        deadline = time.monotonic() + DRAWING_S
        drawn = "SELECT done_at, gave_up FROM preview_tasks WHERE document_id = :document"
        while (task := self._row(drawn, document=document)) is None or task.done_at is None:
            if time.monotonic() > deadline:
                outcome.faults.append("never drawn")
                return
            time.sleep(0.05)
        page = self._officer.ask("GET", f"/documents/{document}/pages/1")
        if (page.status_code, page.content[8:12]) != (200, b"WEBP") and outcome.sample.expected == "accept":
            outcome.faults.append(f"no page image ({page.status_code})")

    def _must_stay_unseen(self, document: str, outcome: Outcome) -> None:
        page = self._officer.ask("GET", f"/documents/{document}/pages/1").status_code
        original = self._original(document).status_code
        if page == 200 or original == 200 or self._row("SELECT id FROM parts WHERE document_id = :id", id=document):
            outcome.faults.append(f"can be seen (page {page}, original {original})")

    def _original(self, document: str) -> httpx.Response:
        shown = self._officer.ask("GET", f"/documents/{document}").text
        token = _found(_CSRF, shown)
        return self._officer.ask("POST", f"/documents/{document}/original", data={"csrf_token": token})

    def _row(self, statement: str, **values: str) -> Any:
        with self._database.reading() as session:
            return session.execute(text(statement), values).first()


def _send(phone: Browser, slot: str, sample: Sample, content: bytes) -> str | None:
    """Upload as a phone does (tus 1.0). Return why the portal does not even take the file, None when it does."""
    metadata = {"slot": slot, "filename": sample.name, "filetype": sample.mime}
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(content)),
        "Upload-Metadata": ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items()
        ),
    }
    made = phone.ask("POST", "/e/uploads", headers=headers)
    if made.status_code != 201:
        return f"http_{made.status_code}"
    for offset in range(0, len(content), SLICE):
        answer = phone.ask(
            "PATCH",
            made.headers["Location"],
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
            },
            content=content[offset : offset + SLICE],
        )
        if answer.status_code != 204:
            return f"http_{answer.status_code}"
    return None


def _compared(outcome: Outcome) -> Outcome:
    """Hold the outcome against what was expected."""
    expected, filed = outcome.sample.expected, outcome.state == "filed"
    if expected == "accept" and not filed:
        outcome.faults.append("must be accepted")
    if expected.startswith("reject") and filed:
        outcome.faults.append("must be refused")
    if outcome.sample.sha256 and hashlib.sha256(outcome.sample.path.read_bytes()).hexdigest() != outcome.sample.sha256:
        outcome.faults.append("not the file that the manifest means")
    return outcome


def _found(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    if found is None:
        raise RuntimeError("a page is not as expected")
    return found.group(1)


def main() -> int:
    """Print one line a file and a sum. Returns 0 when nothing is at fault, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.corpus", description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port-base", type=int, default=9700)
    parser.add_argument("--only", default="", help="paths that contain this")
    options = parser.parse_args()
    samples = [sample for sample in samples_of(options.folder) if options.only in str(sample.path)]
    wrong = 0
    with tempfile.TemporaryDirectory() as root, Stack(Path(root), port_base=options.port_base, say=print) as stack:
        before = {name: stack.pid(name) for name in PROGRAMS}
        walk = Walk(stack)
        for outcome in walk.outcomes(samples):
            wrong += bool(outcome.faults)
            sample = outcome.sample
            print(
                f"{'WRONG' if outcome.faults else 'ok':<6}{sample.expected:<16}{outcome.state:<9}{outcome.reason:<20}"
                f"{outcome.seconds:6.2f} s {sample.path.relative_to(options.folder)} {'; '.join(outcome.faults)}",
                flush=True,
            )
        walk.close()
        ended = [name for name, pid in before.items() if stack.pid(name) != pid]
    print(f"{len(samples)} files, {wrong} wrong, programs that ended: {', '.join(ended) or 'none'}")
    return 1 if wrong or ended else 0


if __name__ == "__main__":
    sys.exit(main())
