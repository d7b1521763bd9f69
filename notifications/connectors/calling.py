"""JSON calls to a CRM, with refusals that cannot be taken for success.

Rules: everything leaves through the egress guard; an answer is read up to a limit and never stored or logged; whatever
is not a clean 2xx with JSON raises CrmTrouble.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from notifications.addresses import EgressRefused, NeverLeft, NoAnswer
from notifications.connectors.protocol import CrmTrouble
from notifications.crm.outcomes import Failed, Retry
from notifications.crm.webhooks import wait_asked
from notifications.egress import Answer, Egress
from storage.database import utcnow

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer that are read: a page of messages or tickets is much shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls to one CRM under one address with the same headers, which hold its token."""

    egress: Egress
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    private: bool = False
    """Whether the CRM may be at a private address."""

    def get(self, path: str, params: Mapping[str, str] | None = None, *, missing: bool = False) -> Any:
        """Return the JSON of an answer. `missing`: a 404 is None instead of trouble."""
        return self.call("GET", path, params=params, well=(404,) if missing else ())

    def post(self, path: str, body: Any, *, well: tuple[int, ...] = ()) -> Any:
        """Create something; return the JSON of the answer. `well` names statuses that are fine too: None then."""
        return self.call("POST", path, body=body, well=well)

    def patch(self, path: str, body: Any) -> Any:
        """Change something; return the JSON of the answer."""
        return self.call("PATCH", path, body=body)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        well: tuple[int, ...] = (),
        reads: bool = True,
    ) -> Any:
        """Make one call. Raises CrmTrouble. `reads` False: any 2xx will do, whatever it says."""
        url = self.base_url.rstrip("/") + path + (f"?{urlencode(params)}" if params else "")
        sent = {"accept": "application/json", "content-type": "application/json", "user-agent": "resguardo"}
        try:
            answer = self.egress.request(
                method,
                url,
                content=b"" if body is None else json.dumps(body).encode(),
                headers=sent | {**self.headers, **(headers or {})},
                private=self.private,
                limit=ANSWER_LIMIT,
            )
        except (EgressRefused, NeverLeft) as error:
            raise CrmTrouble(Retry(code=error.code), left=False) from None
        except NoAnswer as error:
            raise CrmTrouble(Retry(code=error.code)) from None
        return _read(answer, well, reads=reads)


def part(untrusted: str) -> str:
    """Return a value as one segment of a path."""
    return quote(untrusted, safe="")


def text_of(untrusted: Any, *names: str) -> str:
    """Return the text or number under a path of names in an answer. Raises CrmTrouble where there is none."""
    for name in names:
        untrusted = untrusted.get(name) if isinstance(untrusted, dict) else None
    if isinstance(untrusted, str) and 0 < len(untrusted) <= 200:
        return untrusted
    if isinstance(untrusted, int) and not isinstance(untrusted, bool):
        return str(untrusted)
    raise CrmTrouble(Retry(code="unreadable_answer"))


def rows_of(untrusted: Any, *names: str) -> list[dict[str, Any]]:
    """Return the objects in the list under a path of names; nothing where there is no list."""
    for name in names:
        untrusted = untrusted.get(name) if isinstance(untrusted, dict) else None
    return [row for row in untrusted if isinstance(row, dict)] if isinstance(untrusted, list) else []


def _read(answer: Answer, well: tuple[int, ...], *, reads: bool) -> Any:
    if answer.status in well:
        return None
    if not 200 <= answer.status < 300:
        raise CrmTrouble(_refusal(answer.status, answer.headers.get("retry-after", "")))
    if not reads:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):  # one that was cut off at the limit too
        raise CrmTrouble(Retry(code="unreadable_answer", status=answer.status)) from None


def _refusal(status: int, untrusted_after: str) -> Retry | Failed:
    """A token can be renewed and a limit passes: those are tried again; what the CRM does not take or know is not."""
    if status in (401, 403):
        return Retry(code="unauthorized", status=status)
    if status == 429 or status >= 500:
        code = "busy" if status in (429, 503) else "server_error"
        return Retry(code=code, status=status, after=wait_asked(untrusted_after, utcnow()))
    if status in (404, 410):
        return Failed(code="not_found", status=status)
    return Failed(code="redirected" if status < 400 else "refused", status=status)
