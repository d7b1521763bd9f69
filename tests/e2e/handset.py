"""The customer's phone without a screen: the requests that the page makes, one by one, so that a test decides how each
of them goes wrong."""

import base64
import re
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Any

import httpx

from sandbox.corpus import Browser
from tests.e2e.files import Sent
from tests.e2e.installation import Asked, Installation
from tests.e2e.waiting import PATIENCE, until

BODY = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
FORM = r'name="{}" value="([^"]+)"'


class Handset:
    """A visit of one customer. `slots` are the ids of the places on the checklist, in its order."""

    def __init__(self, here: Installation, link: str, request: str) -> None:
        """Open the link of a request and accept the notice."""
        places = here.rows("SELECT id FROM slots WHERE request_id = :id ORDER BY position", id=request)
        self.slots = [str(row[0]) for row in places]
        self._browser = Browser(here.urls["customer"])
        path = httpx.URL(link).path
        notice = self._value("notice", self.ask("GET", path).text)
        assert self.ask("POST", path, data={"notice": notice}).status_code == 303

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send one request."""
        return self._browser.ask(method, path, **more)

    def post(self, page: str, action: str, **fields: str) -> httpx.Response:
        """Send a form as it stands on a page, its token with it."""
        token = self._value("csrf", self.ask("GET", page).text)
        return self.ask("POST", action, data={"csrf": token, **fields})

    def begin(self, slot: str, file: Sent, *, page: bool = False) -> str:
        """Open an upload and return its address."""
        told = {"slot": slot, "filename": file["name"], "filetype": file["mimeType"]} | ({"page": "1"} if page else {})
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(file["buffer"])), "Upload-Metadata": metadata}
        made = self.ask("POST", "/e/uploads", headers=headers)
        assert made.status_code == 201, made.text
        return made.headers["Location"]

    def append(self, upload: str, offset: int, body: Iterable[bytes] | bytes, **headers: str) -> httpx.Response:
        """Send bytes from an offset on; a body that comes in pieces needs its Content-Length."""
        return self.ask("PATCH", upload, headers=BODY | {"Upload-Offset": str(offset)} | headers, content=body)

    def stands(self, upload: str) -> int:
        """Ask where an upload stands, as often as it takes to get an answer."""
        answer = again(lambda: self.ask("HEAD", upload, headers={"Tus-Resumable": "1.0.0"}))
        assert answer.status_code == 200
        return int(answer.headers["Upload-Offset"])

    def send(self, slot: str, file: Sent, *, page: bool = False) -> None:
        """Upload a whole file."""
        upload = self.begin(slot, file, page=page)
        assert self.append(upload, 0, file["buffer"]).status_code == 204

    def send_photos(self, slot: str, photos: Iterable[Sent]) -> None:
        """Lay photos into the tray of a slot and send them as one document."""
        for photo in photos:
            self.send(slot, photo, page=True)
        self.send_tray(slot)

    def send_tray(self, slot: str) -> None:
        """Send what lies in the tray of a slot."""
        edition = self._value("edition", self.ask("GET", "/e/state").json()["slots"][slot]["html"])
        assert self.post("/e", f"/e/slots/{slot}/tray", do="send", edition=edition).status_code == 303

    def undo(self, slot: str) -> None:
        """Take back the file in a slot."""
        assert self.post("/e", f"/e/slots/{slot}/undo").status_code == 303

    def ask_for_receipt(self) -> str:
        """Ask for a receipt and return where it will be."""
        return str(self.post("/e/done", "/e/receipt").headers["Location"])

    def await_receipt(self, path: str, *, within: float = PATIENCE) -> None:
        """Wait until a receipt is there, with its PDF."""

        def is_there() -> bool:
            return "Acuse auténtico" in again(lambda: self.ask("GET", path)).text

        until(is_there, "the receipt", within=within, every=0.5)
        assert self.ask("GET", f"{path}/acuse.pdf").content.startswith(b"%PDF")

    @staticmethod
    def _value(name: str, page: str) -> str:
        found = re.search(FORM.format(name), page)
        assert found is not None, name
        return found[1]


class Trickle:
    """A body that stops after `first` bytes until it is let go on. Iterate over it once."""

    def __init__(self, content: bytes, first: int) -> None:
        """Nothing is sent yet."""
        self._content, self._first = content, first
        self.stopped, self.go_on = Event(), Event()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the beginning, wait, yield the rest."""
        yield self._content[: self._first]
        self.stopped.set()
        self.go_on.wait(PATIENCE)
        yield self._content[self._first :]


def again(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until an answer comes: a process that was killed is back soon."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (httpx.TransportError, RuntimeError):
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.2)


def asked_with(here: Installation, **more: Any) -> tuple[Asked, str]:
    """Ask somebody as a CRM does, with further fields of the request; return the link that reached the phone too."""
    body = here.a_request(template=more.pop("template_key", "credito-personal")) | more
    answer = here.api("POST", "/api/v1/requests", key=body["external_ref"], body=body)
    assert answer.status_code == 201, answer.text
    asked = here.asked(body, answer.json())
    return asked, here.message_link(asked)
