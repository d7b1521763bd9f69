"""The platform's review of templates: submitted, approved, rejected, paused, moved to another category.

Source: template webhooks and quality rules of the platform's documentation, as of 2026-11.
"""

from datetime import datetime, timedelta
from typing import Any

from sandbox.whatsapp.business import Account
from sandbox.whatsapp.core import Core
from sandbox.whatsapp.deliveries import seconds
from sandbox.whatsapp.entities import Template, iso
from sandbox.whatsapp.problems import GraphError
from sandbox.whatsapp.submitting import check_template

CREATIONS_AN_HOUR, NAMES = 100, 250
"""Templates that an account may submit in an hour; names that an unverified one may have."""
EDITS = ((timedelta(hours=24), 1), (timedelta(days=30), 10))
"""How often an approved template may be edited."""
EDITABLE = {"APPROVED", "REJECTED", "PAUSED"}
NAME_BLOCKED = timedelta(days=30)
PAUSES = (("FIRST_PAUSE", 3), ("SECOND_PAUSE", 6))
"""What low quality brings, with its hours; the next time the template is disabled."""
STATUS_OF = {"REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED", "FLAGGED": None, "LOCKED": None}
"""Events that are not themselves a status; None changes nothing."""
ADVICE = {
    "reason": "The parameters stand next to each other.",
    "recommendation": "Separate parameters with words.",
}
"""What a rejection for INVALID_FORMAT explains."""
QUALITIES = {"GREEN", "YELLOW", "RED", "UNKNOWN"}
EXISTS, BEING_DELETED = 2388024, 2388023


class Reviews:
    """Templates of the accounts and what reviewers do to them."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def register(self, account: Account, payload: dict[str, Any], *, status: str = "PENDING") -> Template:
        """Submit a template, or with status APPROVED put it there as if it had been reviewed long ago."""
        check_template(payload)
        world, now = self._core.world, self._core.clock.now()
        with world.lock:
            known = world.find_template(account.id, str(payload["name"]), str(payload["language"]))
            if known is not None and status != "PENDING":
                known.payload, known.category = payload, payload["category"]
                known.status, known.reason = status, "NONE"
                return known
            if status == "PENDING":
                self._check_submission(account, payload, known, now)
            template = Template(
                id=world.number(),
                waba_id=account.id,
                payload=payload,
                status=status,
                category=payload["category"],
            )
            world.templates[template.id] = template
            self._core.changed()
        if status == "PENDING":
            self._approve_soon(template)
        return template

    def _check_submission(
        self, account: Account, payload: dict[str, Any], known: Template | None, now: datetime
    ) -> None:
        if known is not None:
            raise GraphError(100, "Content in this language already exists", subcode=EXISTS)
        gone = iso(now - NAME_BLOCKED)
        if any(
            one.waba_id == account.id and one.name == payload["name"] and one.deleted_at > gone
            for one in self._core.world.templates.values()
        ):
            raise GraphError(100, "this name was deleted and is blocked for 30 days", subcode=BEING_DELETED)
        names = {one.name for one in self._core.world.templates_of(account.id)}
        if len(names | {payload["name"]}) > NAMES:
            raise GraphError(100, f"the account has {NAMES} templates already")
        account.created = [one for one in account.created if one > now - timedelta(hours=1)]
        if len(account.created) >= CREATIONS_AN_HOUR:
            raise GraphError(80007, "too many templates were created in this hour", status=429)
        account.created.append(now)

    def _approve_soon(self, template: Template) -> None:
        if (wait := self._core.settings.approve_after) is not None:
            self._core.timeline.after(wait, lambda: self._approve(template))

    def _approve(self, template: Template) -> None:
        with self._core.world.lock:
            if template.status == "PENDING":
                self.moderate(template, "APPROVED")

    def moderate(self, template: Template, event: str, *, reason: str = "NONE", **more: Any) -> None:
        """Change a template's status as a reviewer would, with its webhook."""
        with self._core.world.lock:
            status = STATUS_OF.get(event, event)
            if reason == "INVALID_FORMAT":
                more.setdefault("rejection_info", ADVICE)
            if status is not None:
                template.status, template.reason = status, reason
            if event == "DELETED":
                template.deleted_at = iso(self._core.clock.now())
            self._core.changed()
            told = {"event": event, "reason": reason, "message_template_category": template.category}
            self._tell(template, "message_template_status_update", **(told | more))

    def rate(self, template: Template, quality: str) -> None:
        """Give a template a quality; RED pauses it for hours, and the third time disables it. Raises ValueError."""
        if quality not in QUALITIES:
            raise ValueError(f"a quality is one of {sorted(QUALITIES)}")
        with self._core.world.lock:
            previous, template.quality = template.quality, quality
            self._core.changed()
            self._tell(
                template,
                "message_template_quality_update",
                previous_quality_score=previous,
                new_quality_score=quality,
            )
            if quality == "RED" and template.status == "APPROVED":
                self._pause(template)

    def _pause(self, template: Template) -> None:
        template.pauses += 1
        if template.pauses > len(PAUSES):
            told = {"title": "DISABLED", "description": "Disabled after recurring low quality."}
            date = str(seconds(self._core.clock.now()))
            self.moderate(template, "DISABLED", other_info=told, disable_info={"disable_date": date})
            return
        title, hours = PAUSES[template.pauses - 1]
        told = {"title": title, "description": f"Paused for {hours} hours because of low quality."}
        self.moderate(template, "PAUSED", other_info=told)
        mine = template.pauses
        self._core.timeline.after(hours * 3600, lambda: self._unpause(template, mine))

    def _unpause(self, template: Template, pause: int) -> None:
        with self._core.world.lock:
            if template.status == "PAUSED" and template.pauses == pause:
                told = {"title": "UNPAUSE", "description": "The pause is over."}
                self.moderate(template, "APPROVED", other_info=told)

    def recategorise(self, template: Template, category: str, *, after: float = 0) -> None:
        """Move a template to another category, as the platform does without asking; `after` seconds, announced."""
        if not after:
            self._move(template, category)
            return
        with self._core.world.lock:
            self._tell(
                template,
                "template_category_update",
                new_category=template.category,
                correct_category=category,
                category_update_timestamp=seconds(self._core.clock.now() + timedelta(seconds=after)),
            )
        self._core.timeline.after(after, lambda: self._move(template, category))

    def _move(self, template: Template, category: str) -> None:
        with self._core.world.lock:
            previous, template.category = template.category, category
            self._core.changed()
            self._tell(template, "template_category_update", previous_category=previous, new_category=category)

    def edit(self, template: Template, untrusted: dict[str, Any]) -> None:
        """Replace the components; the template goes back to review. Raises GraphError."""
        changes = {
            name: untrusted[name]
            for name in ("components", "category", "parameter_format", "message_send_ttl_seconds")
            if name in untrusted
        }
        if not changes:
            raise GraphError(100, "nothing to edit: components, category or message_send_ttl_seconds")
        with self._core.world.lock:
            now = self._core.clock.now()
            if template.status not in EDITABLE:
                raise GraphError(100, "only an approved, rejected or paused template can be edited")
            if template.status == "APPROVED" and changes.get("category", template.category) != template.category:
                raise GraphError(100, "the category of an approved template cannot be edited")
            if template.status == "APPROVED" and any(
                sum(1 for at in template.edits if at > iso(now - span)) >= most for span, most in EDITS
            ):
                raise GraphError(100, "an approved template can be edited once in 24 hours and 10 times in 30 days")
            payload = check_template(template.payload | changes)
            template.edits.append(iso(now))
            template.payload, template.category, template.status = payload, payload["category"], "PENDING"
            self._core.changed()
        self._approve_soon(template)

    def _tell(self, template: Template, field: str, **more: Any) -> None:
        language = template.language
        if self._core.deliveries.knobs.hyphen_language:
            language = language.replace("_", "-")
        value = {
            "message_template_id": int(template.id),
            "message_template_name": template.name,
            "message_template_language": language,
        }
        account = self._core.businesses.accounts.get(template.waba_id)
        if account is not None:
            self._core.emit(field, value | more, account=account)
