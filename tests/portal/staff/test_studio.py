"""The template studio at the console: wishes are written, words pass the linter, and nothing else changes."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event
from notifications.whatsapp.authentication import CODE
from notifications.whatsapp.library import BODIES, NAMES, REQUEST
from records.organizations import Organization
from records.senders import WhatsAppSender
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, TemplateWish
from storage.database import Database, utcnow
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser

WABA = "102290129340398"
PAGE = "/administration/message-templates"


@pytest.fixture
def saul(browser_of: Callable[[str], Browser], company: Company, sqlite_database: Database) -> Browser:
    """Saúl, whose company has a number."""
    with sqlite_database.transaction() as session:
        session.add(a_sender(company.org.id, WABA))
    return browser_of("saul")


def a_sender(org_id: str, waba_id: str) -> WhatsAppSender:
    sealed = {"token_boxed": b"t", "app_secret_boxed": b"s", "verify_token_sha256": "0" * 64}
    return WhatsAppSender(org_id=org_id, phone_number_id=f"1{waba_id}", waba_id=waba_id, **sealed)


def register(saul: Browser, *languages: str, waba: str = WABA) -> int:
    return saul.post(f"{PAGE}/register", {"waba": waba, "language": list(languages)}, page=PAGE).status_code  # type: ignore[dict-item]


def rows(database: Database) -> dict[tuple[str, str], MessageTemplate]:
    with database.reading() as session:
        return {(row.name, row.language): row for row in session.scalars(select(MessageTemplate))}


def approve(database: Database, **values: object) -> MessageTemplate:
    """The platform approved the request in Spanish."""
    with database.transaction() as session:
        row = session.scalars(select(MessageTemplate).filter_by(name=REQUEST, language="es_MX")).one()
        approved = {"status": TemplateStatus.APPROVED, "wish": None, "remote_id": "1", "category": "UTILITY"}
        for name, value in (approved | values).items():
            setattr(row, name, value)
        return row


def words(body: str, **more: str) -> dict[str, str]:
    return {"body": body, "footer": "Responde BAJA para no recibir avisos", "label": "Abrir portal seguro", **more}


def test_without_a_number_there_is_nothing_to_register(browser_of: Callable[[str], Browser]) -> None:
    page = browser_of("saul").get(PAGE).get_data(as_text=True)
    assert "Aún no hay un número de WhatsApp" in page


def test_saul_registers_the_library_in_the_languages_he_chose(saul: Browser, sqlite_database: Database) -> None:
    assert "Registra la biblioteca" in saul.get(PAGE).get_data(as_text=True)
    assert register(saul, "es_MX", "en", "xx") == 303
    made = rows(sqlite_database)
    assert set(made) == {(name, language) for name in (*NAMES, CODE) for language in ("es_MX", "en")}
    assert {(row.wish, row.status) for row in made.values()} == {(TemplateWish.SUBMIT, TemplateStatus.DRAFT)}
    page = saul.get(PAGE).get_data(as_text=True)
    assert "10 plantillas van a WhatsApp." in page
    assert page.count("Por enviar") == 10
    assert register(saul, "es_MX") == 303
    assert "ya están registradas" in saul.get(PAGE).get_data(as_text=True)
    with sqlite_database.reading() as session:
        told = list(session.scalars(select(AuditEvent.event).where(AuditEvent.event.contains("template"))))
    assert told.count(Event.STAFF_MESSAGE_TEMPLATE_SUBMITTED) == 10


def test_other_words_go_to_review_when_they_pass(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database)
    better = BODIES[REQUEST, "es_MX"].replace("tiene pasos pendientes", "sigue en marcha")
    assert saul.post(f"{PAGE}/{row.id}/submit", words(better), page=PAGE).status_code == 303
    changed = rows(sqlite_database)[REQUEST, "es_MX"]
    assert (changed.body, changed.wish) == (better, TemplateWish.SUBMIT)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("Hola {{1}}, sube tu INE para {{2}}. Código {{3}} del portal.", "«ine» pide o nombra"),
        ("Hola {{1}}, tu trámite {{2}} sigue en marcha en el portal.", "lleva {{1}} (nombre)"),
        ("", "Debe tener de 1 a 1024"),
    ],
)
def test_words_that_review_would_reject_stay_on_the_page(
    saul: Browser, sqlite_database: Database, body: str, told: str
) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database)
    answer = saul.post(f"{PAGE}/{row.id}/submit", words(body), page=PAGE)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert told in page
    assert body in page
    kept = rows(sqlite_database)[REQUEST, "es_MX"]
    assert (kept.body, kept.wish) == (BODIES[REQUEST, "es_MX"], None)


def test_checking_shows_what_is_wrong_and_changes_nothing(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database)
    answer = saul.post(f"{PAGE}/{row.id}/check", words("<b>Hola</b> {{1}}, {{2}}", label="x" * 40), page=PAGE)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "&lt;b&gt;Hola&lt;/b&gt; Ana, Crédito 4711" in page
    assert "Debe tener de 1 a 25" not in page  # the field holds no more than that
    kept = rows(sqlite_database)[REQUEST, "es_MX"]
    assert (kept.body, kept.wish, kept.changed_at) == (BODIES[REQUEST, "es_MX"], None, row.changed_at)


def test_a_template_under_review_waits(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database, status=TemplateStatus.PENDING)
    assert "WhatsApp la está revisando" in saul.get(f"{PAGE}/{row.id}").get_data(as_text=True)
    assert saul.post(f"{PAGE}/{row.id}/submit", words(row.body), page=PAGE).status_code == 409


def test_what_needs_a_look_is_at_the_top(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    assert "Hay que mirar esto" not in saul.get(PAGE).get_data(as_text=True)
    row = approve(sqlite_database, category="MARKETING", quality="RED", submitted_sha256="a", remote_sha256="b")
    page = saul.get(PAGE).get_data(as_text=True)
    for told in ("la pasó a otra categoría", "la califican mal", "dice otra cosa"):
        assert told in page
    approve(sqlite_database, status=TemplateStatus.REJECTED, reason="PROMOTIONAL", error="100/2388299")
    page = saul.get(f"{PAGE}/{row.id}").get_data(as_text=True)
    assert "WhatsApp la considera publicidad." in page
    assert "no puede empezar ni terminar" in page


def test_the_day_of_the_next_change_is_told(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database, edits=[utcnow().isoformat()])
    assert "un cambio al día" in saul.get(f"{PAGE}/{row.id}").get_data(as_text=True)


def test_saul_chooses_the_standby_and_what_becomes_of_marketing(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "es_MX")
    row = approve(sqlite_database)
    assert saul.post(f"{PAGE}/{row.id}/standby", {"standby": NAMES[1]}, page=PAGE).status_code == 303
    assert saul.post(f"{PAGE}/{row.id}/standby", {"standby": CODE}, page=PAGE).status_code == 404
    assert saul.post(f"{PAGE}/policy", {"waba": WABA, "refuse": "1"}, page=PAGE).status_code == 303
    assert rows(sqlite_database)[REQUEST, "es_MX"].standby_name == NAMES[1]
    with sqlite_database.reading() as session:
        assert session.scalars(select(TemplateAccount)).one().refuse_marketing
    assert saul.post(f"{PAGE}/policy", {"waba": WABA}, page=PAGE).status_code == 303
    assert saul.post(f"{PAGE}/policy", {"waba": "1"}, page=PAGE).status_code == 404


def test_the_words_of_codes_are_not_ours(saul: Browser, sqlite_database: Database) -> None:
    register(saul, "pt_BR")
    row = rows(sqlite_database)[CODE, "pt_BR"]
    page = saul.get(f"{PAGE}/{row.id}").get_data(as_text=True)
    assert "é seu código de verificação" in page
    assert 'name="body"' not in page
    assert saul.post(f"{PAGE}/{row.id}/submit", words("Tu código"), page=PAGE).status_code == 303
    assert rows(sqlite_database)[CODE, "pt_BR"].body == ""


def test_an_account_or_a_template_of_another_company_looks_like_none(saul: Browser, sqlite_database: Database) -> None:
    with sqlite_database.transaction() as session:
        other = Organization(slug="otra", name="Otra", created_at=utcnow())
        session.add(other)
        session.flush()
        session.add(a_sender(other.id, "777"))
    assert register(saul, "es_MX", waba="777") == 404
    assert saul.post(f"{PAGE}/sync", {"waba": "777"}, page=PAGE).status_code == 404
    register(saul, "es_MX")
    with sqlite_database.transaction() as session:
        row = session.scalars(select(MessageTemplate)).first()
        assert row is not None
        row.org_id = session.scalars(select(Organization.id).where(Organization.slug == "otra")).one()
        foreign = row.id
    assert saul.get(f"{PAGE}/{foreign}").status_code == 404
    for what in ("check", "submit", "standby"):
        assert saul.post(f"{PAGE}/{foreign}/{what}", words("Hola"), page=PAGE).status_code == 404
