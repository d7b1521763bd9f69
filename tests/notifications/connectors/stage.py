"""Each CRM as the contract suite sees it: a running stand-in or the real thing, a connector, what an agent sees."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from flask import Flask, Response, request

from notifications.connectors import helpdesk as theirs
from notifications.connectors.calling import Calls
from notifications.connectors.chatwoot import Chatwoot
from notifications.connectors.generic import DEFAULT, Generic
from notifications.connectors.hubspot import HubSpot
from notifications.connectors.memory import Begun
from notifications.connectors.protocol import CrmConnector
from notifications.connectors.texts import link_label, note_of, state_of, subject_of
from notifications.connectors.updates import CrmUpdate
from notifications.egress import Egress
from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus
from sandbox.crm import chatwoot, hubspot
from sandbox.crm.serving import Faults, install, serving
from tests.services.helpdesk import AGENT, Helpdesk

TOKEN = "token-of-the-tests"
CASE = "c" * 32
CASE_URL = f"https://consola.aurora.example/cases/{CASE}"
STATUS_WORDS = {1: "open", 2: "reopened", 3: "resolved", 4: "closed"}
AT = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)


@dataclass
class Remembered:
    """A memory that lasts as long as the test."""

    kept: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def begin(self, kind: str, our_id: str) -> Begun:
        before = (kind, our_id) in self.kept
        remote = self.kept.setdefault((kind, our_id), None)
        return Begun(before=before, remote_id=remote)

    def keep(self, kind: str, our_id: str, remote_id: str) -> None:
        self.kept[(kind, our_id)] = remote_id

    def forget(self) -> None:
        """What a process that is killed at the worst moment leaves: everything begun, no answer."""
        self.kept = dict.fromkeys(self.kept)


@dataclass(kw_only=True)
class Stage:
    """One CRM and a way to its connector."""

    faults: Faults
    connect: Callable[[str, float], CrmConnector]
    """Makes the connector with a token and a deadline in seconds."""
    memory: Remembered
    notes: Callable[[], list[str]]
    """The notes that an agent sees, oldest first."""
    state: Callable[[], str]
    everything: Callable[[], str]
    writes: str
    """Part of the path of the call that creates a note."""
    refs: dict[str, str] = field(default_factory=dict)
    account: Any = None
    """The stand-in itself, for the tests of one CRM."""

    def connector(self, *, token: str = TOKEN, deadline: float = 5.0) -> CrmConnector:
        return self.connect(token, deadline)


def an_update(
    event: int = 1,
    type: CrmType = CrmType.DOCUMENT_CLEAN,
    progress: Progress | None = None,
    refs: dict[str, str] | None = None,
    document: str | None = "Identificación oficial",
) -> CrmUpdate:
    """An update of the case, in Spanish."""
    stands = progress or Progress(status=ProgressStatus.RECEIVING, received=2, accepted=1, total=4)
    return CrmUpdate(
        event_id=f"{event:032x}",
        type=type,
        at=AT,
        case_id=CASE,
        case_url=CASE_URL,
        external_ref="CRM-4711",
        progress=stands,
        state=state_of(stands, "es"),
        subject=subject_of("CRM-4711", "es"),
        note=note_of(type, "es", document),
        reason=None,
        link_label=link_label("es"),
        refs=refs or {},
    )


def calls_to(url: str, headers: dict[str, str], deadline: float) -> Calls:
    return Calls(egress=Egress(private_allowed=True, timeout_s=deadline), base_url=url, headers=headers, private=True)


@contextmanager
def a_chatwoot(**how: Any) -> Iterator[Stage]:
    """Chatwoot with one conversation, in which the customer has written and an agent keeps an attribute and a label."""
    account = chatwoot.Chatwoot(token=TOKEN, **how)
    talk = chatwoot.Conversation(custom_attributes={"vendedor": "7"}, labels=["vip"])
    account.labels.add("vip")
    account.conversations[123] = talk
    memory = Remembered()
    with serving(account.app()) as url:

        def connect(token: str, deadline: float) -> CrmConnector:
            calls = calls_to(url, {"api_access_token": token}, deadline)
            return Chatwoot(calls=calls, memory=memory, account="1")

        yield Stage(
            faults=account.faults,
            connect=connect,
            memory=memory,
            notes=lambda: [each["content"] for each in talk.messages if each["private"]],
            state=lambda: str(talk.custom_attributes.get("expediente_estado")),
            everything=lambda: repr(account),
            writes="/messages",
            refs={"chatwoot_conversation": "123"},
            account=account,
        )


@contextmanager
def a_hubspot() -> Iterator[Stage]:
    """HubSpot with one pipeline and one contact."""
    account, memory = hubspot.HubSpot(token=TOKEN, contacts={"501"}), Remembered()
    with serving(account.app()) as url:

        def connect(token: str, deadline: float) -> CrmConnector:
            calls = calls_to(url, {"authorization": f"Bearer {token}"}, deadline)
            return HubSpot(
                calls=calls,
                memory=memory,
                pipeline="0",
                first_stage="1",
                stages={ProgressStatus.COMPLETE: "4", ProgressStatus.RETURNED: "3"},
            )

        def tickets() -> list[hubspot.Row]:
            return list(account.objects["tickets"].values())

        yield Stage(
            faults=account.faults,
            connect=connect,
            memory=memory,
            notes=lambda: [note.properties["hs_note_body"] for row in tickets() for note in account.notes_of(row.id)],
            state=lambda: tickets()[0].properties["expediente_estado"],
            everything=lambda: repr(account),
            writes="/notes",
            refs={"hubspot_contact": "501"},
            account=account,
        )


@contextmanager
def a_generic() -> Iterator[Stage]:
    """Somebody's own endpoint, which knows an event again by its Idempotency-Key."""
    seen: dict[str, Any] = {}
    faults, app, memory = Faults(), Flask(__name__), Remembered()

    @app.before_request
    def authenticate() -> Any:
        return None if request.headers.get("X-Token") == TOKEN else ({"error": "who?"}, 401)

    install(app, faults)

    @app.post("/hook")
    def take() -> Any:
        seen.setdefault(request.headers["Idempotency-Key"], request.get_json())
        return "", 204

    with serving(app) as url:

        def connect(token: str, deadline: float) -> CrmConnector:
            body = DEFAULT | {"note": "{note}", "done": "{received}"}
            return Generic(calls=calls_to(f"{url}/hook", {"x-token": token}, deadline), method="POST", body=body)

        yield Stage(
            faults=faults,
            connect=connect,
            memory=memory,
            notes=lambda: [f"{each['note']} {each['url']}" for each in seen.values()],
            state=lambda: list(seen.values())[-1]["state"],
            everything=lambda: repr(seen),
            writes="/hook",
        )


def a_helpdesk_connector(url: str, password: str, memory: Remembered, deadline: float = 20.0) -> theirs.Helpdesk:
    """The connector of a django-helpdesk."""
    secret = base64.b64encode(f"{AGENT}:{password}".encode()).decode()
    return theirs.Helpdesk(calls=calls_to(url, {"authorization": f"Basic {secret}"}, deadline), memory=memory, queue=1)


@contextmanager
def a_helpdesk(real: Helpdesk) -> Iterator[Stage]:
    """The real django-helpdesk behind a line that can be faulty."""
    faults, line, memory = Faults(), Flask(__name__), Remembered()
    install(line, faults)
    with serving(line) as url, httpx.Client(base_url=real.url, trust_env=False) as client:

        @line.route("/<path:path>", methods=["GET", "POST", "PATCH"])
        def forward(path: str) -> Any:
            headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
            answer = client.request(
                request.method, f"/{path}", params=request.args, content=request.get_data(), headers=headers
            )
            return Response(answer.content, status=answer.status_code, mimetype=answer.headers["content-type"])

        def followups() -> list[str]:
            told = [each for ticket in real.tickets() for each in ticket["followup_set"]]
            return [each["comment"] for each in told if not each["public"]]

        yield Stage(
            faults=faults,
            connect=lambda token, deadline: a_helpdesk_connector(
                url, real.password if token == TOKEN else token, memory, deadline
            ),
            memory=memory,
            notes=followups,
            state=lambda: STATUS_WORDS[real.tickets()[0]["status"]],
            everything=real.everything,
            writes="/followups",
        )
