"""Bodies written by hand from the platform's documentation: no client of ours stands between test and simulator."""

from typing import Any

from tests.sandbox.whatsapp.stage import ANA

NAME = "aviso_v1"
BODY_TEXT = "Hola {{1}}, hay un paso pendiente en tu trámite {{2}}. Míralo en el portal."
URL = "https://docs.aurora.example/s/{{1}}"


def a_template(**changes: Any) -> dict[str, Any]:
    """Return a template with two variables, a link and a quick reply."""
    buttons = [
        {"type": "URL", "text": "Abrir portal", "url": URL, "example": ["abc"]},
        {"type": "QUICK_REPLY", "text": "No quiero avisos"},
    ]
    body = {"type": "BODY", "text": BODY_TEXT, "example": {"body_text": [["Ana", "Crédito 4711"]]}}
    template = {
        "name": NAME,
        "language": "es_MX",
        "category": "UTILITY",
        "parameter_format": "POSITIONAL",
        "components": [body, {"type": "BUTTONS", "buttons": buttons}],
    }
    return template | changes


def a_message(**changes: Any) -> dict[str, Any]:
    """Return the body that sends that template to Ana."""
    texts = [{"type": "text", "text": "Ana"}, {"type": "text", "text": "Crédito 4711"}]
    link = [{"type": "text", "text": "tok-1"}]
    components = [
        {"type": "body", "parameters": texts},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": link},
    ]
    message = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ANA,
        "type": "template",
        "template": {"name": NAME, "language": {"code": "es_MX"}, "components": components},
    }
    return message | changes


def a_text(text: str = "hola", **changes: Any) -> dict[str, Any]:
    """Return the body that sends a free text to Ana."""
    return {"messaging_product": "whatsapp", "to": ANA, "type": "text", "text": {"body": text}} | changes
