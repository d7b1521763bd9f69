"""The generic connector: one JSON call of the company's own making for each event, for CRMs without a connector.

Rules: the body is a template whose gaps are the fields below and nothing else; gaps are filled inside JSON texts, so
that no value can break out of one. The call carries the event's id as `Idempotency-Key`: it may come twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifications.connectors.calling import Calls
from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered

FIELDS = (
    *("event_id", "type", "timestamp", "case_id", "case_url", "external_ref", "status", "state", "received"),
    *("accepted", "total", "note", "reason"),
)
"""What a template may name as {field}."""
DEFAULT = {
    "event": "{type}",
    "reference": "{external_ref}",
    "status": "{status}",
    "state": "{state}",
    "url": "{case_url}",
}
_GAP = re.compile(r"\{([a-z_]*)\}")
DEEPEST = 8


class TemplateRefused(ValueError):
    """The template names a field that there is not, or is too deep. The message says which."""

    code = "template_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """One address. `calls` goes to it with the configured headers."""

    calls: Calls
    method: str
    body: Any

    def tell(self, update: CrmUpdate) -> Delivered:
        """Make the call; any 2xx is well."""
        self._call(fields_of(update), update.event_id)
        return Delivered()

    def check(self) -> Delivered:
        """Make the call with a sample whose type is `subscriber.test`."""
        sample = dict.fromkeys(FIELDS, "") | {"type": "subscriber.test"}
        self._call(sample, "test")
        return Delivered()

    def _call(self, values: Mapping[str, str | int], event_id: str) -> None:
        headers = {"idempotency-key": f"evt_{event_id}"}
        self.calls.call(self.method, "", body=filled(self.body, values), headers=headers, reads=False)


def fields_of(update: CrmUpdate) -> dict[str, str | int]:
    """Return the fields of an update by name."""
    return {
        "event_id": update.event_id,
        "type": update.type.value,
        "timestamp": update.at.isoformat(timespec="seconds"),
        "case_id": update.case_id,
        "case_url": update.case_url,
        "external_ref": update.external_ref or "",
        "status": update.progress.status.value,
        "state": update.state,
        "received": update.progress.received,
        "accepted": update.progress.accepted,
        "total": update.progress.total,
        "note": update.note or "",
        "reason": update.reason or "",
    }


def checked_template(untrusted: Any, depth: int = DEEPEST) -> Any:
    """Return a body template as it is. Raises TemplateRefused."""
    if depth == 0:
        raise TemplateRefused("the body is nested too deeply")
    match untrusted:
        case dict():
            return {str(key): checked_template(value, depth - 1) for key, value in untrusted.items()}
        case list():
            return [checked_template(value, depth - 1) for value in untrusted]
        case str():
            for name in _GAP.findall(untrusted):
                if name not in FIELDS:
                    raise TemplateRefused(f"there is no field {{{name}}}; there are: {', '.join(FIELDS)}")
    return untrusted


def filled(template: Any, values: Mapping[str, str | int]) -> Any:
    """Return the template with its gaps filled; a text that is one gap alone becomes the value itself, numbers too."""
    match template:
        case dict():
            return {key: filled(value, values) for key, value in template.items()}
        case list():
            return [filled(value, values) for value in template]
        case str():
            whole = _GAP.fullmatch(template)
            return values[whole[1]] if whole else _GAP.sub(lambda gap: str(values[gap[1]]), template)
    return template
