"""Chatwoot: a private note in the customer's conversation, two attributes and a label that tell how the case stands.

Which conversation is said by the request (`chatwoot_conversation`). Attributes and labels of others are kept: the API
replaces whole sets, so they are read first. Source: Chatwoot's swagger (application API v1), as of 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notifications.connectors.calling import Calls, part, rows_of, text_of
from notifications.connectors.memory import Memory
from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered
from records.progress import ProgressStatus

CONVERSATION = "chatwoot_conversation"
URL_KEY, STATE_KEY = "expediente_url", "expediente_estado"
PAGES = 5
"""Pages of 20 messages that are searched for a note which may have been written."""
THEIRS = "theirs"
"""Remembered of what was there already, or is left to a person."""
_TEXT, _LINK = 0, 4
_DEFINITIONS = (
    {"attribute_display_name": "Expediente", "attribute_key": URL_KEY, "attribute_display_type": _LINK},
    {"attribute_display_name": "Estado del expediente", "attribute_key": STATE_KEY, "attribute_display_type": _TEXT},
)
LABELS: Mapping[ProgressStatus, str] = {
    ProgressStatus.REQUESTED: "expediente-solicitado",
    ProgressStatus.OPENED: "expediente-abierto",
    ProgressStatus.RECEIVING: "expediente-en-curso",
    ProgressStatus.RETURNED: "expediente-por-corregir",
    ProgressStatus.COMPLETE: "expediente-completo",
    ProgressStatus.CANCELLED: "expediente-cancelado",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMessage:
    """One message of a template, for Chatwoot to send. `content` is what its agents read in the conversation."""

    id: str
    name: str
    language: str
    body: tuple[str, ...]
    suffix: str = field(repr=False)
    """What the template's button appends to its address."""
    content: str
    may_exist: bool
    """Whether an earlier attempt may have written it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chatwoot:
    """One account. `calls` goes to its address with an agent's or a bot's token."""

    calls: Calls
    memory: Memory
    account: str

    def tell(self, update: CrmUpdate) -> Delivered:
        """Write the note, then attributes and label where they differ."""
        conversation = update.refs.get(CONVERSATION)
        if conversation is None:
            return Delivered(code="no_conversation", reached=False)
        place = f"{self._account}/conversations/{part(conversation)}"
        self._note(place, update)
        self._attributes(place, update)
        self._prepare()  # not before the token has proved good
        self._label(place, LABELS[update.progress.status])
        return Delivered()

    def check(self) -> Delivered:
        """Read the account's attributes and make those that are missing."""
        self.calls.get(f"{self._account}/custom_attribute_definitions", {"attribute_model": "0"})
        self._prepare(again=True)
        return Delivered()

    def send(self, conversation: str, sent: TemplateMessage) -> None:
        """Let Chatwoot send a template in a conversation, unless it was written there before."""
        place, marker = f"{self._account}/conversations/{conversation}", f"[{sent.id[:12]}]"
        if sent.may_exist and _search(self.calls, place, marker) is not None:
            return
        values = {str(number): value for number, value in enumerate(sent.body, start=1)}
        params = {
            "name": sent.name,
            "category": "UTILITY",
            "language": sent.language,
            "processed_params": {"body": values, "buttons": [{"type": "url", "parameter": sent.suffix}]},
        }
        body = {"content": f"{sent.content}\n{marker}", "message_type": "outgoing", "template_params": params}
        text_of(self.calls.post(f"{place}/messages", body), "id")

    @property
    def _account(self) -> str:
        return f"/api/v1/accounts/{part(self.account)}"

    def _prepare(self, *, again: bool = False) -> None:
        """Define attributes and labels once. Only an administrator's token may: others leave it to a person.

        `again`: also what was left to a person, since the token may be another by now.
        """
        for definition in _DEFINITIONS:
            body = {**definition, "attribute_model": 0, "attribute_description": "Resguardo"}
            self._once(
                "attribute", str(definition["attribute_key"]), "/custom_attribute_definitions", body, again=again
            )
        for title in LABELS.values():
            body = {"title": title, "description": "Resguardo", "color": "#0c5c55", "show_on_sidebar": False}
            self._once("label", title, "/labels", body, again=again)

    def _once(self, kind: str, name: str, path: str, body: Any, *, again: bool) -> None:
        known = self.memory.begin(kind, name).remote_id
        if known is None or (again and known == THEIRS):
            made = self.calls.post(self._account + path, body, well=(401, 403, 422))  # 422: there already
            self.memory.keep(kind, name, name if made is not None else THEIRS)

    def _note(self, place: str, update: CrmUpdate) -> None:
        if update.note is None:
            return
        begun = self.memory.begin("note", update.event_id)
        if begun.remote_id is not None:
            return
        found = _search(self.calls, place, update.marker) if begun.before else None
        if found is None:
            content = f"{update.note}\n[{update.link_label}]({update.marked_url})"
            body = {"content": content, "message_type": "outgoing", "private": True}
            found = text_of(self.calls.post(f"{place}/messages", body), "id")
        self.memory.keep("note", update.event_id, found)

    def _attributes(self, place: str, update: CrmUpdate) -> None:
        untrusted = self.calls.get(place)
        known = untrusted.get("custom_attributes") if isinstance(untrusted, dict) else None
        kept = known if isinstance(known, dict) else {}
        wanted = {**kept, URL_KEY: update.case_url, STATE_KEY: update.state}
        if wanted != kept:
            self.calls.post(f"{place}/custom_attributes", {"custom_attributes": wanted})

    def _label(self, place: str, label: str) -> None:
        untrusted = self.calls.get(f"{place}/labels")
        payload = untrusted.get("payload") if isinstance(untrusted, dict) else None
        known = [each for each in payload if isinstance(each, str)] if isinstance(payload, list) else []
        wanted = [each for each in known if each not in LABELS.values()] + [label]
        if sorted(wanted) != sorted(known):
            self.calls.post(f"{place}/labels", {"labels": wanted})


def _search(calls: Calls, place: str, marker: str) -> str | None:
    """Look for a message that holds the marker, newest pages first."""
    before: dict[str, str] = {}
    for _page in range(PAGES):
        messages = rows_of(calls.get(f"{place}/messages", before), "payload")
        for message in messages:
            if marker in str(message.get("content") or ""):
                return text_of(message, "id")
        if not messages:
            return None
        before = {"before": text_of(messages[0], "id")}
    return None
