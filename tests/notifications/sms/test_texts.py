"""Words of SMS: one segment, the GSM alphabet, the link whole."""

import itertools

import pytest

from intake.links import LinkSigner
from notifications.sms.texts import BASIC, EXTENDED, ONE, gsm, segments, septets, write
from records.messages import Purpose

URL = "https://docs.aurora.mx/s/" + LinkSigner([b"l" * 32]).token("0" * 32)
PURPOSES = (Purpose.REQUEST, Purpose.RETURNED, Purpose.REMINDER, Purpose.RECEIVED)


@pytest.mark.parametrize(("purpose", "locale"), list(itertools.product(PURPOSES, ("es", "en-US", "pt_BR"))))
def test_every_text_fits_one_message_with_the_whole_link(purpose, locale):
    text = write(purpose, locale, company="Financiera Aurora", name="María", url=URL, check="7K3F-9QXM")
    assert segments(text) == 1
    assert septets(text) <= ONE
    assert f" {URL} " in text
    assert text.endswith("7K3F-9QXM")


def test_what_has_no_room_goes_before_the_link_does():
    text = write(Purpose.REQUEST, "es", company="A" * 60, name="Maximiliana" * 3, url=URL, check="7K3F-9QXM")
    assert "Maxi" not in text
    assert segments(text) == 1
    assert f" {URL} " in text


def test_a_long_address_costs_what_it_costs_and_is_counted():
    text = write(Purpose.REQUEST, "es", company="Aurora", name="Ana", url=URL + "x" * 80, check="7K3F-9QXM")
    assert URL + "x" * 80 in text
    assert segments(text) == 2


def test_letters_outside_the_alphabet_lose_their_accent_or_become_a_point():
    assert gsm("José Núñez Ávila, João") == "José Nuñez Avila, Joao"
    assert gsm("李 😀") == ". ."
    assert set(gsm("ÁÍÓÚáíóúãõçêô")) <= BASIC


def test_letters_of_the_extension_table_cost_two():
    assert septets("€") == 2
    assert not BASIC & EXTENDED
    with pytest.raises(ValueError, match="alphabet"):
        septets("á")


@pytest.mark.parametrize(("length", "count"), [(160, 1), (161, 2), (306, 2), (307, 3)])
def test_segments_are_counted_as_the_network_does(length, count):
    assert segments("a" * length) == count


def test_an_unknown_language_is_written_to_in_spanish():
    text = write(Purpose.REMINDER, "fr", company="Aurora", name="Ana", url=URL, check="7K3F-9QXM")
    assert "aun faltan pasos" in text
