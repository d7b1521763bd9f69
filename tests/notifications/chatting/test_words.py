"""A customer writes: few answers, the way to a person, "no more" and "again" honoured, a changed number held back."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from notifications.chatting.forgetting import forget_chats
from notifications.chatting.texts import LANGUAGES, reply
from records.cases import Party
from records.chats import Answer, ChatWindow
from records.links import UploadLink
from records.messages import MessageState
from records.optins import OptIn
from records.optouts import OptOut, opted_out
from records.organizations import Organization
from storage.database import utcnow
from tests.notifications.chatting.chat import ANA, ANA_ID, STRANGER, STRANGER_ID


def test_a_text_is_answered_once_a_day_with_the_way_to_a_person_and_the_own_link(chat):
    with chat.courier.database.transaction() as session:
        session.execute(
            update(Organization).values(contact_phone="+52 55 5000 1234", contact_email="hola@valle.example")
        )
    message_id = chat.asked()
    for text in ("Hola", "¿Hay alguien?", "¿Hola?"):
        chat.says(text)
        chat.answers()
    (told,) = chat.told()
    assert "+52 55 5000 1234 · hola@valle.example" in told["text"]
    assert "nadie lo lee" in told["text"]
    assert told["url"] == chat.own_link(message_id)
    assert chat.files() == []


def test_a_stranger_who_writes_gets_no_link(chat):
    chat.says("Hola", phone=STRANGER)
    chat.answers()
    (told,) = chat.told(STRANGER_ID)
    assert (told["kind"], told["url"]) == ("text", "")


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reaction", "reaction": {"emoji": "👍"}},
        {"type": "system", "system": {"type": "something_new"}},
    ],
)
def test_what_asks_for_nothing_is_not_answered(chat, item):
    chat.asked()
    chat.arrives(**{"from": ANA_ID}, **item)
    assert chat.answers() == 0
    assert chat.told() == []


def test_a_file_after_a_text_is_still_answered(chat):
    chat.asked()
    chat.says("Hola")
    chat.answers()
    chat.sends()
    assert chat.answers() == 1
    assert len(chat.told()) == 2


def test_a_file_before_a_text_is_answer_enough(chat):
    chat.asked()
    chat.sends()
    chat.says("Ahí va")
    chat.answers()
    chat.says("¿Llegó?")
    assert chat.answers() == 0
    (told,) = chat.told()
    assert "no guardamos" in told["text"]


def test_whoever_says_no_more_is_told_so_once_and_then_nothing(chat_on_both):
    chat = chat_on_both
    chat.asked()
    chat.says("BAJA")
    assert chat.answers() == 1
    (told,) = chat.told()
    assert "no te enviará más mensajes" in told["text"]
    chat.says("¿Seguro?")
    chat.answers()
    assert len(chat.told()) == 1
    further = chat.courier.queue()
    chat.courier.turn(after=timedelta(minutes=1))
    assert chat.courier.message(further).error == "opted_out"


def test_whoever_takes_that_back_is_written_to_again_and_the_evidence_is_kept(chat_on_both):
    chat = chat_on_both
    chat.asked()
    chat.arrives(**{"from": ANA_ID, "type": "text", "text": {"body": "BAJA"}, "timestamp": "1790000000"})
    chat.answers()
    chat.says("ALTA")
    chat.answers()
    assert "puede volver a escribirte" in chat.told()[-1]["text"]
    with chat.courier.database.reading() as session:
        evidence = session.scalars(select(OptIn)).one()
        party = session.scalars(select(Party)).one()
        assert all(row.lifted_at is not None for row in session.scalars(select(OptOut)))
    assert (evidence.party_id, evidence.source, evidence.text) == (party.id, "chat", "ALTA")
    assert len(chat.trail("gateway:contact:opted_in")) == 1
    further = chat.courier.queue()
    chat.courier.turn(after=timedelta(minutes=1))
    assert chat.courier.message(further).state == MessageState.ACCEPTED


def test_an_alta_that_is_older_than_the_baja_lifts_nothing(chat):
    chat.asked()
    words = {"from": ANA_ID, "type": "text"}
    chat.arrives(**words, text={"body": "BAJA"}, timestamp="1790000002")
    chat.arrives(**words, text={"body": "ALTA"}, timestamp="1790000001")
    with chat.courier.database.reading() as session:
        assert all(row.lifted_at is None for row in session.scalars(select(OptOut)))
        assert session.scalars(select(OptIn)).all() == []


def test_an_alta_of_who_never_said_no_is_no_evidence(chat):
    chat.asked()
    chat.says("ALTA")
    assert chat.trail("gateway:contact:opted_in") == []


def test_a_stranger_may_take_a_no_back_too(chat):
    words = {"from": STRANGER_ID, "type": "text"}
    chat.arrives(**words, text={"body": "BAJA"}, timestamp="1790000000")
    chat.arrives(**words, text={"body": "ALTA"}, timestamp="1790000001")
    with chat.courier.database.reading() as session:
        assert session.scalars(select(OptOut)).one().lifted_at is not None
    assert len(chat.trail("gateway:contact:opted_in")) == 1


@pytest.mark.parametrize(
    "system",
    [
        {"type": "user_changed_number", "wa_id": "5215500000000"},
        {"type": "user_changed_user_id", "user_id": "MX.999"},
        {"type": "customer_identity_changed", "identity": "hash"},
    ],
)
def test_a_number_that_may_have_a_new_owner_gets_nothing_until_a_person_has_made_sure(chat, system):
    message_id = chat.asked()
    chat.arrives(**{"from": ANA_ID, "type": "system", "system": system})
    message = chat.courier.message(message_id)
    with chat.courier.database.reading() as session:
        party = session.scalars(select(Party)).one()
        assert party.verify_since is not None
        assert party.phone == "+525512345678"
        assert session.get_one(UploadLink, message.link_id).revoked_at is not None
    chat.sends()
    chat.answers()
    assert all(not each["url"] for each in chat.told())


def test_a_change_of_a_strangers_number_changes_nothing(chat):
    chat.asked()
    chat.arrives(**{"from": STRANGER_ID, "type": "system", "system": {"type": "user_changed_number", "wa_id": "1"}})
    with chat.courier.database.reading() as session:
        assert session.scalars(select(Party)).one().verify_since is None


def test_a_chat_is_forgotten_with_its_window(chat_on_both):
    chat = chat_on_both
    chat.asked()
    chat.says("Hola")
    forget_chats(chat.courier.database, utcnow())
    assert len(chat.windows()) == 1
    forget_chats(chat.courier.database, utcnow() + timedelta(hours=24, minutes=1))
    assert chat.windows() == []


def test_both_addresses_of_one_person_are_one_chat(chat):
    words = {"type": "text", "text": {"body": "Hola"}}
    chat.arrives(**{"from": ANA_ID}, **words)
    chat.arrives(**{"from": ANA_ID, "from_user_id": "MX.1"}, **words)
    chat.arrives(**{"from_user_id": "MX.1"}, **words)
    (window,) = chat.windows()
    assert (window.phone, window.bsuid) == (ANA_ID, "MX.1")


def test_a_message_of_nobody_is_settled(chat):
    chat.arrives(type="text", text={"body": "Hola"})
    chat.arrives(type="image", image={"id": "1"})
    assert chat.windows() == []
    assert len(chat.files()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("linked", [True, False])
def test_every_answer_keeps_the_limits_of_the_platform(language, answer, linked):
    said = reply(answer, language, company="A" * 60, contact="+52 55 5000 1234 · " + "a" * 254, linked=linked)
    assert 0 < len(said.body) <= 1024
    assert len(said.label) <= 20
    assert len(said.header) <= 60
    assert len(said.footer) <= 60
    assert "{" not in said.body


def test_a_window_knows_what_is_more_urgent():
    now = utcnow()
    window = ChatWindow(wants=None)
    window.ask_for(Answer.FILE, now=now)
    window.ask_for(Answer.HINT, now=now)
    assert window.wants == Answer.FILE
    window.ask_for(Answer.FAREWELL, now=now)
    window.ask_for(Answer.FILE, now=now)
    assert window.wants == Answer.FAREWELL
    window.ask_for(Answer.WELCOME, now=now)
    assert window.wants == Answer.WELCOME


def test_who_says_no_more_without_showing_a_phone_is_not_written_to_at_the_phone_on_file(chat):
    chat.courier.stage.sim("phones", {"phone": ANA, "fate": {"kind": "username_only"}})
    chat.asked()
    chat.says("BAJA")
    with chat.courier.database.reading() as session:
        assert opted_out(session, session.scalars(select(Party)).one())
    chat.says("ALTA")
    with chat.courier.database.reading() as session:
        assert not opted_out(session, session.scalars(select(Party)).one())
