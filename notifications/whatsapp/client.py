"""The part of the WhatsApp Cloud API that we use, on httpx, with outcomes that cannot be confused.

Logs nothing. Every recipient is written with `+` and country code (without it the platform guesses the country and
delivers the link to a stranger) or as a business-scoped user id. What would leave with a broken promise (an identifier
in a parameter, a blank in a link) is refused here with `InvalidMessage`, before any connection.
Source: Graph API v26.0, developers.facebook.com/docs/whatsapp/cloud-api.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.outcomes import (
    Accepted,
    Answered,
    CallOutcome,
    NotSent,
    Refused,
    SendOutcome,
    Unknown,
    read_acceptance,
    read_answer,
)
from notifications.whatsapp.parameters import checked_parameters
from records.senders import Flavor

__all__ = ["Accepted", "Answered", "CloudApi", "NotSent", "Refused", "SendOutcome", "Sender", "Unknown"]

ANSWER_LIMIT = 4 * 1024 * 1024
"""Bytes of an answer that are read; a longer one is unreadable."""
OPAQUE_MAX = 512

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
_OBJECT_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")
_SUFFIX = re.compile(r"[A-Za-z0-9._~/?=&-]{1,1024}")

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_NEVER_LEFT_EITHER = (httpx.LocalProtocolError, httpx.ProxyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A business number and the token that may send from it. The ids are opaque text.

    A number at 360dialog takes the same bodies with its own key, at an address without version and number.
    """

    phone_number_id: str
    waba_id: str
    token: str = field(repr=False)
    flavor: Flavor = Flavor.CLOUD
    base_url: str | None = None
    """Where this number's API stands, if not where the others' does."""

    def headers(self) -> dict[str, str]:
        """Return what authorizes a call. Raises InvalidMessage."""
        if not re.fullmatch(r"[!-~]{1,4096}", self.token):
            raise InvalidMessage("the access token of the sender is not one")
        match self.flavor:
            case Flavor.CLOUD:
                return {"authorization": f"Bearer {self.token}"}
            case Flavor.DIALOG360:
                return {"d360-api-key": self.token}

    def messages_path(self) -> str:
        """Return where messages are posted. Raises InvalidMessage."""
        match self.flavor:
            case Flavor.CLOUD:
                return f"{object_path(self.phone_number_id)}/messages"
            case Flavor.DIALOG360:
                return "messages"


class CloudApi:
    """A connection to the Cloud API. One instance serves many senders and threads; close it when done."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Speak to `base_url`, version included (https://graph.facebook.com/v26.0). Timeouts are seconds.

        Plain http is for loopback only. Raises ValueError on anything else.
        """
        self._base = checked_base(base_url)
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            transport=transport,
            trust_env=False,  # a proxy or .netrc of the environment must not see or change these requests
            follow_redirects=False,
            headers={"user-agent": "resguardo", "accept": "application/json", "content-type": "application/json"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def send_template(
        self,
        sender: Sender,
        *,
        to: str,
        template: str,
        language: str,
        body: Sequence[str] | Mapping[str, str] = (),
        button_suffix: str | None = None,
        opaque: str,
    ) -> SendOutcome:
        """Send an approved template; its first URL button opens the frozen address plus `button_suffix`.

        `body` fills {{1}}, {{2}} ... in order, or variables by their names. `to` is E.164 with `+`, or a
        business-scoped user id. `opaque` (our attempt id) comes back in every status.
        Raises InvalidMessage before anything is sent when the message breaks a rule.
        """
        components: list[dict[str, Any]] = []
        if body:
            components.append({"type": "body", "parameters": _parameters(body)})
        if button_suffix is not None:
            if not _SUFFIX.fullmatch(button_suffix):
                raise InvalidMessage("the link suffix holds characters that do not belong in a link")
            link = [{"type": "text", "text": button_suffix}]
            components.append({"type": "button", "sub_type": "url", "index": "0", "parameters": link})
        content = {"name": template, "language": {"code": language}, "components": components}
        return self._send(sender, to, {"type": "template", "template": content}, opaque)

    def send_cta_url(
        self,
        sender: Sender,
        *,
        to: str,
        body: str,
        label: str,
        url: str,
        header: str = "",
        footer: str = "",
        reply_to: str | None = None,
        opaque: str,
    ) -> SendOutcome:
        """Answer inside the 24 h window with a text and one button that opens `url`. Limits of lengths are checked."""
        lengths = ((body, 1, 1024), (label, 1, 20), (header, 0, 60), (footer, 0, 60), (url, 1, 2000))
        if not all(least <= len(text) <= most for text, least, most in lengths):
            raise InvalidMessage("a part of the reply is empty or too long")
        if urlsplit(url).scheme not in {"https", "http"} or re.search(r"\s", url):
            raise InvalidMessage("the link of the reply is not a web address")
        interactive: dict[str, Any] = {
            "type": "cta_url",
            "body": {"text": body},
            "action": {"name": "cta_url", "parameters": {"display_text": label, "url": url}},
        }
        if header:
            interactive["header"] = {"type": "text", "text": header}
        if footer:
            interactive["footer"] = {"text": footer}
        message: dict[str, Any] = {"type": "interactive", "interactive": interactive}
        if reply_to:
            message["context"] = {"message_id": reply_to}
        return self._send(sender, to, message, opaque)

    def send_text(self, sender: Sender, *, to: str, body: str, reply_to: str | None = None, opaque: str) -> SendOutcome:
        """Answer inside the 24 h window with a text alone."""
        if not 0 < len(body) <= 1024:
            raise InvalidMessage("a text is empty or too long")
        message: dict[str, Any] = {"type": "text", "text": {"body": body, "preview_url": False}}
        if reply_to:
            message["context"] = {"message_id": reply_to}
        return self._send(sender, to, message, opaque)

    def mark_read(self, sender: Sender, *, wamid: str) -> CallOutcome:
        """Show the customer that their message was seen."""
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
        return self.call(sender, "POST", sender.messages_path(), body=body)

    def delete_media(self, sender: Sender, *, media_id: str) -> CallOutcome:
        """Ask the platform to forget a file that a customer sent into the chat. Nothing is ever downloaded."""
        return self.call(sender, "DELETE", object_path(media_id), params={"phone_number_id": sender.phone_number_id})

    def subscribe(self, sender: Sender) -> CallOutcome:
        """Subscribe our app to the webhooks of the account."""
        return self.call(sender, "POST", f"{object_path(sender.waba_id)}/subscribed_apps")

    def _send(self, sender: Sender, to: str, message: dict[str, Any], opaque: str) -> SendOutcome:
        if not 0 < len(opaque) <= OPAQUE_MAX:
            raise InvalidMessage("the opaque id must have 1 to 512 characters")
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **_recipient(to),
            "biz_opaque_callback_data": opaque,
            **message,
        }
        answer = self.call(sender, "POST", sender.messages_path(), body=body)
        return read_acceptance(answer) if isinstance(answer, Answered) else answer

    def call(
        self,
        sender: Sender,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> CallOutcome:
        """Make one call with the sender's token; `path` is made of `object_path`s."""
        base = self._base if sender.base_url is None else checked_base(sender.base_url)
        headers = sender.headers()
        content = None if body is None else json.dumps(body).encode()  # escaped: any text can be sent
        try:
            with self._http.stream(
                method, f"{base}/{path}", content=content, params=params, headers=headers
            ) as response:
                return read_answer(response.status_code, response.headers, _limited(response))
        except (*_NEVER_LEFT, *_NEVER_LEFT_EITHER) as error:
            return NotSent(reason=type(error).__name__)
        except httpx.RequestError as error:  # anything later: the request may have arrived
            return Unknown(reason=type(error).__name__)


def _parameters(body: Sequence[str] | Mapping[str, str]) -> list[dict[str, str]]:
    if not isinstance(body, Mapping):
        return [{"type": "text", "text": text} for text in checked_parameters(body)]
    if not all(re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) for name in body):
        raise InvalidMessage("a variable of a template has lower-case letters, digits and underscores")
    values = zip(body, checked_parameters(list(body.values())), strict=True)
    return [{"type": "text", "parameter_name": name, "text": text} for name, text in values]


def _limited(response: httpx.Response) -> bytes:
    read = bytearray()
    for chunk in response.iter_bytes():
        read += chunk
        if len(read) > ANSWER_LIMIT:
            return b""
    return bytes(read)


def _recipient(to: str) -> dict[str, str]:
    if _PHONE.fullmatch(to):
        return {"to": to}
    if _USER_ID.fullmatch(to):
        return {"recipient": to}
    raise InvalidMessage("a recipient is a phone with + and country code, or a business-scoped user id")


def object_path(untrusted_id: str) -> str:
    """Return an id of the platform for use in an address. Raises InvalidMessage."""
    if not _OBJECT_ID.fullmatch(untrusted_id) or untrusted_id in {".", ".."}:
        raise InvalidMessage("an object id holds characters that do not belong in an address")
    return untrusted_id


def checked_base(base_url: str) -> str:
    """Return the address of an API without a slash at the end. Raises ValueError unless it is https or loopback."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    loopback = host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
    safe = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    if safe and host and not (parts.query or parts.fragment or parts.username):
        return base_url.rstrip("/")
    raise ValueError("the base address of the Cloud API must be https (plain http on loopback only)")
