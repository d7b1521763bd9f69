"""Rules about buttons and the addresses behind them.

Source: WhatsApp Business Platform, message templates: components (buttons), template review (as of 2026-09).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from urllib.parse import urlsplit

from notifications.whatsapp.linting.complaints import Code, Complaint
from notifications.whatsapp.linting.reading import Button, Submission
from notifications.whatsapp.linting.wording import VARIABLE, characters

MOST_BUTTONS = 10
MOST: Mapping[str, int] = MappingProxyType(
    {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "OTP": 1, "QUICK_REPLY": 10, "FLOW": 1, "VOICE_CALL": 1}
)
"""Buttons of one kind that a template may have."""
LABEL_MAX, URL_MAX = 25, 2000
ROOM = 256
"""Characters of an address that stay free for what fills its variable."""
SHORTENERS = frozenset(
    re.findall(
        r"\S+",
        "bit.ly tinyurl.com goo.gl t.co ow.ly is.gd buff.ly cutt.ly rebrand.ly t.ly shorturl.at rb.gy lnkd.in v.gd"
        " tiny.cc acortar.link s.id bl.ink short.io shorturl.com encurtador.com.br",
    )
)
CHATS = ("wa.me", "whatsapp.com", "whatsapp.net")


def pressing(submission: Submission) -> Iterator[Complaint]:
    """Yield what is wrong with the buttons."""
    buttons = submission.buttons
    kinds = Counter(button.kind for button in buttons)
    if len(buttons) > MOST_BUTTONS or any(count > MOST.get(kind, count) for kind, count in kinds.items()):
        yield Complaint(code=Code.BUTTONS_MANY, place="buttons")
    if len(list(groupby(buttons, key=lambda button: button.kind == "QUICK_REPLY"))) > 2:
        yield Complaint(code=Code.BUTTONS_MIXED, place="buttons")
    labels = Counter(button.label.strip().casefold() for button in buttons if button.label)
    if any(count > 1 for count in labels.values()):
        yield Complaint(code=Code.LABEL_TWICE, place="buttons")
    for button in buttons:
        yield from _button(button)


def _button(button: Button) -> Iterator[Complaint]:
    if button.kind not in MOST:
        yield Complaint(code=Code.BUTTON_UNKNOWN, place=button.place, found=button.kind[:20])
    if button.kind != "COPY_CODE":  # whose label the platform writes
        place = f"{button.place}.text"
        yield from characters(place, button.label, most=LABEL_MAX, plain=True)
        if re.search(r"\{\{|\}\}", button.label):
            yield Complaint(code=Code.VARIABLE_FORBIDDEN, place=place)
    if button.kind == "URL":
        yield from _address(button)


def _address(button: Button) -> Iterator[Complaint]:
    place, url = f"{button.place}.url", button.url
    fixed = VARIABLE.sub("", url)
    if not is_address(fixed):
        yield Complaint(code=Code.URL, place=place)
    variables = VARIABLE.findall(url)
    if len(url) > (URL_MAX - ROOM if variables else URL_MAX):
        yield Complaint(code=Code.URL_LENGTH, place=place, found=str(URL_MAX))
    if re.search(r"[{}]", fixed) or (variables and not re.fullmatch(r"[^{}]*[/=]\{\{1\}\}", url)):
        yield Complaint(code=Code.URL_VARIABLE, place=place)
    yield from _samples(button, fixed, bool(variables))
    host = host_of(fixed)
    if host.removeprefix("www.") in SHORTENERS:
        yield Complaint(code=Code.URL_SHORTENER, place=place, found=host)
    if any(host == chat or host.endswith("." + chat) for chat in CHATS):
        yield Complaint(code=Code.URL_WHATSAPP, place=place, found=host)
    if fixed.startswith("http://") and not (host in {"localhost", "127.0.0.1"} or host.endswith(".localhost")):
        yield Complaint(code=Code.URL_INSECURE, place=place)


def _samples(button: Button, fixed: str, variable: bool) -> Iterator[Complaint]:
    if not variable:
        return
    if len(button.samples) != 1 or not button.samples[0].strip():
        yield Complaint(code=Code.SAMPLE_MISSING, place=f"{button.place}.example")
    elif "://" in button.samples[0] and not (button.samples[0].startswith(fixed) and button.samples[0] != fixed):
        yield Complaint(code=Code.URL_SAMPLE, place=f"{button.place}.example")


def is_address(text: str) -> bool:
    """Tell whether `text` is a web address that a button can open."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and parts.hostname is not None and parts.username is None
        return known and parts.port != 0 and re.fullmatch(r"[!-~]+", text) is not None
    except ValueError:
        return False


def host_of(text: str) -> str:
    """Return the host of an address in lower case; empty when there is none."""
    try:
        return (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""
