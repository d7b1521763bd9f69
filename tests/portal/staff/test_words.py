"""Every code has words, every text is in three languages, and the placeholders agree."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from audit import Event
from audit.events import ActorKind
from audit.reporting import Finding
from intake.inspection.verdicts import Reason
from notifications.whatsapp.authentication import CODE
from notifications.whatsapp.errors import RULES, Disposition
from notifications.whatsapp.library import LANGUAGES, NAMES
from portal.staff import delivery_words, integration_words, template_words, vocabulary, words
from portal.web.application import PortalApp
from records.alarms import AlarmKind
from records.board import Group
from records.crm.deliveries import DeliveryState
from records.crm.subscribers import SubscriberKind, SubscriberState
from records.declining import DeclineReason
from records.messages import Channel, MessageState, Purpose, WaitReason
from records.outbox import Pile
from records.people import Role
from records.requests import RequestState, SlotState
from records.reviewing import ReturnReason
from records.templates import TemplateStatus

STAFF = Path(words.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
SLOT = re.compile(r"%\((\w+)\)s")


def texts() -> set[str]:
    """Every Spanish text of the console."""
    options = {"templates/**.html": {"extensions": "jinja2.ext.i18n"}}
    found = extract_from_dir(STAFF, METHODS, options, keywords=KEYWORDS)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


@pytest.mark.parametrize("language", ["en", "pt"])
def test_every_text_is_translated(language: str) -> None:
    with (STAFF / "translations" / f"{language}.po").open("rb") as source:
        catalogue = read_po(source)
    translated = {}
    for message in catalogue:
        original = message.id if isinstance(message.id, str) else message.id[0]
        translated[original] = message.string if isinstance(message.string, str) else " ".join(message.string)
    assert {text for text in texts() if not translated.get(text)} == set()
    assert {text for text in translated if text} - texts() == set(), "texts that nothing uses"
    for original, target in translated.items():
        if original:
            assert set(SLOT.findall(original)) == set(SLOT.findall(target)), original


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (vocabulary.GROUPS, Group),
        (vocabulary.ROLES, Role),
        (vocabulary.SLOTS, SlotState),
        (vocabulary.REQUESTS, RequestState),
        (vocabulary.MESSAGES, MessageState),
        (vocabulary.RETURNS, ReturnReason),
        (vocabulary.DECLINES, DeclineReason),
        (template_words.STATUSES, TemplateStatus),
        (template_words.LANGUAGES, LANGUAGES),
        (template_words.PURPOSES, (*NAMES, CODE)),
        (vocabulary.EVENTS, Event),
        (vocabulary.PROCESSES, ActorKind),
        (integration_words.KINDS, SubscriberKind),
        (integration_words.STATES, SubscriberState),
        (integration_words.DELIVERIES, DeliveryState),
        (vocabulary.FINDINGS, Finding),
        (delivery_words.WAITS, WaitReason),
        (delivery_words.PILES, Pile),
        (delivery_words.CHANNELS, Channel),
        (delivery_words.PURPOSES, Purpose),
        (delivery_words.ALARMS, AlarmKind),
    ],
)
def test_every_code_has_words(table: dict[str, object], codes: type) -> None:
    assert set(codes) - table.keys() == set()  # type: ignore[call-overload]


def test_every_refusal_of_the_inspection_has_words() -> None:
    assert {reason.value for reason in Reason} - vocabulary.REFUSALS.keys() == {"examined"}


def test_every_code_that_stops_messages_has_words() -> None:
    quiet = {Disposition.RETRY_LATER, Disposition.INBOUND_UNREADABLE, Disposition.BUG}
    permissions = set(map(str, range(200, 300)))
    codes = {str(code) for code, rule in RULES.items() if rule.disposition not in quiet} - permissions
    assert codes - delivery_words.FAILURES.keys() == set()


def test_an_unknown_code_is_shown_as_it_is(console: PortalApp) -> None:
    with console.test_request_context():
        assert words.say(vocabulary.EVENTS, "staff:moon:visited") == "staff:moon:visited"
        assert words.failure("99999") == "código 99999"
        assert words.failure(None) == "código ?"
