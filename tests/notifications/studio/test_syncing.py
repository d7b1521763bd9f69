"""Reading the account's list: whoever made or changed a template, the rows say how it stands there."""

from datetime import timedelta

from notifications.whatsapp.library import BODIES, NAMES, REQUEST
from notifications.whatsapp.templates import find, unchecked_payload
from records.senders import WhatsAppSender
from records.templates import TemplateStatus, sendable
from storage.database import utcnow
from tests.notifications.studio.conftest import Studio
from tests.portal.gateway.company import PUBLIC_URL


def there(studio: Studio, name: str = REQUEST, base_url: str = f"{PUBLIC_URL}/s/") -> dict:
    """Somebody registered a template by hand."""
    body = unchecked_payload(find(REQUEST, "es_MX"), base_url=base_url) | {"name": name}
    studio.courier.stage.sim("templates", body)
    return body


def test_templates_that_somebody_registered_by_hand_are_taken_over(studio: Studio) -> None:
    there(studio)
    there(studio, "promociones_v1")
    studio.open()
    assert studio.sync() == 1
    (taken,) = studio.templates()
    assert (taken.name, taken.status, taken.category) == (REQUEST, TemplateStatus.APPROVED, "UTILITY")
    assert taken.body == BODIES[REQUEST, "es_MX"]
    assert not taken.differs
    assert studio.account().synced_at is not None
    assert studio.register("es_MX") == len(NAMES)


def test_a_template_for_another_address_is_told_apart(studio: Studio) -> None:
    there(studio, base_url="https://old.aurora.example/s/")
    studio.open()
    studio.sync()
    assert studio.template().differs


def test_words_that_were_changed_at_the_platform_are_told_apart(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    assert not studio.template().differs
    body = there(studio)
    body["components"][0]["text"] = body["components"][0]["text"].replace("Hola", "Buenas")
    studio.courier.stage.sim("templates", body)
    studio.sync(after=timedelta(hours=7))
    assert studio.template().differs


def test_a_template_that_is_gone_is_gone(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.courier.stage.sim("webhook", {"url": "http://127.0.0.1:9/"})
    studio.courier.stage.sim(f"templates/{studio.template().remote_id}", {"event": "DELETED"})
    assert studio.template().status == TemplateStatus.APPROVED
    studio.sync(after=timedelta(hours=7))
    assert (studio.template().status, studio.template().remote_id) == (TemplateStatus.DELETED, None)


def test_half_a_list_changes_nothing(studio: Studio) -> None:
    studio.approved("es_MX")
    studio.sync()
    studio.fault("expired_token")
    studio.sync(after=timedelta(hours=7))
    assert studio.account().error == "190/463"
    assert studio.template().status == TemplateStatus.APPROVED
    studio.mend()
    studio.sync(after=timedelta(hours=8))
    assert studio.account().error is None


def test_an_account_whose_token_may_not_manage_sends_as_before(studio: Studio) -> None:
    studio.fault("expired_token")
    studio.open()
    studio.sync()
    assert (studio.account().synced_at, studio.account().error) == (None, "190/463")
    with studio.database.reading() as session:
        assert sendable(session, org_id=studio.org_id, waba_id=studio.waba_id, name=REQUEST, language="es_MX")


def test_an_account_without_a_number_is_left_alone(studio: Studio) -> None:
    studio.open()
    studio.courier.change(WhatsAppSender, studio.courier.gateway.company.sender_id, waba_id="555")
    studio.sync()
    assert (studio.account().error, studio.account().due_at) == ("no_sender", None)


def test_the_list_is_read_again_by_itself(studio: Studio) -> None:
    studio.open()
    studio.sync()
    due = studio.account().due_at
    assert due is not None
    assert timedelta(hours=5) < due - utcnow() < timedelta(hours=7)
    assert studio.sync() == 0
