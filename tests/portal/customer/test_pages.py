"""The customer's pages: landing, activation, checklist, receipt, leaving."""

from flask.testing import FlaskClient


def test_the_landing_says_who_asks_and_for_what(stranger: FlaskClient, token: str) -> None:
    page = stranger.get(f"/s/{token}")
    assert page.status_code == 200
    assert "Financiera del Valle te pide 2 documentos" in page.text
    assert "Acepto y continuar" in page.text


def test_the_checklist_shows_its_cards(ana: FlaskClient) -> None:
    page = ana.get("/e")
    assert page.status_code == 200
    assert "Identificación oficial" in page.text
    assert len(page.data) < 16_000
