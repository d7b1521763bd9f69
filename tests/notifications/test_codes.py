"""One-time codes from the challenge to the phone: sent once, by the authentication template, stored nowhere."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from notifications.codes import queue_code
from records.challenges import CodeChallenge, ask_for_code
from records.links import UploadLink, Visit
from records.messages import Message, MessageState, Purpose
from records.optouts import opt_out
from records.requirements import RequirementTemplate
from storage.database import utcnow
from storage.due import LostLease, lease
from tests.notifications.courier import CODES, Courier

PHONE = "5215512345678"


def ask_for(courier: Courier) -> str:
    """A customer activated the link of a request; return the challenge's id. The link's own message is out already."""
    courier.queue()
    courier.turn()
    with courier.database.transaction() as session:
        session.execute(update(RequirementTemplate).values(second_factor=True))
        link = session.scalars(select(UploadLink)).one()
        now = utcnow()
        visit = Visit(
            link=link, cookie_sha256="c" * 64, locale="es", started_at=now, last_seen_at=now,
            ends_at=now + timedelta(hours=2),
        )  # fmt: skip
        session.add(visit)
        session.flush()
        return ask_for_code(session, visit, now=now).id


def queued(courier: Courier) -> list[str]:
    """Turn the courier's task of codes; return the ids of the messages with a code."""
    with courier.database.transaction() as session:
        leases = lease(session, CodeChallenge, now=utcnow(), limit=10)
    for held in leases:
        queue_code(courier.database, held)
    with courier.database.reading() as session:
        return list(session.scalars(select(Message.id).where(Message.purpose == Purpose.CODE)))


def test_the_code_reaches_the_phone_in_the_words_of_the_platform(courier_on_both: Courier) -> None:
    courier = courier_on_both
    challenge = ask_for(courier)
    (message_id,) = queued(courier)
    courier.turn()
    shown = courier.on_the_phone()[-1]
    code = CODES.code(challenge)
    assert (shown["text"], shown["code"], shown["wa_id"]) == (
        f"{code} es tu código de verificación. Por tu seguridad, no lo compartas.",
        code,
        PHONE,
    )
    assert shown["footer"] == "Este código caduca en 10 minutos."
    assert courier.message(message_id).state == MessageState.ACCEPTED


def test_the_code_stands_in_no_row(courier_on_both: Courier) -> None:
    courier = courier_on_both
    code = CODES.code(ask_for(courier))
    queued(courier)
    courier.turn()
    with courier.database.reading() as session:
        for table in ("messages", "message_attempts", "code_challenges", "audit_events", "visits"):
            for row in session.execute(text(f"SELECT * FROM {table}")):
                assert code not in [str(value) for value in row], table
                assert code not in str(row._mapping.get("details", "")), table


def test_a_challenge_becomes_one_message(courier: Courier) -> None:
    ask_for(courier)
    with courier.database.transaction() as session:
        (held,) = lease(session, CodeChallenge, now=utcnow(), limit=10)
    queue_code(courier.database, held)
    with pytest.raises(LostLease):
        queue_code(courier.database, held)
    assert len(queued(courier)) == 1


def test_a_code_that_ended_before_it_left_is_not_sent(courier: Courier) -> None:
    challenge = ask_for(courier)
    (message_id,) = queued(courier)
    courier.change(CodeChallenge, challenge, ended_at=utcnow())
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.CANCELLED, "code_ended")
    assert all(not one.get("code") for one in courier.on_the_phone())


def test_a_code_follows_the_visit_although_the_link_takes_no_more(courier: Courier) -> None:
    ask_for(courier)
    with courier.database.transaction() as session:
        session.execute(update(UploadLink).values(expires_at=utcnow(), superseded_at=utcnow()))
    (message_id,) = queued(courier)
    courier.turn()
    assert courier.message(message_id).state == MessageState.ACCEPTED


@pytest.mark.parametrize("why", ["link_closed", "request_cancelled", "opted_out", "no_address"])
def test_a_code_is_not_sent(courier: Courier, why: str) -> None:
    ask_for(courier)
    (message_id,) = queued(courier)
    with courier.database.transaction() as session:
        message = session.get_one(Message, message_id)
        match why:
            case "link_closed":
                message.link.revoked_at = utcnow()
            case "request_cancelled":
                message.request.cancel()
            case "opted_out":
                opt_out(session, org_id=message.org_id, addresses=["+525512345678"], said_at=utcnow())
            case _:
                message.request.party.phone, message.request.party.bsuid = None, "MX.13491208655302741918"
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.CANCELLED, why)


def test_a_code_that_failed_on_the_way_is_known_to_have_failed(courier: Courier) -> None:
    courier.stage.sim("phones", {"phone": "+525512345678", "fate": {"kind": "fail", "code": 131026}})
    ask_for(courier)
    (message_id,) = queued(courier)
    courier.turn()
    courier.stage.sim("clock", {"advance": 5})
    courier.take_in()
    assert courier.message(message_id).state == MessageState.FAILED


def test_a_message_without_a_challenge_carries_no_code(courier: Courier) -> None:
    ask_for(courier)
    (message_id,) = queued(courier)
    with courier.database.transaction() as session:
        session.execute(update(CodeChallenge).values(message_id=None))
    courier.turn()
    assert courier.message(message_id).error == "code_ended"
