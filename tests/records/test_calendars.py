"""When a message may leave: the customer's clock, days of rest and holidays."""

from datetime import UTC, datetime

import pytest

from records.calendars import is_holiday, next_allowed, place_of
from records.cases import Party
from records.contacting import standard_rules
from records.organizations import Organization
from tests.records.case_of_ana import NOW


def place(phone: str | None, zone: str = "America/Mexico_City", country: str = "MX"):
    company = Organization(slug="c", name="C", timezone=zone, country=country, created_at=NOW)
    return place_of(Party(org_id="o", case_id="c", name="Ana", phone=phone, created_at=NOW), company)


def allowed(moment: str, phone: str | None = "+525512345678", **rules: object) -> str:
    kept = standard_rules("o")
    for name, value in rules.items():
        setattr(kept, name, value)
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return next_allowed(at, kept.hours(), place(phone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("phone", "zone", "country"),
    [
        ("+525512345678", "America/Mexico_City", "MX"),
        ("+526641234567", "America/Tijuana", "MX"),  # Mexico has several zones
        ("+573001234567", "America/Bogota", "CO"),
        ("+5219981234567", "America/Mexico_City", "MX"),  # an old spelling that no area owns: the company's
        ("+34612345678", "America/Mexico_City", "ES"),  # two zones: nobody knows which
        (None, "America/Mexico_City", "MX"),  # a mail address tells nothing
        ("no phone", "America/Mexico_City", "MX"),
    ],
)
def test_the_clock_is_that_of_the_phones_area_where_it_is_one(phone, zone, country):
    found = place(phone)
    assert (found.zone.key, found.country) == (zone, country)


def test_of_several_zones_the_companys_own_is_taken():
    assert place("+34612345678", zone="Europe/Madrid", country="ES").zone.key == "Europe/Madrid"


@pytest.mark.parametrize(
    ("moment", "when"),
    [
        ("2026-11-27T16:30", "2026-11-27T16:30"),  # Friday 10:30 in Mexico City
        ("2026-11-27T14:59", "2026-11-27T15:00"),  # 08:59
        ("2026-11-27T15:00", "2026-11-27T15:00"),
        ("2026-11-28T02:59", "2026-11-28T02:59"),  # 20:59
        ("2026-11-28T03:00", "2026-11-28T15:00"),  # 21:00 on Friday: Saturday
        ("2026-11-29T03:00", "2026-11-30T15:00"),  # 21:00 on Saturday: Sunday is a day of rest
        ("2026-11-15T18:00", "2026-11-17T15:00"),  # Sunday, then the day of the Revolution
        ("2026-12-25T18:00", "2026-12-26T15:00"),  # Christmas
    ],
)
def test_nothing_leaves_at_night_on_sundays_or_on_holidays(moment, when):
    assert allowed(moment) == when


def test_a_customer_in_another_zone_is_written_to_by_their_own_clock():
    assert allowed("2026-11-27T15:00", "+526641234567") == "2026-11-27T17:00"


def test_a_clock_that_is_set_forward_keeps_the_hour_of_opening():
    assert allowed("2026-03-08T03:30", "+526641234567", rest_days=[]) == "2026-03-08T03:30"  # 19:30 on Saturday
    assert allowed("2026-03-08T05:30", "+526641234567", rest_days=[]) == "2026-03-08T16:00"  # 09:00 of the summer


def test_a_company_may_write_at_any_hour():
    open_always = {"opens": "00:00", "closes": "24:00", "rest_days": [], "rest_on_holidays": False}
    assert allowed("2026-12-25T09:00", **open_always) == "2026-12-25T09:00"


def test_a_holiday_is_that_of_the_country_and_an_unknown_country_has_none():
    day = datetime(2026, 11, 16, tzinfo=UTC).date()
    assert is_holiday(day, "MX")
    assert not is_holiday(day, "ES")
    assert not is_holiday(day, "XX")
