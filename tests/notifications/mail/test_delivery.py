"""Messages to people without a phone: through the outbox to a real SMTP server, with the outcomes of every channel."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from notifications.codes import queue_code
from notifications.mail.client import Relay
from records.challenges import CodeChallenge, ask_for_code
from records.links import UploadLink, Visit
from records.messages import Channel, MessageState
from records.organizations import Organization
from storage.database import utcnow
from storage.due import lease
from tests.notifications.courier import CODES, SIGNER, Courier
from tests.notifications.mail.relays import a_server_that, an_inbox
from tests.portal.gateway.company import PUBLIC_URL

ANA = "ana.torres@example.com"


@contextmanager
def through(courier: Courier, relay: Relay) -> Iterator[str]:
    """Let the company send through a relay; yields the id of a message to Ana, who has no phone."""
    with courier.database.transaction() as session:
        session.execute(update(Organization).values(mail_from="avisos@valle.example"))
    courier.tools = replace(courier.tools, relay=relay)
    contact = {"name": "Ana Torres", "email": "ana.torres@EXAMPLE.com", "locale": "es"}
    yield courier.queue(contact=contact)


def test_a_person_without_a_phone_gets_the_link_by_mail(courier_on_both: Courier) -> None:
    courier = courier_on_both
    with an_inbox() as (inbox, relay), through(courier, relay) as message_id:
        assert courier.turn() == 1
        message = courier.message(message_id)
        assert (message.channel, message.state, message.wamid) == (Channel.EMAIL, MessageState.ACCEPTED, None)
        (mail,) = inbox.mails()
        with courier.database.reading() as session:
            link = session.get_one(UploadLink, message.link_id)
        assert (mail.to, mail.sender) == (ANA, "avisos@valle.example")
        assert f"{PUBLIC_URL}/s/{SIGNER.token(link.id)}" in mail.part("plain")
        assert link.check_code[:4] in mail.part("plain")
        assert courier.on_the_phone() == []


def test_a_code_goes_by_mail_too(courier: Courier) -> None:
    with an_inbox() as (inbox, relay), through(courier, relay) as message_id:
        courier.turn()
        now = utcnow()
        with courier.database.transaction() as session:
            link = session.get_one(UploadLink, courier.message(message_id).link_id)
            times = {"started_at": now, "last_seen_at": now, "ends_at": now + timedelta(hours=2)}
            visit = Visit(link=link, cookie_sha256="c" * 64, locale="es", **times)
            session.add(visit)
            session.flush()
            challenge = ask_for_code(session, visit, now=now).id
            (held,) = lease(session, CodeChallenge, now=now, limit=10)
        queue_code(courier.database, held)
        courier.turn()
        assert f"Tu código es {CODES.code(challenge)}" in inbox.mails()[-1].part("plain")


def test_what_the_relay_refuses_for_good_fails(courier: Courier) -> None:
    with an_inbox() as (inbox, relay), through(courier, relay) as message_id:
        inbox.refusals[ANA] = "550 no such user"
        courier.turn()
        message = courier.message(message_id)
        assert (message.state, message.error, message.due_at) == (MessageState.FAILED, "smtp_550", None)


def test_what_the_relay_refuses_for_now_goes_later(courier: Courier) -> None:
    with an_inbox() as (inbox, relay), through(courier, relay) as message_id:
        inbox.refusals[ANA] = "451 greylisted"
        courier.turn()
        assert courier.message(message_id).state == MessageState.QUEUED
        inbox.refusals.clear()
        courier.turn(after=timedelta(seconds=10))
        assert courier.message(message_id).state == MessageState.ACCEPTED
        assert len(inbox.mails()) == 1


def test_a_relay_that_is_away_is_tried_again(courier: Courier) -> None:
    with an_inbox() as (_, relay):
        pass
    with through(courier, relay) as message_id:
        courier.turn()
        message = courier.message(message_id)
        assert (message.state, message.error) == (MessageState.QUEUED, "not_sent")
        assert message.due_at is not None


def test_a_mail_of_unknown_fate_is_not_sent_twice_by_itself(courier: Courier) -> None:
    answers = (b"220 hi", b"250 ok", b"250 ok", b"250 ok", b"354 go")
    with a_server_that(*answers) as relay, through(courier, relay) as message_id:
        courier.turn()
        assert courier.message(message_id).state == MessageState.UNKNOWN
        assert courier.turn(after=timedelta(days=1)) == 0


@pytest.mark.parametrize("missing", ["relay", "address"])
def test_without_relay_or_address_of_the_company_it_fails_in_words(courier: Courier, missing: str) -> None:
    with an_inbox() as (inbox, relay), through(courier, relay) as message_id:
        if missing == "relay":
            courier.tools = replace(courier.tools, relay=None)
        else:
            with courier.database.transaction() as session:
                session.execute(update(Organization).values(mail_from=None))
        courier.turn()
        assert (courier.message(message_id).state, courier.message(message_id).error) == (
            MessageState.FAILED,
            "no_sender",
        )
        assert inbox.mails() == []


def test_whoever_has_a_phone_gets_whatsapp_although_there_is_an_address(courier: Courier) -> None:
    contact = {"name": "Ana", "phone": "+52 55 1234 5678", "email": ANA}
    assert courier.message(courier.queue(contact=contact)).channel == Channel.WHATSAPP


@pytest.mark.parametrize(
    "email",
    ["ana", "ana@", "@x.mx", "ana@example", "a b@x.mx", "ana@exa mple.com", "ana@example.com\nBcc: x@y.zz", "ñu@x.mx",
     '"ana"@example.com', "ana@example..com", "ana@-example.com", "ana@example.com>", "a" * 65 + "@x.mx"],
)  # fmt: skip
def test_what_is_no_address_is_refused(courier: Courier, email: str) -> None:
    answer = courier.gateway.ask({"contact": {"name": "Ana", "email": email}, "template_key": "credito"})
    assert answer.status_code == 422
    assert email not in answer.get_data(as_text=True)


def test_nobody_is_asked_without_phone_and_address(courier: Courier) -> None:
    answer = courier.gateway.ask({"contact": {"name": "Ana"}, "template_key": "credito"})
    assert answer.status_code == 422


def test_the_hint_shows_two_letters_of_an_address(courier: Courier) -> None:
    from records.cases import Party

    courier.gateway.ask({"contact": {"name": "Ana", "email": ANA}, "template_key": "credito"})
    with courier.database.reading() as session:
        assert session.scalars(select(Party.hint)).one() == "a•••@e•••.com"
