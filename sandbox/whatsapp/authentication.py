"""Authentication templates (copy code) as the platform treats them: it writes the words, and the code comes twice.

Strict where the real review and the real send are: no text, header, link or media of one's own; one OTP button; the
code has 1 to 15 characters and is the same in the body and in the button.
"""

from typing import Any

from sandbox.whatsapp.problems import GraphError

_BODIES = {
    "en": ("{code} is your verification code.", " For your security, do not share this code."),
    "es": ("{code} es tu código de verificación.", " Por tu seguridad, no lo compartas."),
    "pt": ("Seu código de verificação é {code}.", " Para sua segurança, não o compartilhe."),
}
_FOOTERS = {
    "en": "This code expires in {minutes} minutes.",
    "es": "Este código caduca en {minutes} minutos.",
    "pt": "Este código expira em {minutes} minutos.",
}
LONGEST_CODE = 15
TTL = range(30, 901)


def check(payload: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """Check an authentication template that is being submitted. Raises GraphError 100."""
    kinds = [str(part.get("type", "")).upper() for part in parts]
    if sorted(kinds) not in (["BODY", "BUTTONS"], ["BODY", "BUTTONS", "FOOTER"]):
        raise GraphError(100, "an authentication template has a BODY, BUTTONS and perhaps a FOOTER, nothing else")
    if str(payload["language"]).split("_")[0] not in _BODIES:
        raise GraphError(100, "this simulator knows authentication templates in en, es and pt")
    for kind, part in zip(kinds, parts, strict=True):
        if "text" in part or "example" in part:
            raise GraphError(100, f"the {kind} of an authentication template takes no text of your own")
        if kind == "BODY" and not isinstance(part.get("add_security_recommendation", False), bool):
            raise GraphError(100, "add_security_recommendation is true or false")
        if kind == "FOOTER" and part.get("code_expiration_minutes") not in range(1, 91):
            raise GraphError(100, "code_expiration_minutes is 1 to 90")
        if kind == "BUTTONS":
            _check_buttons(part.get("buttons"))
    if payload.get("message_send_ttl_seconds", 600) not in TTL:
        raise GraphError(100, "message_send_ttl_seconds of an authentication template is 30 to 900")


def _check_buttons(untrusted: object) -> None:
    buttons = untrusted if isinstance(untrusted, list) else []
    if len(buttons) != 1 or not isinstance(buttons[0], dict) or str(buttons[0].get("type", "")).upper() != "OTP":
        raise GraphError(100, "an authentication template has exactly one OTP button")
    if str(buttons[0].get("otp_type", "")).upper() != "COPY_CODE":
        raise GraphError(100, "otp_type is not supported by this simulator: COPY_CODE")
    if not 0 < len(str(buttons[0].get("text", "Copy code"))) <= 25:
        raise GraphError(100, "the label of a button has 1 to 25 characters")


def fill(language: str, parts: list[dict[str, Any]], given: dict[str, list[Any]]) -> dict[str, str]:
    """Return text, footer, label and code of a message. Takes its parameters out of `given`. Raises GraphError."""
    primary = language.split("_")[0]
    code = _code(given.pop("body", []), "body")
    if _code(given.pop("button:url:0", []), "buttons") != code:
        raise GraphError(132018, "buttons: the code differs from the one in the body")
    shown = {"code": code}
    for part in parts:
        match str(part.get("type", "")).upper():
            case "BODY":
                text, advice = _BODIES[primary]
                shown["text"] = text.format(code=code) + (advice if part.get("add_security_recommendation") else "")
            case "FOOTER":
                shown["footer"] = _FOOTERS[primary].format(minutes=part["code_expiration_minutes"])
            case "BUTTONS":
                shown["label"] = str(part["buttons"][0].get("text", "Copy code"))
    return shown


def _code(untrusted_parameters: list[Any], where: str) -> str:
    if len(untrusted_parameters) != 1 or not isinstance(untrusted_parameters[0], dict):
        raise GraphError(132000, f"{where}: an authentication template takes exactly one parameter")
    kind, code = str(untrusted_parameters[0].get("type", "")).lower(), untrusted_parameters[0].get("text")
    if kind != "text" or not isinstance(code, str) or not 0 < len(code) <= LONGEST_CODE or not code.isalnum():
        raise GraphError(132018, f"{where}: a code has 1 to {LONGEST_CODE} letters or digits")
    return code
