"""Codes, times and sizes in words, as the templates ask for them."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from babel import dates
from flask import Flask
from flask_babel import format_datetime, format_timedelta, get_locale, gettext, ngettext

from audit import Event
from portal.staff import delivery_words, integration_words, template_words, vocabulary
from portal.staff.forms import role_words
from portal.web.language import current_language
from records.organizations import in_language


def say(table: dict[Any, Any], code: str) -> str:
    """Return the words of a code; the code itself where there are none."""
    return str(table.get(code, code))


def refusal(reason: str | None) -> str:
    """Return why the inspection refused."""
    return say(vocabulary.REFUSALS, reason or "scan_limits")


def returned(reason: str | None) -> str:
    """Return why a person wants another document, or the one that was declined."""
    return say(vocabulary.RETURNS | vocabulary.INSISTS, reason or "other")


def told(entry: Any) -> str:
    """Return the reason that an event gives, in words."""
    reason = entry.details.get("reason")
    match entry.event:
        case Event.STAFF_DOCUMENT_RETURNED | Event.STAFF_SLOT_INSISTED:
            return returned(reason)
        case Event.INSPECTOR_DOCUMENT_REFUSED:
            return refusal(reason)
        case Event.CUSTOMER_SLOT_DECLINED | Event.STAFF_SLOT_WAIVED:
            return say(vocabulary.DECLINES, reason)
        case Event.COURIER_LINK_WITHHELD:
            return say(vocabulary.WITHHELD, reason)
        case Event.COURIER_REMINDER_SKIPPED:
            return say(vocabulary.SKIPPED, reason)
        case Event.COURIER_CALL_RAISED:
            return say(vocabulary.CALLS, reason)
        case Event.INSPECTOR_DOCUMENT_ERASED:
            return str(gettext("el cliente lo retiró"))
        case _:
            return str(reason)


def failure(error: str | None) -> str:
    """Return why a message was not delivered."""
    if error in delivery_words.FAILURES:
        return str(delivery_words.FAILURES[error])
    return str(gettext("código %(code)s", code=error or "?"))


def template_refusal(code: str) -> str:
    """Return why the platform did not take a template, by its subcode, else its code."""
    for part in (code, *reversed(code.split("/"))):
        if part in template_words.REFUSALS:
            return str(template_words.REFUSALS[part])
    return str(gettext("código %(code)s", code=code))


def wrong_words(wrong: Any) -> str:
    """Return what is wrong with a field that was typed."""
    return str(vocabulary.WRONG.get((wrong.field, wrong.why), gettext("Este dato no es válido.")))


def local(texts: dict[str, str]) -> str:
    """Return a text of a template in the reader's language."""
    return in_language(texts, current_language())


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago something was, roughly."""
    if (now - moment).total_seconds() < 60:
        return str(gettext("ahora"))
    if (now - moment).days >= 1:
        return str(format_timedelta(timedelta(days=(now - moment).days), granularity="day", threshold=10_000))
    return str(format_timedelta(now - moment, granularity="minute", threshold=1))


def slot_title(slot: Any) -> str:
    """Return the name of the document that a slot asks for, with its side."""
    side = vocabulary.SIDES.get(slot.side)
    title = local(slot.requirement.title)
    return f"{title} · {side}" if side else title


def size(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(1, count // 1000)} kB"


def phone(e164: str) -> str:
    """Return a phone number grouped as people read it."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(e164), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return e164


def place_time(outlook: Any) -> str:
    """Return when a reminder leaves, on the customer's clock."""
    return str(dates.format_datetime(outlook.at, "EEEE d MMM, HH:mm", tzinfo=outlook.zone, locale=get_locale()))


def place_name(zone: ZoneInfo) -> str:
    """Return the city by which a time zone is known."""
    return str(dates.get_timezone_location(zone, locale=get_locale(), return_city=True))


def actor(entry: Any) -> str:
    """Return who did it: a name, or the process."""
    return entry.who or say(vocabulary.PROCESSES, entry.kind)


def install(app: Flask) -> None:
    """Give the words to the templates."""
    app.jinja_env.filters.update(
        group_words=lambda code: say(vocabulary.GROUPS, code),
        role_words=lambda code: say(vocabulary.ROLES, code),
        slot_words=lambda code: say(vocabulary.SLOTS, code),
        request_words=lambda code: say(vocabulary.REQUESTS, code),
        message_words=lambda code: say(vocabulary.MESSAGES, code),
        return_words=returned,
        decline_words=lambda code: say(vocabulary.DECLINES, code),
        told_words=told,
        finding_words=lambda code: say(vocabulary.FINDINGS, code),
        event_words=lambda code: say(vocabulary.EVENTS, code),
        party_role_words=role_words,
        refusal_words=refusal,
        type_words=lambda mime: say(vocabulary.TYPES, mime),
        remark_words=lambda code: say(vocabulary.REMARKS, code),
        failure_words=failure,
        wait_words=lambda code: say(delivery_words.WAITS, code),
        pile_words=lambda code: say(delivery_words.PILES, code),
        channel_words=lambda code: say(delivery_words.CHANNELS, code),
        purpose_words=lambda code: say(delivery_words.PURPOSES, code),
        alarm_words=lambda code: say(delivery_words.ALARMS, code),
        call_words=lambda code: say(vocabulary.CALLS, code),
        skip_words=lambda code: say(vocabulary.SKIPPED, code),
        place_time=place_time,
        place_name=place_name,
        wrong_words=wrong_words,
        template_purpose=lambda name: say(template_words.PURPOSES, name),
        template_language=lambda code: say(template_words.LANGUAGES, code),
        template_status=lambda code: say(template_words.STATUSES, code),
        template_chip=lambda code: template_words.CHIPS.get(code, "wrong"),
        template_quality=lambda code: say(template_words.QUALITIES, code),
        template_reason=lambda code: str(template_words.REASONS.get(code, "")),
        template_refusal=template_refusal,
        local=local,
        slot_title=slot_title,
        size_words=size,
        actor_words=actor,
        chat_file_words=lambda code: say(vocabulary.CHAT_FILES, code),
        opt_in_words=lambda code: say(vocabulary.OPT_INS, code),
        phone_words=phone,
        exact_time=lambda moment: format_datetime(moment, "d MMM yyyy, HH:mm:ss"),
        subscriber_kind_words=lambda code: say(integration_words.KINDS, code),
        subscriber_state_words=lambda code: say(integration_words.STATES, code),
        why_disabled_words=lambda code: say(integration_words.WHY_DISABLED, code),
        delivery_state_words=lambda code: say(integration_words.DELIVERIES, code),
        delivery_code_words=lambda code: say(integration_words.CODES, code),
        tells_nothing=lambda code: code in integration_words.NOTHING_TO_TELL,
        day=lambda moment: format_datetime(moment, "yyyy-MM-dd"),
        short_time=lambda moment: format_datetime(moment, "d MMM, HH:mm"),
    )
    app.jinja_env.globals.update(ago=ago, ngettext=ngettext)
