"""The customer's calendar: time zone, country, public holidays, and the next moment at which a message may leave.

Rules: the zone is that of the phone's area where that is one, else the company's: a phone tells more of where its owner
sleeps than the company's seat, and nothing else is known of them. Everything that is given and returned is UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from phonenumbers import timezone as phone_zones

from records.cases import Party
from records.organizations import Organization

FARTHEST = 60
"""Days in which a permitted one is looked for; a calendar without any is a mistake, and the message leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When messages may leave: minutes after midnight, weekdays (0 is Monday) and holidays without any."""

    opens: int
    closes: int
    rest_days: frozenset[int]
    rest_on_holidays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody lives, as far as clocks and holidays go."""

    zone: ZoneInfo
    country: str


def place_of(party: Party, organization: Organization) -> Place:
    """Return the customer's time zone and country (ISO 3166)."""
    own = ZoneInfo(organization.timezone)
    number = _number(party.phone)
    if number is None:
        return Place(zone=own, country=organization.country)
    country = phonenumbers.region_code_for_number(number) or organization.country
    zones = phone_zones.time_zones_for_number(number)
    if len(zones) == 1 and zones[0] != phone_zones.UNKNOWN_TIMEZONE and own.key not in zones:
        return Place(zone=ZoneInfo(zones[0]), country=country)
    return Place(zone=own, country=country)


def next_allowed(moment: datetime, hours: Hours, place: Place) -> datetime:
    """Return `moment` if a message may leave then, else the next opening at the customer's place."""
    local = moment.astimezone(place.zone)
    for days in range(FARTHEST):
        day = local.date() + timedelta(days=days)
        if day.weekday() in hours.rest_days or (hours.rest_on_holidays and is_holiday(day, place.country)):
            continue
        begin = local.hour * 60 + local.minute if days == 0 else 0
        if hours.opens <= begin < hours.closes:
            return moment
        if begin < hours.opens:
            opening = datetime(day.year, day.month, day.day, tzinfo=place.zone) + timedelta(minutes=hours.opens)
            return opening.astimezone(UTC)
    return moment


def is_holiday(day: date, country: str) -> bool:
    """Whether a day is a public holiday of a country; of one that nobody knows, none is."""
    return day in _holidays(country, day.year)


@lru_cache(maxsize=128)
def _holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


def _number(phone: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(phone) if phone else None
    except phonenumbers.NumberParseException:
        return None
