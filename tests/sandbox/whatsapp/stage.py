"""A simulator on a free port with a clock that stands still, and the few calls that tests make on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from notifications.whatsapp import authentication
from notifications.whatsapp.client import CloudApi, Sender
from notifications.whatsapp.library import REQUEST, SAMPLE_CODE
from notifications.whatsapp.templates import LIBRARY, payload
from sandbox.whatsapp.app import serving
from sandbox.whatsapp.settings import Settings
from tests.sandbox.whatsapp.receiver import Received, receiving

PORTAL = "https://docs.aurora.example/s/"
SECRET = "app-secret-of-the-tests"
TOKEN = "EAAtoken-of-the-tests"
ANA = "+525512345678"
ANA_ID = "5215512345678"


@dataclass(frozen=True, slots=True)
class Stage:
    """The address of the simulator, a client of ours, and what the business received."""

    url: str
    settings: Settings
    api: CloudApi
    received: Received

    @property
    def sender(self) -> Sender:
        return Sender(phone_number_id=self.settings.phone_number_id, waba_id=self.settings.waba_id, token=TOKEN)

    @property
    def graph(self) -> str:
        return f"{self.url}/v26.0"

    def sim(self, path: str, body: object = None) -> Any:
        """POST to the control plane; without a body GET."""
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, f"{self.url}/sim/{path}", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object, token: str = TOKEN) -> httpx.Response:
        """POST to the Graph side, past our client."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.post(f"{self.graph}/{path}", json=body, headers=headers, trust_env=False)

    def call(self, method: str, path: str, *, token: str = TOKEN, **more: Any) -> httpx.Response:
        """Call the Graph side with any method, past our client."""
        headers = {"authorization": f"Bearer {token}"} | more.pop("headers", {})
        return httpx.request(method, f"{self.graph}/{path}", headers=headers, trust_env=False, **more)

    def events(self) -> list[dict[str, Any]]:
        """Every change that the business received, in order: account (`waba_id`), field and value."""
        documents = [json.loads(body) for body in self.received.bodies]
        return [
            {"waba_id": entry["id"], **change}
            for one in documents
            for entry in one["entry"]
            for change in entry["changes"]
        ]

    def items(self, name: str) -> list[dict[str, Any]]:
        """Every message or status (`messages`, `statuses`) that the business received, in order."""
        return [item for event in self.events() for item in event["value"].get(name, [])]

    def pass_time(self, seconds: float = 2) -> None:
        assert self.sim("clock", {"advance": seconds})["settled"]

    def request_ana(self, **changes: Any) -> Any:
        """Send the request template to Ana with our client."""
        call: dict[str, Any] = {
            "to": ANA,
            "template": REQUEST,
            "language": "es_MX",
            "body": ("Ana", "Crédito 4711", SAMPLE_CODE),
            "button_suffix": "tok.en-1_A",
            "opaque": "attempt-1",
        }
        return self.api.send_template(self.sender, **(call | changes))


@contextmanager
def staged(**changes: Any) -> Iterator[Stage]:
    """Raise the curtain."""
    settings = Settings(
        app_secret=SECRET,
        tokens=(TOKEN,),
        templates=(*(payload(template, base_url=PORTAL) for template in LIBRARY), *authentication.payloads()),
        frozen_clock=True,
    )
    with receiving() as received:
        settings = replace(settings, **({"webhook_url": received.url} | changes))
        with serving(settings) as url, CloudApi(f"{url}/v26.0", read_timeout=2) as api:
            yield Stage(url=url, settings=settings, api=api, received=received)
