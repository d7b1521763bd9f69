"""Checks a request to send as the Graph API documents it, and fills in the template.

Tolerant where the platform is: type names in any case, the button index as text or number, components in any order.
"""

import re
from dataclasses import dataclass
from typing import Any

from sandbox.whatsapp import authentication
from sandbox.whatsapp.problems import GraphError
from sandbox.whatsapp.world import Template

VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


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


def rendered(template: Template, untrusted_components: object) -> Content:
    """Fill `template` in. Raises GraphError with the documented code for every mismatch."""
    given = _by_type(untrusted_components)
    if template.category == "AUTHENTICATION":
        shown = authentication.fill(template.language, template.payload["components"], given)
        return _complete(Content(kind="template", **shown), given)
    named = str(template.payload.get("parameter_format", "POSITIONAL")).upper() == "NAMED"
    text = header = footer = label = url = ""
    for part in template.payload.get("components", []):
        kind = str(part.get("type", "")).lower()
        if kind == "body":
            text = _filled("body", part["text"], given.pop("body", []), named)
        elif kind == "header" and str(part.get("format", "TEXT")).upper() == "TEXT":
            header = _filled("header", part["text"], given.pop("header", []), named)
        elif kind == "footer":
            footer = part["text"]
        elif kind == "buttons":
            label, url = _button(part["buttons"], given)
    return _complete(Content(kind="template", text=text, header=header, footer=footer, label=label, url=url), given)


def _complete(content: Content, left_over: dict[str, list[Any]]) -> Content:
    if left_over:
        raise GraphError(132018, f"the template has no place for: {', '.join(sorted(left_over))[:120]}")
    if len(content.text) > 1024:
        raise GraphError(132005, f"Translated text too long: {len(content.text)}")
    return content


def free_form(kind: str, message: dict[str, Any]) -> Content:
    """Read a text or an interactive message with one link button."""
    node = message.get(kind)
    if not isinstance(node, dict):
        raise GraphError(131008, f"Parameter '{kind}' is mandatory for type '{kind}'")
    if kind == "text":
        return Content(kind="text", text=_limited(node.get("body"), "text.body", 4096))
    if str(node.get("type", "")).lower() != "cta_url":
        raise GraphError(131009, "interactive.type is not supported by this simulator")
    try:
        action = node["action"]["parameters"]
        body, label, url = node["body"]["text"], action["display_text"], action["url"]
        header = node.get("header", {}).get("text", "")
        footer = node.get("footer", {}).get("text", "")
    except (KeyError, TypeError, AttributeError):
        raise GraphError(131008, "interactive needs body.text and action.parameters") from None
    if not re.match(r"https?://\S+$", _limited(url, "action.parameters.url", 2000)):
        raise GraphError(131009, "action.parameters.url is not a valid URL")
    return Content(
        kind="interactive",
        text=_limited(body, "body.text", 1024),
        header=_limited(header, "header.text", 60, least=0),
        footer=_limited(footer, "footer.text", 60, least=0),
        label=_limited(label, "action.parameters.display_text", 20),
        url=url,
    )


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
            raise GraphError(132012, f"{where}: the template takes positional parameters")
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


def _button(buttons: list[dict[str, Any]], given: dict[str, list[Any]]) -> tuple[str, str]:
    for index, button in enumerate(buttons):
        if str(button.get("type", "")).upper() != "URL":
            continue
        url = str(button["url"])
        if "{{1}}" in url:
            parameters = given.pop(f"button:url:{index}", None)
            if not parameters:
                raise GraphError(131008, f"Required parameter is missing: buttons: Button at index {index} of type Url")
            url = url.replace("{{1}}", _text_of("buttons", parameters[0]))
        if len(url) > 2000:
            raise GraphError(131008, "buttons: the URL may not be longer than 2000 characters")
        return str(button["text"]), url
    return "", ""


def _limited(untrusted: object, where: str, most: int, *, least: int = 1) -> str:
    if not isinstance(untrusted, str) or not least <= len(untrusted) <= most:
        raise GraphError(131009, f"{where} must have {least} to {most} characters")
    return untrusted


def check_template(untrusted: object) -> dict[str, Any]:
    """Check a template that is being submitted. Raises GraphError 100 with the documented subcodes."""
    if not isinstance(untrusted, dict):
        raise GraphError(100, "Invalid parameter")
    name, language = untrusted.get("name"), untrusted.get("language")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]{1,512}", name) or not isinstance(language, str):
        raise GraphError(100, "name and language are required; names hold a-z, 0-9 and _")
    if untrusted.get("category") not in {"UTILITY", "MARKETING", "AUTHENTICATION"}:
        raise GraphError(100, "category must be one of UTILITY, MARKETING, AUTHENTICATION")
    parts = untrusted.get("components")
    parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    bodies = [part for part in parts if str(part.get("type", "")).upper() == "BODY"]
    if len(bodies) != 1:
        raise GraphError(100, "a template has exactly one BODY")
    if untrusted["category"] == "AUTHENTICATION":
        authentication.check(untrusted, parts)
        return untrusted
    _check_body(bodies[0])
    for part in parts:
        if str(part.get("type", "")).upper() == "FOOTER" and not 0 < len(str(part.get("text", ""))) <= 60:
            raise GraphError(100, "the footer has 1 to 60 characters")
        for button in part.get("buttons", []):
            _check_button(button)
    return untrusted


def _check_body(body: dict[str, Any]) -> None:
    text = body.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= 1024:
        raise GraphError(100, "the body has 1 to 1024 characters")
    variables = VARIABLE.findall(text)
    if re.search(r"^\s*\{\{|\}\}\s*$", text):
        raise GraphError(100, "Variables can't be at the start or end of the template.", subcode=2388299)
    if re.search(r"\}\}\s*\{\{", text) or len(VARIABLE.sub(" ", text).split()) < 2 * len(variables) + 1:
        raise GraphError(100, "This template has too many variables for its length.", subcode=2388293)
    example = body.get("example") or {}
    positional = (example.get("body_text") or [[]])[0]
    if variables and len(positional) != len(set(variables)) and not example.get("body_text_named_params"):
        raise GraphError(100, "every variable of the body needs an example", subcode=2388043)


def _check_button(button: dict[str, Any]) -> None:
    if not 0 < len(str(button.get("text", ""))) <= 25:
        raise GraphError(100, "the label of a button has 1 to 25 characters")
    if str(button.get("type", "")).upper() != "URL":
        return
    url = str(button.get("url", ""))
    variables = VARIABLE.findall(url)
    if len(variables) > 1 or (variables and not url.endswith("{{1}}")) or len(url) > 2000:
        raise GraphError(100, "a URL takes one variable, at its end")
    if variables and not button.get("example"):
        raise GraphError(100, "a URL with a variable needs an example")
