"""The platform's review of templates: submitted, approved, rejected, paused, moved to another category."""

from typing import Any

from sandbox.whatsapp.core import Core
from sandbox.whatsapp.problems import GraphError
from sandbox.whatsapp.validation import check_template
from sandbox.whatsapp.world import Template


class Reviews:
    """Templates of the account and what reviewers do to them."""

    def __init__(self, core: Core) -> None:
        """Act on the world of `core`."""
        self._core = core

    def register(self, payload: dict[str, Any], *, status: str = "PENDING") -> Template:
        """Submit a template, or with status APPROVED put it there as if it had been reviewed long ago."""
        check_template(payload)
        with self._core.world.lock:
            known = self._core.world.find_template(str(payload["name"]), str(payload["language"]))
            if known is not None and status == "PENDING":
                raise GraphError(100, "Content in this language already exists", subcode=2388024)
            if known is not None:
                known.payload, known.status = payload, status
                return known
            template = Template(
                id=self._core.world.number(), payload=payload, status=status, category=payload["category"]
            )
            self._core.world.templates[template.id] = template
            self._core.changed()
        if status == "PENDING":
            self._approve_soon(template)
        return template

    def _approve_soon(self, template: Template) -> None:
        if (wait := self._core.settings.approve_after) is not None:
            self._core.timeline.after(wait, lambda: self.moderate(template, "APPROVED", only_pending=True))

    def moderate(
        self, template: Template, event: str, *, reason: str = "NONE", only_pending: bool = False, **more: Any
    ) -> None:
        """Change a template's status as a reviewer would, with its webhook."""
        with self._core.world.lock:
            if only_pending and template.status != "PENDING":
                return
            template.status, template.reason = event, reason
            self._core.changed()
            value = {
                "event": event,
                "message_template_id": int(template.id),
                "message_template_name": template.name,
                "message_template_language": template.language,
                "reason": reason,
                **more,
            }
            self._core.emit("message_template_status_update", value)

    def recategorise(self, template: Template, category: str) -> None:
        """Move a template to another category, as the platform does without asking."""
        with self._core.world.lock:
            value = {
                "message_template_id": int(template.id),
                "message_template_name": template.name,
                "message_template_language": template.language,
                "previous_category": template.category,
                "new_category": category,
            }
            template.category = category
            self._core.changed()
            self._core.emit("template_category_update", value)

    def edit(self, template: Template, untrusted: dict[str, Any]) -> None:
        """Replace the components; the template goes back to review. Raises GraphError."""
        payload = check_template(template.payload | {"components": untrusted.get("components")})
        with self._core.world.lock:
            template.payload, template.status = payload, "PENDING"
            self._core.changed()
        self._approve_soon(template)
