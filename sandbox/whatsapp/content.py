"""Checks what a message says as the Graph API documents it, and fills templates in.

Tolerant where the platform is: type names in any case, the button index as text or number, components in any order.
"""

import re
from dataclasses import dataclass
from typing import Any

from sandbox.whatsapp import authentication
from sandbox.whatsapp.entities import Template
from sandbox.whatsapp.problems import GraphError

VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
URL_MAX, PAYLOAD_MAX = 2000, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the customer will see."""

    kind: str
    text: str
    header: str = ""
    footer: str = ""
    label: str = ""
    url: str = ""
    code: str = ""
    """What the button of an authentication template copies."""
    buttons: tuple[dict[str, str], ...] = ()
    """Further buttons: quick replies (`label`, `payload`) and links (`label`, `url`)."""


def rendered(template: Template, untrusted_components: object) -> Content:
    """Fill `template` in. Raises GraphError with the documented code for every mismatch."""
    given = _by_type(untrusted_components)
    if template.category == "AUTHENTICATION":
        shown = authentication.fill(template.language, template.payload["components"], given)
        content = Content(
            kind="template",
            text=shown["text"],
            footer=shown.get("footer", ""),
            label=shown["label"],
            code=shown["code"],
        )
        return _complete(content, given)
    named = str(template.payload.get("parameter_format", "POSITIONAL")).upper() == "NAMED"
    text = header = footer = ""
    buttons: list[dict[str, str]] = []
    for part in template.payload.get("components", []):
        kind = str(part.get("type", "")).lower()
        if kind == "body":
            text = _filled("body", part["text"], given.pop("body", []), named)
        elif kind == "header" and str(part.get("format", "TEXT")).upper() == "TEXT":
            header = _filled("header", part["text"], given.pop("header", []), named)
        elif kind == "footer":
            footer = part["text"]
        elif kind == "buttons":
            buttons = [_button(index, button, given) for index, button in enumerate(part["buttons"])]
    first = next((button for button in buttons if "url" in button), {"label": "", "url": ""})
    more = tuple(button for button in buttons if button is not first)
    content = Content(
        kind="template",
        text=text,
        header=header,
        footer=footer,
        label=first["label"],
        url=first["url"],
        buttons=more,
    )
    return _complete(content, given)


def _complete(content: Content, left_over: dict[str, list[Any]]) -> Content:
    if left_over:
        raise GraphError(132018, f"the template has no place for: {', '.join(sorted(left_over))[:120]}")
    if len(content.text) > 1024:
        raise GraphError(132005, f"Translated text too long: {len(content.text)}")
    return content


def free_form(kind: str, message: dict[str, Any]) -> Content:
    """Read a text, or an interactive message with a link or with reply buttons. Raises GraphError."""
    if kind not in {"text", "interactive"}:
        raise GraphError(100, f"type {kind[:20]!r} is not supported by this simulator")
    node = message.get(kind)
    if not isinstance(node, dict):
        raise GraphError(131008, f"Parameter '{kind}' is mandatory for type '{kind}'")
    if kind == "text":
        return Content(kind="text", text=_limited(node.get("body"), "text.body", 4096))
    try:
        return _interactive(node)
    except (KeyError, TypeError, AttributeError):
        raise GraphError(131008, "interactive needs type, body.text and action") from None


def _interactive(node: dict[str, Any]) -> Content:
    action = node["action"]
    url = label = ""
    buttons: tuple[dict[str, str], ...] = ()
    match str(node["type"]).lower():
        case "cta_url":
            if action.get("name") != "cta_url":
                raise GraphError(131009, "action.name must be cta_url")
            label = _limited(action["parameters"]["display_text"], "action.parameters.display_text", 20)
            url = _limited(action["parameters"]["url"], "action.parameters.url", URL_MAX)
            if not re.match(r"https?://\S+$", url):
                raise GraphError(131009, "action.parameters.url is not a valid URL")
        case "button":
            buttons = tuple(_reply_button(button["reply"]) for button in action["buttons"])
            distinct = (len({button[name] for button in buttons}) == len(buttons) for name in ("payload", "label"))
            if not 1 <= len(buttons) <= 3 or not all(distinct):
                raise GraphError(131009, "action.buttons must be 1 to 3, each with an id and a title of its own")
        case _:
            raise GraphError(131009, "interactive.type is not supported by this simulator")
    header = node.get("header") or {"type": "text", "text": ""}
    if header.get("type") != "text":
        raise GraphError(131009, "header.type is not supported by this simulator")
    return Content(
        kind="interactive",
        text=_limited(node["body"]["text"], "body.text", 1024),
        header=_limited(header["text"], "header.text", 60, least=0),
        footer=_limited((node.get("footer") or {"text": ""})["text"], "footer.text", 60, least=0),
        label=label,
        url=url,
        buttons=buttons,
    )


def _reply_button(reply: dict[str, Any]) -> dict[str, str]:
    payload = _limited(reply["id"], "reply.id", PAYLOAD_MAX)
    return {"label": _limited(reply["title"], "reply.title", 20), "payload": payload}


def _by_type(untrusted: object) -> dict[str, list[Any]]:
    """Return the parameters of each component; buttons as `button:<sub_type>:<index>`."""
    given: dict[str, list[Any]] = {}
    for component in untrusted if isinstance(untrusted, list) else []:
        if not isinstance(component, dict) or not isinstance(component.get("parameters"), list):
            raise GraphError(100, "Invalid parameter: components")
        kind = str(component.get("type", "")).lower()
        if kind == "button":
            index = str(component.get("index", ""))
            if not index.isdecimal():
                raise GraphError(131008, "Parameter of type button is missing index")
            kind = f"button:{str(component.get('sub_type', '')).lower()}:{int(index)}"
        if kind in given:
            raise GraphError(100, f"Invalid parameter: components hold {kind[:40]} twice")
        given[kind] = component["parameters"]
    return given


def _filled(where: str, text: str, untrusted_parameters: list[Any], named: bool) -> str:
    names = list(dict.fromkeys(VARIABLE.findall(text)))
    if len(untrusted_parameters) != len(names):
        raise GraphError(
            132000,
            f"{where}: number of localizable_params ({len(untrusted_parameters)}) does not match the expected "
            f"number of params ({len(names)})",
        )
    values: dict[str, str] = {}
    for place, parameter in enumerate(untrusted_parameters):
        value = _text_of(where, parameter)
        name = parameter.get("parameter_name")
        if named and name not in names:
            raise GraphError(132012, f"{where}: Parameter name is missing or unknown")
        if not named and name is not None:
            raise GraphError(132012, f"{where}: the template takes parameters by position")
        values[name if named else names[place]] = value
    if set(values) != set(names):
        raise GraphError(132012, f"{where}: a parameter was given twice")
    return VARIABLE.sub(lambda found: values[found[1]], text)


def _text_of(where: str, untrusted: object) -> str:
    if not isinstance(untrusted, dict) or str(untrusted.get("type", "")).lower() != "text":
        raise GraphError(132012, f"{where}: expected a parameter of type TEXT")
    text = untrusted.get("text")
    if not isinstance(text, str) or not text:
        raise GraphError(131008, "Parameter of type text is missing text value")
    if re.search(r"[\n\r\t]| {5,}", text):
        raise GraphError(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return text


def _button(index: int, button: dict[str, Any], given: dict[str, list[Any]]) -> dict[str, str]:
    label = str(button.get("text", ""))
    match str(button.get("type", "")).upper():
        case "URL":
            return {"label": label, "url": _url(index, str(button["url"]), given)}
        case "QUICK_REPLY":
            parameters = given.pop(f"button:quick_reply:{index}", [{"type": "payload", "payload": label}])
            return {"label": label, "payload": _payload(parameters)}
        case "PHONE_NUMBER":
            return {"label": label, "url": f"tel:{button.get('phone_number', '')}"}
        case _:
            return {"label": label}


def _url(index: int, url: str, given: dict[str, list[Any]]) -> str:
    if "{{1}}" in url:
        parameters = given.pop(f"button:url:{index}", None)
        if not parameters:
            raise GraphError(131008, f"Required parameter is missing: buttons: Button at index {index} of type Url")
        if len(parameters) != 1:
            raise GraphError(
                132000,
                f"buttons: Button at index {index} of type Url: number of localizable_params ({len(parameters)}) does "
                "not match the expected number of params (1)",
            )
        suffix = _text_of("buttons", parameters[0])
        if "parameter_name" in parameters[0]:
            raise GraphError(132012, "buttons: the parameter of a URL button has no name")
        url = url.replace("{{1}}", suffix)
    if len(url) > URL_MAX:
        raise GraphError(131008, f"buttons: the URL may not be longer than {URL_MAX} characters")
    return url


def _payload(untrusted_parameters: list[Any]) -> str:
    given = untrusted_parameters[0] if len(untrusted_parameters) == 1 else None
    if not isinstance(given, dict) or str(given.get("type", "")).lower() != "payload":
        raise GraphError(132012, "buttons: a quick reply takes one parameter of type payload")
    return _limited(given.get("payload"), "payload", PAYLOAD_MAX)


def _limited(untrusted: object, where: str, most: int, *, least: int = 1) -> str:
    if not isinstance(untrusted, str) or not least <= len(untrusted) <= most:
        raise GraphError(131009, f"{where} must have {least} to {most} characters")
    return untrusted
