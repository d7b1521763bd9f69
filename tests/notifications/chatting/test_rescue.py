"""A customer sends a file into the chat: it is never fetched, the platform deletes it, and she is told the way."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from records.cases import Party
from records.links import UploadLink, issue
from records.messages import Message
from records.organizations import Organization
from records.requests import DocumentRequest, RequestState
from storage.database import utcnow
from tests.notifications.chatting.chat import ANA, ANA_ID, INE, STRANGER, STRANGER_ID

MINUTES = timedelta(minutes=1)


def test_a_photo_is_never_fetched_and_its_sender_gets_her_own_link(chat_on_both):
    chat = chat_on_both
    message_id = chat.asked()
    chat.sends()
    (row,) = chat.files()
    message = chat.courier.message(message_id)
    assert (row.case_id, row.request_id) == (message.case_id, message.request_id)
    assert (row.type, row.mime, row.hint) == ("image", "image/jpeg", None)
    assert row.sha256
    assert chat.answers() == 1
    (told,) = chat.told()
    assert told["url"] == chat.own_link(message_id)
    assert told["label"] == "Subir documentos"
    assert told["reply_to"] == row.wamid
    assert "no guardamos" in told["text"]
    assert chat.forgets() == 1
    state = chat.courier.stage.sim("state")
    assert state["media_reads"] == 0
    assert state["media"] == []
    (row,) = chat.files()
    assert row.deleted_at is not None
    assert (row.media_id, row.due_at) == (None, None)
    assert next(each for each in state["messages"] if each["wamid"] == row.wamid)["status"] == "read"


def test_what_happened_stands_in_the_trail_of_the_case(chat):
    message_id = chat.asked()
    chat.sends()
    chat.answers()
    chat.forgets()
    case_id = chat.courier.message(message_id).case_id
    names = ("gateway:chat_document:intercepted", "courier:chat:answered", "courier:chat_document:deleted")
    events = [event for name in names for event in chat.trail(name)]
    assert [(event.event, event.case_id) for event in events] == [(name, case_id) for name in names]
    assert events[1].details == {"answer": "file", "link": True}


def test_of_a_file_neither_name_nor_caption_nor_address_is_kept(chat):
    chat.asked()
    picture = {"id": "991", "mime_type": "application/pdf", "sha256": "aGFzaA==", "filename": "INE-Ana.pdf"}
    picture |= {"caption": "mi CURP es secreta", "url": "https://lookaside.example/991"}
    chat.arrives(**{"from": ANA_ID, "type": "document", "document": picture})
    kept = " ".join(str(vars(row)) for row in (*chat.files(), *chat.windows()))
    assert not any(secret in kept for secret in ("INE-Ana", "CURP", "lookaside"))


def test_an_album_gets_one_answer(chat):
    chat.asked()
    for number in range(5):
        chat.sends(INE + bytes([number]))
    assert chat.answers() == 1
    chat.sends(INE + b"late")
    assert chat.answers() == 0
    assert len(chat.told()) == 1
    assert len(chat.files()) == 6
    assert chat.forgets() == 6


def test_after_ten_minutes_another_file_is_answered_again(chat):
    chat.asked()
    chat.sends()
    chat.answers()
    window = chat.windows()[0]
    chat.courier.change(type(window), window.id, answered_at=utcnow() - 11 * MINUTES)
    chat.sends(INE + b"again")
    assert chat.answers() == 1
    assert len(chat.told()) == 2


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": "video", "video": {"id": "5", "mime_type": "video/mp4"}}, "video"),
        ({"type": "audio", "audio": {"id": "5", "mime_type": "audio/ogg", "voice": True}}, "audio"),
        ({"type": "document", "document": {"id": "5", "filename": "a.pdf"}}, "document"),
        ({"type": "unsupported", "errors": [{"code": 131051, "title": "Unsupported"}]}, "unsupported"),
        ({"type": "unsupported"}, "unsupported"),
        ({"type": "document", "errors": [{"code": 131052, "title": "Too large"}]}, "too_large"),
    ],
)
def test_every_kind_of_file_is_kept_as_a_fact_and_answered(chat, item, kind):
    chat.asked()
    chat.arrives(**{"from": ANA_ID}, **item)
    (row,) = chat.files()
    assert row.type == kind
    assert (row.due_at is not None) == ("errors" not in item and kind != "unsupported")
    assert chat.answers() == 1
    assert chat.told()[0]["url"]


def test_a_file_without_a_phone_is_recognized_by_the_user_id(chat):
    chat.courier.stage.sim("phones", {"phone": ANA, "fate": {"kind": "username_only"}})
    message_id = chat.asked()
    chat.sends()
    assert chat.files()[0].case_id == chat.courier.message(message_id).case_id
    assert chat.answers() == 1
    assert chat.told()[0]["url"] == chat.own_link(message_id)


def test_with_several_open_requests_the_newest_message_counts(chat):
    chat.asked()
    newest = chat.asked()
    chat.sends()
    chat.answers()
    assert chat.files()[0].request_id == chat.courier.message(newest).request_id
    assert chat.told()[0]["url"] == chat.own_link(newest)


def test_who_answers_an_older_message_gets_the_link_of_that_one(chat):
    older = chat.asked()
    chat.asked()
    wamid = chat.courier.message(older).wamid
    picture = {"type": "image", "image": {"id": "7", "mime_type": "image/jpeg"}}
    chat.arrives(**{"from": ANA_ID, "context": {"from": "525550001234", "id": wamid}}, **picture)
    chat.answers()
    assert chat.told()[0]["url"] == chat.own_link(older)


def test_a_stranger_gets_no_link_and_a_person_has_to_look(chat):
    chat.asked()
    chat.sends(wa_id=STRANGER_ID)
    (row,) = chat.files()
    assert (row.case_id, row.request_id, row.hint) == (None, None, "0000")
    assert chat.answers() == 1
    (told,) = chat.told(STRANGER_ID)
    assert (told["kind"], told["url"]) == ("text", "")
    assert "http" not in told["text"]
    assert chat.forgets() == 1


def test_a_stranger_who_quotes_anas_message_gets_no_link(chat):
    wamid = chat.courier.message(chat.asked()).wamid
    picture = {"type": "image", "image": {"id": "7", "mime_type": "image/jpeg"}}
    chat.courier.stage.sim("phones", {"phone": STRANGER})
    chat.arrives(**{"from": STRANGER_ID, "context": {"id": wamid}}, **picture)
    assert chat.files()[0].case_id is None
    chat.answers()
    assert all(not each["url"] for each in chat.told(STRANGER_ID))


def test_a_number_that_somebody_typed_proves_nothing(chat):
    chat.courier.queue()  # never sent: the platform has told nothing of that number yet
    chat.sends()
    assert chat.files()[0].case_id is None


def test_a_customer_of_another_company_is_a_stranger_here(chat):
    message_id = chat.asked()
    with chat.courier.database.transaction() as session:
        session.execute(
            update(Message).where(Message.id == message_id).values(org_id=chat.courier.gateway.other.org_id)
        )
    chat.sends()
    assert chat.files()[0].case_id is None


@pytest.mark.parametrize("closed", ["revoked", "expired", "cancelled", "complete", "doubted"])
def test_a_link_that_is_not_open_is_not_given(chat, closed):
    message_id = chat.asked()
    message = chat.courier.message(message_id)
    now = utcnow()
    match closed:
        case "revoked":
            chat.courier.change(UploadLink, message.link_id, revoked_at=now)
        case "expired":
            chat.courier.change(UploadLink, message.link_id, expires_at=now)
        case "cancelled":
            chat.courier.change(DocumentRequest, message.request_id, state=RequestState.CANCELLED)
        case "complete":
            chat.courier.change(DocumentRequest, message.request_id, state=RequestState.COMPLETE)
        case "doubted":
            with chat.courier.database.transaction() as session:
                session.execute(update(Party).values(verify_since=now))
    chat.sends()
    assert chat.files()[0].case_id == message.case_id
    assert chat.answers() == 1
    (told,) = chat.told()
    assert (told["kind"], told["url"]) == ("text", "")


@pytest.mark.parametrize(
    ("locale", "words"),
    [("en", "we keep no files"), ("pt", "não guardamos"), ("es", "no guardamos"), ("fr", "no guar")],
)
def test_the_answer_speaks_the_customers_language(chat, locale, words):
    chat.asked()
    with chat.courier.database.transaction() as session:
        session.execute(update(Party).values(locale=locale))
    chat.sends()
    chat.answers()
    assert words in chat.told()[0]["text"]


def test_a_stranger_is_answered_in_the_companys_language_with_the_way_to_a_person(chat):
    with chat.courier.database.transaction() as session:
        session.execute(update(Organization).values(locale="pt", contact_phone="+55 11 4002-8922"))
    chat.sends(wa_id=STRANGER_ID)
    chat.answers()
    text = chat.told(STRANGER_ID)[0]["text"]
    assert "Para falar com uma pessoa" in text
    assert "+55 11 4002-8922" in text


def test_nothing_is_said_once_the_window_has_ended(chat):
    chat.asked()
    chat.sends()
    assert chat.answers(after=timedelta(hours=24, seconds=1)) == 1
    assert chat.told() == []
    assert chat.windows()[0].due_at is None


def test_who_said_no_more_gets_no_answer_but_the_file_is_still_deleted(chat):
    chat.asked()
    chat.says("BAJA")
    chat.answers()
    before = len(chat.told())
    chat.sends()
    chat.answers()
    assert len(chat.told()) == before == 1
    assert chat.forgets() == 1


def test_an_answer_whose_fate_is_unknown_is_never_given_twice(chat):
    chat.asked()
    chat.sends()
    chat.courier.stage.sim("faults", {"target": "messages", "preset": "drop", "next": 2})
    chat.answers()
    assert len(chat.told()) == 1
    assert chat.answers(after=timedelta(hours=1)) == 0
    assert len(chat.told()) == 1


def test_an_answer_that_was_cut_off_is_never_given_twice(chat):
    chat.asked()
    chat.sends()
    window = chat.windows()[0]
    chat.courier.change(type(window), window.id, posting="x", wants=None, answered="file", answered_at=utcnow())
    assert chat.answers() == 1
    assert chat.told() == []
    assert chat.answers(after=timedelta(hours=1)) == 0


def test_an_answer_that_never_left_is_given_later(chat):
    chat.asked()
    chat.sends()
    chat.courier.stage.sim("faults", {"target": "messages", "preset": "rate_limit", "next": 2})
    chat.answers()
    assert chat.told() == []
    assert chat.answers(after=timedelta(minutes=2)) == 1
    assert len(chat.told()) == 1


def test_whoever_has_the_number_that_was_corrected_gets_no_link_made_for_the_customer(chat):
    message_id = chat.asked()
    now = utcnow()
    with chat.courier.database.transaction() as session:
        message = session.get_one(Message, message_id)
        message.link.revoked_at = now
        message.request.party.phone = STRANGER  # the old number was somebody else's
        fresh = issue(session, message.request, now=now + MINUTES)
    chat.sends()
    assert chat.answers() == 1
    (told,) = chat.told()
    assert not told.get("url")
    assert chat.courier.tools.token(fresh.id) not in str(chat.courier.stage.sim("state"))
