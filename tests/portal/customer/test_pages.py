"""The customer's pages: landing, activation, checklist, receipt, leaving."""

import gzip
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from audit import AuditEvent
from intake.links import LinkSigner
from portal.customer.visits import COOKIE, digest_of
from portal.web.application import PortalApp
from portal.web.guards import guard_of
from records import links
from records.links import NoticeAcceptance, UploadLink, Visit
from records.organizations import PrivacyNotice
from records.requests import DocumentRequest, RequestState, Slot, SlotState
from records.uploads import QuarantineKey
from storage.database import new_id
from tests.intake.building import World
from tests.portal.customer.conftest import OURS, a_secret

CRAWLERS = [
    {"User-Agent": "WhatsApp/2.23.20.0"},
    {"User-Agent": "WhatsApp/2.23.20.0", "Range": "bytes=0-1023"},
    {"User-Agent": "facebookexternalhit/1.1"},
]


def snapshot(world: World) -> list[tuple[object, ...]]:
    """Every row that a link or a visit may touch."""
    tables = ("upload_links", "visits", "notice_acceptances", "document_requests", "slots", "audit_events", "uploads")
    with world.database.reading() as session:
        return [tuple(row) for table in tables for row in session.execute(text(f"SELECT * FROM {table} ORDER BY id"))]


def notice_id(world: World) -> str:
    with world.database.reading() as session:
        return session.scalars(select(PrivacyNotice.id)).one()


def activate(client: FlaskClient, world: World, token: str, **headers: str):
    return client.post(f"/s/{token}", data={"notice": notice_id(world)}, headers=OURS | headers)


def test_the_landing_says_who_asks_and_for_what(stranger: FlaskClient, token: str) -> None:
    page = stranger.get(f"/s/{token}")
    assert page.status_code == 200
    assert "Financiera del Valle te pide 2 documentos" in page.text
    assert "Acepto y continuar" in page.text
    assert "Usamos tus documentos solo para tu trámite." in page.text
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize("headers", CRAWLERS)
def test_a_crawler_changes_nothing_and_learns_nothing_personal(
    stranger: FlaskClient, world: World, token: str, headers: dict[str, str]
) -> None:
    before = snapshot(world)
    for _ in range(50):
        page = stranger.get(f"/s/{token}", headers=headers)
        stranger.head(f"/s/{token}", headers=headers)
    assert snapshot(world) == before
    assert re.findall(r"<title>(.*?)</title>", page.text) == ["Entrega segura de documentos · Resguardo"]
    assert "og:" not in page.text
    for personal in ("Ana", "+525511112222", "Crédito"):
        assert personal not in page.text


def test_every_get_and_head_leaves_the_rows_as_they_are(
    ana: FlaskClient, portal: PortalApp, world: World, token: str
) -> None:
    before = snapshot(world)
    for rule in portal.url_map.iter_rules():
        path = rule.rule.replace("<token>", token).replace("<upload_id>", new_id()).replace("<slot_id>", world.slots[0])
        for method in {"GET", "HEAD"} & (rule.methods or set()):
            if "<" not in path:
                ana.open(path, method=method)
    assert snapshot(world) == before


def closed_tokens(world: World, signer: LinkSigner) -> dict[str, str]:
    """One token of every closed kind."""
    good = signer.token(world.link_id)
    return {
        "unknown": signer.token(new_id()),
        "forged": LinkSigner([b"x" * 32]).token(world.link_id),
        "malformed": "xyz",
        "tampered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "longer": good + "=",
    }


@pytest.mark.parametrize("kind", ["unknown", "forged", "malformed", "tampered", "longer"])
def test_a_wrong_link_shows_the_page_of_every_closed_link(
    stranger: FlaskClient, world: World, signer: LinkSigner, kind: str
) -> None:
    token = closed_tokens(world, signer)[kind]
    expected = plain(stranger.get(f"/s/{signer.token(new_id())}"))
    assert plain(stranger.get(f"/s/{token}")) == expected
    assert plain(activate(stranger, world, token)) == expected
    assert plain(stranger.get(f"/s/{token}/notice")) == expected


@pytest.mark.parametrize("kind", ["expired", "revoked", "superseded", "cancelled"])
def test_a_closed_link_shows_the_page_of_an_unknown_one(
    stranger: FlaskClient, world: World, signer: LinkSigner, kind: str
) -> None:
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        match kind:
            case "expired":
                link.expires_at = world.clock.now - timedelta(seconds=1)
            case "revoked":
                links.revoke(session, link, now=world.clock.now)
            case "superseded":
                link.superseded_at = world.clock.now
            case "cancelled":
                link.request.cancel()
    token = signer.token(world.link_id)
    expected = plain(stranger.get(f"/s/{signer.token(new_id())}"))
    assert expected[0] == 404
    assert "Pide un enlace nuevo" in expected[1]
    assert plain(stranger.get(f"/s/{token}")) == expected
    assert plain(activate(stranger, world, token)) == expected


def plain(response) -> tuple[int, str]:
    """Status and text without what differs at every answer: references, and the address that asks for a new link."""
    return response.status_code, re.sub(r"[0-9a-f]{12}|nonce-\S+|/s/[^/\"]+/new", "", response.text)


def test_activation_opens_a_visit_and_takes_the_token_out_of_the_address(
    stranger: FlaskClient, world: World, token: str
) -> None:
    answer = activate(stranger, world, token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    secret = cookie.split(";")[0].partition("=")[2]
    assert len(secret) >= 43
    with world.database.reading() as session:
        visit = session.scalars(select(Visit).where(Visit.cookie_sha256 == digest_of(secret))).one()
        acceptance = session.scalars(select(NoticeAcceptance).where(NoticeAcceptance.visit_id == visit.id)).one()
        events = list(session.scalars(select(AuditEvent.event)))
        assert acceptance.link_id == world.link_id
        assert {"customer:link:activated", "customer:notice:accepted"} <= set(events)
        assert session.get_one(DocumentRequest, world.request_id).state == RequestState.OPENED
    stranger.set_cookie(COOKIE, secret, secure=True)
    assert stranger.get("/e", base_url="https://localhost").status_code == 200


def test_another_site_cannot_activate_a_link(stranger: FlaskClient, world: World, token: str) -> None:
    before = snapshot(world)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"}):
        answer = stranger.post(f"/s/{token}", data={"notice": notice_id(world)}, headers=headers)
        assert answer.status_code == 400
    assert stranger.post(f"/s/{token}", data={"notice": notice_id(world)}).status_code == 400
    assert snapshot(world) == before


def test_a_planted_cookie_does_not_become_the_visit(stranger: FlaskClient, world: World, token: str) -> None:
    stranger.set_cookie(COOKIE, "planted-by-an-attacker", secure=True)
    answer = stranger.post(f"/s/{token}", data={"notice": notice_id(world)}, headers=OURS, base_url="https://localhost")
    assert "planted-by-an-attacker" not in answer.headers["Set-Cookie"]
    with world.database.reading() as session:
        planted = digest_of("planted-by-an-attacker")
        assert session.scalars(select(Visit).where(Visit.cookie_sha256 == planted)).first() is None


def test_a_notice_that_was_not_shown_is_not_accepted(stranger: FlaskClient, world: World, token: str) -> None:
    old = notice_id(world)
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        session.add(
            PrivacyNotice(
                org_id=link.org_id, version=2, short={"es": "Nuevo"}, full={"es": "Nuevo"}, published_at=world.clock.now
            )
        )
    before = snapshot(world)
    answer = stranger.post(f"/s/{token}", data={"notice": old}, headers=OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/s/{token}")
    assert snapshot(world) == before


def test_no_session_is_needed_to_read_the_full_notice(stranger: FlaskClient, token: str, ana: FlaskClient) -> None:
    assert "Aviso de privacidad integral." in stranger.get(f"/s/{token}/notice").text
    assert "Aviso de privacidad integral." in ana.get("/e/notice").text


def test_the_checklist_says_why_how_and_how_much(ana: FlaskClient) -> None:
    page = ana.get("/e")
    assert page.status_code == 200
    for words in (
        "Identificación oficial", "Para confirmar que eres tú.", "Foto de hasta 25 MB o PDF de hasta 100 MB.",
        "10 años", "Frente", "Reverso", "Faltan 3 de 3.", 'capture="environment"', "ayuda@valle.example",
    ):  # fmt: skip
        assert words in page.text


@pytest.mark.parametrize("path", ["/e", "/e/state", "/e/done", "/e/notice"])
def test_without_a_visit_there_is_only_the_page_for_a_new_link(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path).status_code == 404
    stranger.set_cookie(COOKIE, "A" * 43, secure=True)
    assert stranger.get(path, base_url="https://localhost").status_code == 404


def test_a_revoked_link_ends_its_visits_at_once(ana: FlaskClient, world: World) -> None:
    assert ana.get("/e").status_code == 200
    with world.database.transaction() as session:
        links.revoke(session, session.get_one(UploadLink, world.link_id), now=world.clock.now)
    assert ana.get("/e").status_code == 404
    assert ana.get("/e/state").json["code"] == "link_closed"


def test_a_superseded_link_lets_its_visit_finish(ana: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(UploadLink, world.link_id).superseded_at = world.clock.now
    assert ana.get("/e").status_code == 200


def a_state(world: World, state: SlotState, reason: str | None = None, note: str | None = None) -> None:
    with world.database.transaction() as session:
        slot = session.get_one(Slot, world.slots[0])
        slot.state, slot.reason, slot.note = state, reason, note


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SlotState.MISSING, "Falta"),
        (SlotState.RECEIVED, "Recibido, en revisión"),
        (SlotState.FILED, "Recibido y archivado"),
        (SlotState.ACCEPTED, "Aceptado"),
        (SlotState.RETURNED, "Hay que enviarlo otra vez"),
        (SlotState.REFUSED, "No se pudo aceptar"),
    ],
)
def test_every_state_has_its_words(ana: FlaskClient, world: World, state: SlotState, words: str) -> None:
    a_state(world, state)
    assert words in ana.get("/e").text
    assert words in ana.get("/e/state").json["slots"][world.slots[0]]["html"]
    assert ana.get("/e/done").status_code == 200


def test_a_return_shows_reason_advice_and_note_escaped(ana: FlaskClient, world: World) -> None:
    a_state(world, SlotState.RETURNED, "unreadable", "Sale <b>borrosa</b> & oscura")
    page = ana.get("/e").text
    assert "No se alcanza a leer." in page
    assert "con buena luz" in page
    assert "Sale &lt;b&gt;borrosa&lt;/b&gt; &amp; oscura" in page
    assert f'action="/e/slots/{world.slots[0]}"' in page


def test_the_state_is_small_when_nothing_changed(ana: FlaskClient, world: World) -> None:
    first = ana.get("/e/state").json
    assert set(first["slots"]) == set(world.slots)
    same = ana.get(f"/e/state?v={first['v']}")
    assert set(same.json) == {"v", "review"}
    assert len(same.data) < 200
    a_state(world, SlotState.RECEIVED)
    changed = ana.get(f"/e/state?v={first['v']}").json
    assert changed["v"] != first["v"]
    assert changed["review"] is True


def test_another_links_upload_is_not_offered_for_resumption(ana: FlaskClient, world: World) -> None:
    upload = world.begin(length=10)
    assert ana.get("/e/state").json["slots"][world.slots[0]]["upload"] == upload
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        link.superseded_at = world.clock.now
        session.flush()
        fresh = links.issue(session, link.request, now=world.clock.now)
        assert fresh.id != world.link_id
        world.link_id = fresh.id
    from portal.customer.app import PACKAGE  # the same application, another browser

    other = ana.application.test_client()
    assert PACKAGE == "portal.customer"
    other.set_cookie(COOKIE, a_secret(world), secure=True)
    slot = other.get("/e/state", base_url="https://localhost").json["slots"][world.slots[0]]
    assert slot["upload"] is None
    assert slot["old"] == upload


def test_the_receipt_says_what_came_when_and_what_is_missing(ana: FlaskClient, world: World) -> None:
    a_state(world, SlotState.RECEIVED)
    page = ana.get("/e/done").text
    assert "Lo que llevamos hasta ahora" in page
    assert "Recibido, en revisión" in page
    assert page.count("Falta<") == 2
    with world.database.transaction() as session:
        for slot_id in world.slots:
            session.get_one(Slot, slot_id).state = SlotState.FILED
    assert "Listo, recibimos todo" in ana.get("/e/done").text


def csrf(client: FlaskClient) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]{64})"', client.get("/e/done").text)[0]


def test_the_token_of_the_forms_looks_different_in_every_page_and_stays_good(ana: FlaskClient) -> None:
    first, second = csrf(ana), csrf(ana)
    assert not {first[at : at + 8] for at in range(0, 64, 8)} & {second[at : at + 8] for at in range(0, 64, 8)}
    assert ana.post("/e/leave", data={"csrf": first}, headers=OURS).status_code in (200, 303)


@pytest.mark.parametrize("forged", ["{0}0", "{0}00", "{1}", "", "zz{0}", "é", "0" * 64])
def test_a_changed_token_is_refused(ana: FlaskClient, forged: str) -> None:
    token = csrf(ana)
    answer = ana.post("/e/leave", data={"csrf": forged.format(token, token[:-2])}, headers=OURS)
    assert answer.status_code == 400


def test_leaving_ends_the_visit_and_clears_the_browser(ana: FlaskClient) -> None:
    answer = ana.post("/e/leave", data={"csrf": csrf(ana)}, headers=OURS)
    assert answer.status_code == 200
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert ana.get("/e").status_code == 404


def test_leaving_needs_the_token_of_this_visit(ana: FlaskClient, portal: PortalApp, world: World) -> None:
    other = portal.test_client()
    other.set_cookie(COOKIE, a_secret(world), secure=True)
    assert ana.post("/e/leave", data={"csrf": csrf(other)}, headers=OURS).status_code == 400
    assert ana.post("/e/leave", headers=OURS).status_code == 400
    assert ana.post("/e/leave", data={"csrf": csrf(ana)}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert ana.get("/e").status_code == 200


@pytest.mark.parametrize(
    ("accept", "query", "words"),
    [
        ("en-US,en;q=0.9", "", "Accept and continue"),
        ("pt-BR", "", "Aceito e continuar"),
        ("fr", "", "Acepto y continuar"),
        ("fr", "?lang=en", "Accept and continue"),
        ("en", "?lang=pt", "Aceito e continuar"),
        ("en", "?lang=xx", "Accept and continue"),
    ],
)
def test_the_reader_chooses_the_language(
    stranger: FlaskClient, token: str, accept: str, query: str, words: str
) -> None:
    page = stranger.get(f"/s/{token}{query}", headers={"Accept-Language": accept})
    assert words in page.text


def test_the_partys_language_serves_a_browser_that_names_none(stranger: FlaskClient, world: World, token: str) -> None:
    with world.database.transaction() as session:
        session.get_one(UploadLink, world.link_id).request.party.locale = "pt-BR"
    assert "Aceito e continuar" in stranger.get(f"/s/{token}").text


class Outside(HTMLParser):
    """Collects addresses that a page would load or send to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action") and value and re.match(r"(https?:)?//", value):
                self.found.append(value)
            if name.startswith("on") or name == "style":
                self.inline.append(name)


MAIN_SCRIPT = 3_168
"""Bytes of the script when it could only send, compressed."""


def body_of(client: FlaskClient, path: str) -> bytes:
    with client.get(path) as answer:
        return answer.data


def test_pages_load_nothing_from_elsewhere_and_stay_small(ana: FlaskClient, stranger: FlaskClient, token: str) -> None:
    for client, path in ((stranger, f"/s/{token}"), (ana, "/e"), (ana, "/e/done"), (stranger, "/s/x"), (stranger, "/")):
        page = client.get(path)
        seen = Outside()
        seen.feed(page.text)
        assert (seen.found, seen.inline) == ([], [])
        names = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        packed = {name: len(gzip.compress(body_of(client, name), 9)) for name in names}
        assert len(page.data) + sum(packed.values()) <= 30_000
        assert sum(size for name, size in packed.items() if ".js?" in name) <= MAIN_SCRIPT + 3 * 1024


def test_every_answer_carries_the_headers(ana: FlaskClient, stranger: FlaskClient, token: str) -> None:
    for client, method, path in (
        (stranger, "GET", f"/s/{token}"), (stranger, "GET", "/s/x"), (ana, "GET", "/e"), (ana, "GET", "/e/state"),
        (stranger, "GET", "/nowhere"), (ana, "PUT", "/e"), (ana, "POST", f"/e/slots/{new_id()}"),
        (ana, "PATCH", f"/e/uploads/{new_id()}"), (stranger, "POST", "/e/uploads"),
    ):  # fmt: skip
        headers = client.open(path, method=method).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "noindex" in headers["X-Robots-Tag"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_unlisted_methods_are_refused(ana: FlaskClient) -> None:
    for method, path in (("TRACE", "/e"), ("PUT", "/e"), ("DELETE", "/e"), ("GET", "/e/uploads"), ("PUT", "/e/leave")):
        assert ana.open(path, method=method).status_code == 405


def test_every_route_is_guarded_and_only_these_are_public(portal: PortalApp) -> None:
    public = {name for name, view in portal.view_functions.items() if guard_of(view) == "public"}
    assert public == {
        "healthz", "readyz", "pages.home", "pages.landing", "pages.landing_notice", "pages.activate", "pages.favicon",
        "tus.options", "checking.ask", "checking.answer", "checking.compare",
        "receipts.show", "receipts.compare", "receipts.pdf", "receipts.facts",
        "renewal.ask", "renewal.asked",
    }  # fmt: skip
    waiting = {name for name, view in portal.view_functions.items() if guard_of(view) == "waiting_visit"}
    assert waiting == {"codes.show", "codes.confirm", "codes.again"}
    others = public | waiting | {"static"}
    assert {guard_of(view) for name, view in portal.view_functions.items() if name not in others} == {"visit"}


def test_the_portal_is_ready_when_its_store_answers(stranger: FlaskClient) -> None:
    assert stranger.get("/readyz").json["checks"] == {"blobs": "ok", "database": "ok", "quarantine key": "ok"}


def test_the_portal_is_not_ready_without_a_certified_key_of_the_day(stranger: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(QuarantineKey, world.keys.quarantine_id).custodian_signature = None
    answer = stranger.get("/readyz")
    assert (answer.status_code, answer.json["checks"]["quarantine key"]) == (503, "failed")


def test_a_link_opened_too_often_in_an_hour_opens_again_later(
    stranger: FlaskClient, world: World, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "VISITS_AN_HOUR", 3)  # the world has opened one
    assert [activate(stranger, world, token).status_code for _ in range(3)] == [303, 303, 429]
    with world.database.transaction() as session:
        for visit in session.scalars(select(Visit)):
            visit.started_at -= timedelta(hours=1)
        assert session.get_one(UploadLink, world.link_id).activations == 3
    assert activate(stranger, world, token).status_code == 303


def test_a_link_opened_too_often_at_all_looks_closed(
    stranger: FlaskClient, world: World, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_ACTIVATIONS", 2)
    assert [activate(stranger, world, token).status_code for _ in range(2)] == [303, 404]


def test_a_closed_link_does_not_wait_for_the_databases_writer(stranger: FlaskClient, world: World, token: str) -> None:
    with world.database.transaction() as session:
        links.revoke(session, session.get_one(UploadLink, world.link_id), now=world.clock.now)
    with world.database.transaction():  # somebody else writes
        assert activate(stranger, world, token).status_code == 404
