"""A stand-in of Chatwoot's application API, written from its swagger and controllers, not from our client.

Where the real one is forgiving (Rails ignores fields that it does not know) this one refuses; where it replaces a whole
set (custom attributes, labels), so does this one; labels that the account does not have are dropped in silence.
"""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue

from sandbox.crm.serving import Faults, install
from sandbox.crm.strictness import body_of, checked, refuse

TYPES = {"incoming": 0, "outgoing": 1}
CATEGORIES = {"UTILITY", "MARKETING", "SHIPPING_UPDATE", "TICKET_UPDATE", "ISSUE_RESOLUTION"}
PAGE = 20


@dataclass(slots=True)
class Conversation:
    """One conversation, as an agent sees it."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Chatwoot:
    """One account with a token. `administrator`: whether the token may define attributes and labels."""

    token: str
    account: int = 1
    administrator: bool = True
    conversations: dict[int, Conversation] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    def app(self) -> Flask:
        """Return the application over this account."""
        app = Flask(__name__)
        base = f"/api/v1/accounts/{self.account}"
        place = f"{base}/conversations/<int:conversation>"
        app.before_request(self._authenticate)
        install(app, self.faults)
        app.get(place)(self._show)
        app.get(f"{place}/messages")(self._messages)
        app.post(f"{place}/messages")(self._write)
        app.post(f"{place}/custom_attributes")(self._attributes)
        app.get(f"{place}/labels")(self._labels)
        app.post(f"{place}/labels")(self._set_labels)
        app.get(f"{base}/custom_attribute_definitions")(self._list_definitions)
        app.post(f"{base}/custom_attribute_definitions")(self._define)
        app.post(f"{base}/labels")(self._add_label)
        return app

    def _authenticate(self) -> ResponseReturnValue | None:
        if request.headers.get("Api-Access-Token") != self.token:
            return {"error": "You need to sign in or sign up before continuing."}, 401
        return None

    def _known(self, conversation: int) -> Conversation:
        if conversation not in self.conversations:
            refuse(404, "Resource could not be found")
        return self.conversations[conversation]

    def _show(self, conversation: int) -> ResponseReturnValue:
        found = self._known(conversation)
        return {"id": conversation, "custom_attributes": found.custom_attributes, "labels": found.labels}

    def _messages(self, conversation: int) -> ResponseReturnValue:
        found = self._known(conversation).messages
        before = request.args.get("before", type=int)
        older = [each for each in found if before is None or each["id"] < before]
        return {"meta": {"labels": []}, "payload": older[-PAGE:]}

    def _write(self, conversation: int) -> ResponseReturnValue:
        found = self._known(conversation)
        optional = {"message_type": str, "private": bool, "content_type": str, "content_attributes": dict}
        body = body_of({"content": str}, {**optional, "template_params": dict})
        if body.get("message_type", "outgoing") != "outgoing":
            refuse(422, "Incoming messages are only allowed in Api inboxes")
        if "template_params" in body:
            self._check_template(body["template_params"])
        message = {
            "id": next(self._ids),
            "content": body["content"],
            "message_type": TYPES["outgoing"],
            "private": body.get("private", False),
            "status": "sent",
            "created_at": int(time.time()),
            "conversation_id": conversation,
        }
        found.messages.append(message | {"template_params": body.get("template_params")})
        return message

    def _check_template(self, params: dict[str, Any]) -> None:
        required = {"name": str, "category": str, "language": str, "processed_params": dict}
        checked(params, required, {}, 422)
        if params["category"] not in CATEGORIES:
            refuse(422, "category")
        checked(params["processed_params"], {}, {"body": dict, "header": dict, "buttons": list}, 422)
        if not all(isinstance(value, str) for value in params["processed_params"].get("body", {}).values()):
            refuse(422, "body")
        for button in params["processed_params"].get("buttons", []):
            checked(button, {"type": str, "parameter": str}, {}, 422)

    def _attributes(self, conversation: int) -> ResponseReturnValue:
        found = self._known(conversation)
        found.custom_attributes = body_of({"custom_attributes": dict})["custom_attributes"]
        return {"custom_attributes": found.custom_attributes}

    def _labels(self, conversation: int) -> ResponseReturnValue:
        return {"payload": self._known(conversation).labels}

    def _set_labels(self, conversation: int) -> ResponseReturnValue:
        found = self._known(conversation)
        found.labels = [each for each in body_of({"labels": list})["labels"] if each in self.labels]
        return {"payload": found.labels}

    def _list_definitions(self) -> ResponseReturnValue:
        return list(self.definitions.values())

    def _define(self) -> ResponseReturnValue:
        self._must_be_administrator()
        names = {"attribute_display_name": str, "attribute_key": str}
        kinds = {"attribute_display_type": int, "attribute_model": int}
        body = body_of({**names, **kinds}, {"attribute_description": str, "attribute_values": list})
        if body["attribute_key"] in self.definitions:
            refuse(422, "Attribute key has already been taken")
        self.definitions[body["attribute_key"]] = body | {"id": next(self._ids)}
        return self.definitions[body["attribute_key"]]

    def _add_label(self) -> ResponseReturnValue:
        self._must_be_administrator()
        body = body_of({"title": str}, {"description": str, "color": str, "show_on_sidebar": bool})
        if body["title"] in self.labels:
            refuse(422, "Title has already been taken")
        self.labels.add(body["title"])
        return {"id": next(self._ids), **body}

    def _must_be_administrator(self) -> None:
        if not self.administrator:
            refuse(401, "You are not authorized to do this action")
