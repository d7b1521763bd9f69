"""What an administrator wishes for reaches the platform once, within its limits; what it answers stands in the row."""

import threading
import time
from datetime import timedelta

import pytest

from audit import Event
from notifications.whatsapp.authentication import CODE
from notifications.whatsapp.library import LANGUAGES, NAMES, REQUEST
from records.errors import NotFound, WrongState
from records.studio import delete, open_account, stand_by, submit, template
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, TemplateWish, sendable, standby_for
from storage.database import utcnow
from tests.notifications.studio.conftest import SAUL, Studio
from tests.portal.gateway.company import PUBLIC_URL

OTHER = "Hola {{1}}, tu trámite {{2}} sigue abierto. El código {{3}} prueba en el portal que somos nosotros, sin más."


def write(studio: Studio, body: str = OTHER) -> None:
    """Saúl gives the request other words."""
    with studio.database.transaction() as session:
        found = template(session, studio.org_id, studio.template().id)
        submit(session, SAUL, found, body=body, footer=found.footer, label=found.label, now=utcnow())


def change(studio: Studio, **values: object) -> None:
    studio.courier.change(MessageTemplate, studio.template().id, **values)


def at_the_platform(studio: Studio) -> dict[str, dict]:
    return {
        f"{t['payload']['name']}/{t['payload']['language']}": t for t in studio.courier.stage.sim("state")["templates"]
    }


def test_the_whole_library_is_registered_reviewed_and_sent(studio: Studio) -> None:
    studio.open()
    assert studio.register(*LANGUAGES) == (len(NAMES) + 1) * len(LANGUAGES)
    assert studio.register(*LANGUAGES) == 0
    assert {each.status for each in studio.templates()} == {TemplateStatus.DRAFT}
    assert studio.turn() == 25
    assert studio.turn() == 0
    assert {each.status for each in studio.templates()} == {TemplateStatus.PENDING}
    studio.courier.stage.pass_time(5)
    studio.take_in()
    assert {(each.status, each.error, each.wish) for each in studio.templates()} == {
        (TemplateStatus.APPROVED, None, None)
    }
    assert len(at_the_platform(studio)) == 25
    counts = {event: studio.events().count(event) for event in set(studio.events())}
    assert counts[Event.STAFF_MESSAGE_TEMPLATE_SUBMITTED] == counts[Event.COURIER_MESSAGE_TEMPLATE_SUBMITTED] == 25
    assert not any(each.differs or each.drifted for each in studio.templates())
    message = studio.courier.queue()
    studio.courier.turn()
    assert studio.courier.message(message).state == "accepted"


def test_the_button_leads_to_our_portal(studio: Studio) -> None:
    studio.approved("es_MX")
    (button,) = at_the_platform(studio)[f"{REQUEST}/es_MX"]["payload"]["components"][2]["buttons"]
    assert button["url"] == f"{PUBLIC_URL}/s/{{{{1}}}}"


def test_a_template_that_is_there_already_is_taken_over(studio: Studio) -> None:
    studio.approved("es_MX")
    change(studio, remote_id=None, status=TemplateStatus.DRAFT, wish=TemplateWish.SUBMIT, due_at=utcnow())
    studio.turn()
    assert studio.template().remote_id is None
    studio.sync()
    assert (studio.template().status, studio.template().wish) == (TemplateStatus.APPROVED, None)
    assert studio.template().remote_id == at_the_platform(studio)[f"{REQUEST}/es_MX"]["id"]


def test_other_words_go_to_review_once_a_day(studio: Studio) -> None:
    studio.approved("es_MX")
    write(studio)
    studio.turn()
    assert studio.template().status == TemplateStatus.PENDING
    assert at_the_platform(studio)[f"{REQUEST}/es_MX"]["payload"]["components"][0]["text"] == OTHER
    with pytest.raises(WrongState):
        write(studio)
    studio.courier.stage.pass_time(5)
    studio.take_in()
    assert studio.template().status == TemplateStatus.APPROVED
    write(studio, OTHER.replace("abierto", "en marcha"))
    assert studio.turn() == 1
    waiting = studio.template()
    assert waiting.wish == TemplateWish.SUBMIT
    assert waiting.due_at is not None
    assert timedelta(hours=23) < waiting.due_at - utcnow() <= timedelta(hours=24)
    assert "en marcha" not in str(at_the_platform(studio)[f"{REQUEST}/es_MX"])


def test_words_that_review_would_reject_never_leave(studio: Studio) -> None:
    studio.approved("es_MX")
    write(studio, OTHER.replace("sigue abierto", "espera tu INE"))
    studio.turn()
    refused = studio.template()
    assert (refused.error, refused.wish, refused.status) == ("template_invalid", None, TemplateStatus.APPROVED)
    assert "INE" not in str(at_the_platform(studio)[f"{REQUEST}/es_MX"])
    assert studio.events()[-1] == Event.COURIER_MESSAGE_TEMPLATE_REFUSED


def test_words_that_change_while_others_are_submitted_are_submitted_next(studio: Studio) -> None:
    studio.approved("es_MX")
    write(studio)
    studio.fault("hang", seconds=1)
    turning = threading.Thread(target=studio.turn)
    turning.start()
    while studio.template().edits is None:
        time.sleep(0.01)
    write(studio, OTHER.replace("abierto", "en marcha"))
    turning.join()
    again = studio.template()
    assert (again.wish, "en marcha" in again.body) == (TemplateWish.SUBMIT, True)
    assert again.due_at is not None


def test_a_deletion_wished_for_while_words_are_submitted_does_not_become_a_submission(studio: Studio) -> None:
    studio.approved("es_MX")
    write(studio)
    studio.fault("hang", seconds=1)
    turning = threading.Thread(target=studio.turn)
    turning.start()
    while studio.template().edits is None:
        time.sleep(0.01)
    with studio.database.transaction() as session:
        delete(session, SAUL, template(session, studio.org_id, studio.template().id), now=utcnow())
    turning.join()
    again = studio.template()
    assert again.wish == TemplateWish.DELETE
    assert again.due_at is not None


@pytest.mark.parametrize(
    ("preset", "error"),
    [("bad_gateway", "http_502"), ("expired_token", "190/463"), ("drop", "unknown"), ("rate_limit", "130429")],
)
def test_a_creation_that_failed_for_now_is_tried_again(studio: Studio, preset: str, error: str) -> None:
    studio.open()
    studio.register("es_MX")
    studio.fault(preset)
    studio.turn()
    failed = studio.template()
    assert (failed.error, failed.wish, failed.status) == (error, TemplateWish.SUBMIT, TemplateStatus.DRAFT)
    assert failed.due_at is not None
    studio.mend()
    studio.turn(after=timedelta(minutes=11))
    studio.sync(after=timedelta(minutes=11))
    assert studio.template().status in {TemplateStatus.PENDING, TemplateStatus.APPROVED}
    assert studio.template().wish is None


def test_what_the_platform_refuses_for_good_is_told_and_not_repeated(studio: Studio) -> None:
    studio.open()
    studio.register("es_MX")
    studio.fault("custom", code=100, subcode=2388299, status=400)
    studio.turn()
    refused = studio.template()
    assert (refused.error, refused.wish, refused.due_at) == ("100/2388299", None, None)
    assert studio.events()[-1] == Event.COURIER_MESSAGE_TEMPLATE_REFUSED


def test_an_edit_that_may_have_arrived_is_not_made_twice(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    studio.fault("drop")
    write(studio)
    studio.turn()
    studio.mend()
    assert (studio.template().wish, studio.template().error) == (None, "unknown")
    studio.sync()
    assert studio.template().status in {TemplateStatus.PENDING, TemplateStatus.APPROVED}


def test_a_template_is_deleted_in_one_language_only(studio: Studio) -> None:
    studio.approved("es_MX", "en")
    with studio.database.transaction() as session:
        delete(session, SAUL, template(session, studio.org_id, studio.template().id), now=utcnow())
    studio.turn()
    assert (studio.template().status, studio.template().remote_id) == (TemplateStatus.DELETED, None)
    there = at_the_platform(studio)
    assert there[f"{REQUEST}/es_MX"]["status"] == "DELETED"
    assert there[f"{REQUEST}/en"]["status"] == "APPROVED"
    with studio.database.transaction() as session, pytest.raises(WrongState):
        delete(session, SAUL, template(session, studio.org_id, studio.template().id), now=utcnow())


def test_the_calls_of_an_hour_end(studio: Studio) -> None:
    studio.open()
    studio.register("es_MX")
    now = utcnow().replace(minute=0, second=0, microsecond=0)
    studio.courier.change(TemplateAccount, studio.account().id, hour=now, calls=178)
    studio.turn()
    waiting = [each for each in studio.templates() if each.wish is not None]
    assert len(waiting) == len(NAMES) + 1 - 2
    assert {each.due_at for each in waiting} == {now + timedelta(hours=1)}
    assert studio.account().calls == 180


def test_the_standby_is_one_of_the_same_language_and_account(studio: Studio) -> None:
    studio.approved("es_MX", "en")
    which = {"org_id": studio.org_id, "waba_id": studio.waba_id, "name": REQUEST, "language": "es_MX"}
    studio.sync()
    studio.review(event="PAUSED", other_info={"title": "FIRST_PAUSE"})
    with studio.database.transaction() as session:
        assert not sendable(session, **which)
        assert standby_for(session, **which) == ("recordatorio_documentos_v1", "es_MX")
        found = template(session, studio.org_id, studio.template().id)
        for wrong in (CODE, REQUEST, "nobody_v1"):
            with pytest.raises(NotFound):
                stand_by(session, SAUL, found, untrusted_name=wrong, now=utcnow())
        stand_by(session, SAUL, found, untrusted_name="documento_devuelto_v2", now=utcnow())
        session.flush()
        assert standby_for(session, **which) == ("documento_devuelto_v2", "es_MX")
        stand_by(session, SAUL, found, untrusted_name="", now=utcnow())
        session.flush()
        assert standby_for(session, **which) is None


def test_an_account_of_nobody_is_not_opened(studio: Studio) -> None:
    with studio.database.transaction() as session, pytest.raises(NotFound):
        open_account(session, SAUL, studio.org_id, "999", now=utcnow())


def test_a_template_of_another_company_looks_like_none(studio: Studio) -> None:
    studio.open()
    studio.register("es_MX")
    with studio.database.transaction() as session, pytest.raises(NotFound):
        template(session, "0" * 32, studio.template().id)
