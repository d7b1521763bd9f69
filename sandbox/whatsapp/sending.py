"""What the business sends: checked as the real platform checks it, accepted, and handed to the ladder of statuses."""

from typing import Any

from sandbox.whatsapp.business import Account, Number
from sandbox.whatsapp.content import Content, free_form, rendered
from sandbox.whatsapp.core import Core
from sandbox.whatsapp.entities import Message, Phone, Template, iso
from sandbox.whatsapp.limits import Limits
from sandbox.whatsapp.numbers import wa_id_of
from sandbox.whatsapp.problems import GraphError, unknown_object
from sandbox.whatsapp.statuses import Statuses

WINDOW_CLOSED, IDENTITY_MISMATCH, NOT_REGISTERED = 131047, 137000, 133010
RESTRICTED, LOCKED = 368, 131031
OPAQUE_MAX = 512
HELD = {"held_for_quality_assessment", "paused"}
REFUSING = {"PAUSED": 132015, "DISABLED": 132016}
"""What a template that was approved once answers; any other one that is not approved does not exist."""


class Sending:
    """Messages from the business to phones."""

    def __init__(self, core: Core, statuses: Statuses) -> None:
        """Act on the world of `core`."""
        self.limits = Limits()
        self._core, self._statuses = core, statuses

    def reset(self) -> None:
        """Forget what was sent, and switch every limit off."""
        self.limits = Limits()

    def send(self, number: Number, untrusted: dict[str, Any]) -> dict[str, Any]:
        """Accept a message as `POST /{phone}/messages` does. Raises GraphError."""
        opaque = _checked_frame(untrusted)
        with self._core.world.lock:
            account = self._core.businesses.account_of(number)
            self._check_business(number, account)
            kind = str(untrusted.get("type", "text")).lower()
            content, template = self._content(kind, untrusted, account)
            phone, shown = self._recipient(number, untrusted)
            if content.code and not untrusted.get("to"):
                raise GraphError(131062, "authentication templates need a phone number")
            _check_identity(phone, untrusted.get("recipient_identity_key_hash"))
            in_window = phone.windows.get(number.id, "") > iso(self._core.clock.now())
            self.limits.meet(
                account=account.id,
                number=number.id,
                wa_id=phone.wa_id,
                most=account.limit,
                in_window=in_window,
                now=self._core.clock.now(),
            )
            message = self._add(phone, number, content, template)
            message.opaque, message.reply_to = opaque, str((untrusted.get("context") or {}).get("message_id", ""))
            answered = self.limits.rules.message_status
            if answered not in HELD:
                self._statuses.climb(message, phone, 0 if template or in_window else WINDOW_CLOSED)
        contact = {"input": shown, "user_id": phone.user_id} if phone.hides_number else {"input": shown}
        return {
            "messaging_product": "whatsapp",
            "contacts": [contact if phone.hides_number else contact | {"wa_id": phone.wa_id}],
            "messages": [{"id": message.wamid} | ({"message_status": answered} if answered else {})],
        }

    def _check_business(self, number: Number, account: Account) -> None:
        if number.status != "CONNECTED":
            raise GraphError(NOT_REGISTERED, "The phone number is not registered on the platform")
        if account.disabled:
            raise GraphError(LOCKED, "The account is locked or disabled", status=403)
        if account.restricted_until and account.restricted_until > self._core.clock.now():
            raise GraphError(RESTRICTED, "The account is restricted for policy violations", status=403)

    def _recipient(self, number: Number, untrusted: dict[str, Any]) -> tuple[Phone, str]:
        to, recipient = untrusted.get("to"), untrusted.get("recipient")
        if isinstance(to, str) and to:
            rewrite = self._core.settings.rewrite_numbers
            return self._core.world.phone(wa_id_of(to, country_code=number.country_code, rewrite=rewrite)), to
        if isinstance(recipient, str) and recipient:
            known = next((phone for phone in self._core.world.phones.values() if phone.user_id == recipient), None)
            if known is None:
                raise unknown_object(recipient)
            return known, recipient
        raise GraphError(100, "The parameter to is required.")

    def _content(self, kind: str, untrusted: dict[str, Any], account: Account) -> tuple[Content, Template | None]:
        if kind != "template":
            return free_form(kind, untrusted), None
        node = untrusted.get("template")
        if not isinstance(node, dict) or not isinstance(node.get("language"), dict):
            raise GraphError(131008, "template needs name and language.code")
        name, language = str(node.get("name", "")), str(node["language"].get("code", ""))
        template = self._core.world.find_template(account.id, name, language)
        if template is not None and template.status in REFUSING:
            raise GraphError(REFUSING[template.status])
        if template is None or template.status != "APPROVED":
            details = f"template name ({name[:80]}) does not exist in {language[:12]}"
            raise GraphError(132001, details, status=404)
        return rendered(template, node.get("components", [])), template

    def _add(self, phone: Phone, number: Number, content: Content, template: Template | None) -> Message:
        now = self._core.clock.now()
        message = Message(
            wamid=self._core.world.wamid(phone.wa_id),
            wa_id=phone.wa_id,
            number_id=number.id,
            from_business=True,
            kind=content.kind,
            at=iso(now),
            text=content.text,
            header=content.header,
            footer=content.footer,
            label=content.label,
            url=content.url,
            code=content.code,
            buttons=list(content.buttons),
            template=template.id if template else "",
            expires=iso(now + template.life) if template else "",
        )
        self._core.world.add(message)
        self._core.changed()
        return message


def _checked_frame(untrusted: dict[str, Any]) -> str:
    """Check what every message carries; return `biz_opaque_callback_data`. Raises GraphError 100."""
    if untrusted.get("messaging_product") != "whatsapp":
        raise GraphError(100, "The parameter messaging_product is required.")
    if untrusted.get("recipient_type", "individual") != "individual":
        raise GraphError(100, "recipient_type must be individual")
    opaque = untrusted.get("biz_opaque_callback_data", "")
    if not isinstance(opaque, str) or len(opaque) > OPAQUE_MAX:
        raise GraphError(100, f"biz_opaque_callback_data may not be longer than {OPAQUE_MAX} characters")
    if not isinstance(untrusted.get("context") or {}, dict):
        raise GraphError(100, "context must be an object")
    return opaque


def _check_identity(phone: Phone, untrusted_hash: object) -> None:
    if untrusted_hash is not None and untrusted_hash != phone.identity:
        raise GraphError(IDENTITY_MISMATCH)
