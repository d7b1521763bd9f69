"""Checks a template that a business submits, as the platform's first, automatic review does.

Source of the limits: message template components of the platform's documentation, as of 2026-11.
"""

import itertools
import re
from typing import Any

from sandbox.whatsapp import authentication
from sandbox.whatsapp.content import URL_MAX, VARIABLE
from sandbox.whatsapp.problems import GraphError

BODY_MAX, HEADER_MAX, FOOTER_MAX, LABEL_MAX = 1024, 60, 60, 25
BUTTONS_MAX, URLS_MAX, PHONES_MAX = 10, 2, 1
TTL = {"UTILITY": range(30, 43_201), "MARKETING": range(43_200, 2_592_001)}
EDGES, CROWDED, NO_EXAMPLE = 2388299, 2388293, 2388043
CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")
PARTS = {"HEADER", "BODY", "FOOTER", "BUTTONS"}


def check_template(untrusted: object) -> dict[str, Any]:
    """Return a template that may be reviewed. Raises GraphError 100 with the documented subcodes."""
    if not isinstance(untrusted, dict):
        raise GraphError(100, "Invalid parameter")
    name, language = untrusted.get("name"), untrusted.get("language")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]{1,512}", name):
        raise GraphError(100, "name is required and holds a-z, 0-9 and _")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2,3})?", language):
        raise GraphError(100, "language is required, as es or es_MX")
    if untrusted.get("category") not in CATEGORIES:
        raise GraphError(100, "category must be one of UTILITY, MARKETING, AUTHENTICATION")
    parts = _parts(untrusted.get("components"))
    if untrusted["category"] == "AUTHENTICATION":
        authentication.check(untrusted, list(parts.values()))
        return untrusted
    _check_life(untrusted)
    named = _named(untrusted.get("parameter_format", "POSITIONAL"))
    _check_body(parts["BODY"], named)
    if "HEADER" in parts:
        _check_header(parts["HEADER"], named)
    if "FOOTER" in parts:
        _check_footer(parts["FOOTER"])
    _check_buttons(parts.get("BUTTONS", {"buttons": []}).get("buttons"))
    return untrusted


def _parts(untrusted: object) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for part in untrusted if isinstance(untrusted, list) else []:
        kind = str(part.get("type", "")).upper() if isinstance(part, dict) else ""
        if kind not in PARTS or kind in parts:
            raise GraphError(100, "components are one BODY and at most one each of HEADER, FOOTER, BUTTONS")
        parts[kind] = part
    if "BODY" not in parts:
        raise GraphError(100, "a template has exactly one BODY")
    return parts


def _named(untrusted_format: object) -> bool:
    if str(untrusted_format).upper() not in {"POSITIONAL", "NAMED"}:
        raise GraphError(100, "parameter_format is POSITIONAL or NAMED")
    return str(untrusted_format).upper() == "NAMED"


def _check_life(untrusted: dict[str, Any]) -> None:
    life = untrusted.get("message_send_ttl_seconds", -1)
    if life != -1 and (type(life) is not int or life not in TTL[untrusted["category"]]):
        raise GraphError(100, "message_send_ttl_seconds is outside the range of its category")


def _check_variables(where: str, text: str, named: bool) -> list[str]:
    """Return the variables of a text, each once. Raises GraphError 100."""
    variables = list(dict.fromkeys(VARIABLE.findall(text)))
    pattern = r"[a-z][a-z0-9_]*" if named else r"[1-9][0-9]*"
    in_order = named or sorted(variables) == sorted(str(place + 1) for place in range(len(variables)))
    if not in_order or not all(re.fullmatch(pattern, name) for name in variables):
        kinds = "names of a-z, 0-9 and _" if named else "numbers from 1 on, none left out"
        raise GraphError(100, f"the variables of the {where} are {kinds}")
    if "{{" in VARIABLE.sub("", text) or "}}" in VARIABLE.sub("", text):
        raise GraphError(100, f"the {where} holds braces that are no variable")
    return variables


def _check_example(where: str, variables: list[str], example: object, key: str, named: bool) -> None:
    told = example if isinstance(example, dict) else {}
    if named:
        rows = told.get(f"{key}_named_params")
        given = {row.get("param_name") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
        complete = given == set(variables)
    else:
        rows = told.get(key)
        first = rows[0] if isinstance(rows, list) and rows else []
        given_rows = first if key == "body_text" else rows
        complete = isinstance(given_rows, list) and len(given_rows) == len(variables) and all(given_rows)
    if variables and not complete:
        raise GraphError(100, f"every variable of the {where} needs an example", subcode=NO_EXAMPLE)


def _check_body(body: dict[str, Any], named: bool) -> None:
    text = body.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= BODY_MAX:
        raise GraphError(100, f"the body has 1 to {BODY_MAX} characters")
    variables = _check_variables("body", text, named)
    if re.search(r"^\s*\{\{|\}\}\s*$", text):
        raise GraphError(100, "Variables can't be at the start or end of the template.", subcode=EDGES)
    crowded = len(VARIABLE.sub(" ", text).split()) < 2 * len(VARIABLE.findall(text)) + 1
    if re.search(r"\}\}\s*\{\{", text) or crowded:
        raise GraphError(100, "This template has too many variables for its length.", subcode=CROWDED)
    _check_example("body", variables, body.get("example"), "body_text", named)


def _check_header(header: dict[str, Any], named: bool) -> None:
    if str(header.get("format", "TEXT")).upper() != "TEXT":
        raise GraphError(100, "this simulator knows headers of text only")
    text = header.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= HEADER_MAX or "\n" in text:
        raise GraphError(100, f"the header has 1 to {HEADER_MAX} characters, in one line")
    variables = _check_variables("header", text, named)
    if len(variables) > 1:
        raise GraphError(100, "the header takes one variable")
    _check_example("header", variables, header.get("example"), "header_text", named)


def _check_footer(footer: dict[str, Any]) -> None:
    text = footer.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= FOOTER_MAX or "{{" in text:
        raise GraphError(100, f"the footer has 1 to {FOOTER_MAX} characters and no variable")


def _check_buttons(untrusted: object) -> None:
    if not isinstance(untrusted, list) or not all(isinstance(button, dict) for button in untrusted):
        raise GraphError(100, "buttons must be a list of objects")
    buttons: list[dict[str, Any]] = untrusted
    kinds = [str(button.get("type", "")).upper() for button in buttons]
    if set(kinds) - {"URL", "QUICK_REPLY", "PHONE_NUMBER"}:
        raise GraphError(100, "this simulator knows buttons of type URL, QUICK_REPLY and PHONE_NUMBER")
    if len(kinds) > BUTTONS_MAX or kinds.count("URL") > URLS_MAX or kinds.count("PHONE_NUMBER") > PHONES_MAX:
        raise GraphError(100, f"at most {BUTTONS_MAX} buttons, {URLS_MAX} of them links, {PHONES_MAX} a phone number")
    quick = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(a != b for a, b in itertools.pairwise(quick)) > 1:
        raise GraphError(100, "quick replies stand together, before or after the other buttons")
    for button in buttons:
        label = button.get("text")
        if not isinstance(label, str) or not 0 < len(label) <= LABEL_MAX or "{{" in label:
            raise GraphError(100, f"the label of a button has 1 to {LABEL_MAX} characters and no variable")
        if str(button["type"]).upper() == "URL":
            _check_url(button)


def _check_url(button: dict[str, Any]) -> None:
    url = str(button.get("url", ""))
    variables = VARIABLE.findall(url)
    if not re.match(r"https?://[^/{}\s]+", url) or len(url) > URL_MAX:
        raise GraphError(100, f"a URL begins with http(s):// and a host, and has at most {URL_MAX} characters")
    if variables not in ([], ["1"]) or (variables and not url.endswith("{{1}}")):
        raise GraphError(100, "a URL takes one variable, {{1}}, at its end")
    if variables and not (isinstance(button.get("example"), list) and button["example"]):
        raise GraphError(100, "a URL with a variable needs an example", subcode=NO_EXAMPLE)
