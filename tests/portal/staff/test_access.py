"""Who reaches which route: every route of the console, every role, Omar of the other team, and nobody at all."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event
from portal.web.application import PortalApp
from portal.web.guards import PUBLIC, guard_of
from records.apikeys import create_api_key
from records.exports import request_export
from records.organizations import Organization
from records.people import Member
from records.policy import Action
from records.templates import MessageTemplate, TemplateAccount
from storage.database import Database, utcnow
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import SAME_ORIGIN, Browser

EVERYBODY = frozenset({"eva", "sofia", "carla", "saul", "aurora"})
READERS = frozenset({"eva", "sofia", "carla", "aurora"})
REVIEWERS = frozenset({"eva", "sofia"})
VIEWERS = REVIEWERS | {"carla"}
AUDITORS = frozenset({"carla", "aurora"})
ANYBODY = ("signing_in.form", "signing_in.enter", "healthz", "readyz")


@dataclass(frozen=True, slots=True)
class Route:
    """Who may use a route; `of_case` when it concerns one case, so that Omar may not."""

    allowed: frozenset[str]
    of_case: bool = False


MATRIX = {
    "signing_in.home": Route(EVERYBODY),
    "signing_in.leave": Route(EVERYBODY),
    "signing_in.choose_language": Route(EVERYBODY),
    "board.show": Route(READERS),
    "board.search": Route(READERS),
    "cases.show": Route(READERS, of_case=True),
    "cases.reassign": Route(frozenset({"sofia"}), of_case=True),
    "cases.close": Route(frozenset({"sofia"}), of_case=True),
    "chats.show": Route(READERS),
    "chats.handled": Route(REVIEWERS),
    "chats.opt_in": Route(REVIEWERS, of_case=True),
    "reviewing.show": Route(VIEWERS, of_case=True),
    "reviewing.accept": Route(REVIEWERS, of_case=True),
    "reviewing.return_": Route(REVIEWERS, of_case=True),
    "waiving.waive": Route(REVIEWERS, of_case=True),
    "waiving.insist": Route(REVIEWERS, of_case=True),
    "pages.image": Route(VIEWERS, of_case=True),
    "pages.original": Route(frozenset({"carla"}), of_case=True),
    "requesting.new_case": Route(REVIEWERS),
    "requesting.ask_in_new_case": Route(REVIEWERS),
    "requesting.new_request": Route(REVIEWERS, of_case=True),
    "requesting.ask": Route(REVIEWERS, of_case=True),
    "requesting.copy_link": Route(REVIEWERS, of_case=True),
    "following_up.pause": Route(REVIEWERS, of_case=True),
    "following_up.resume": Route(REVIEWERS, of_case=True),
    "following_up.clear_call": Route(REVIEWERS, of_case=True),
    "requesting.revoke_link": Route(VIEWERS, of_case=True),
    "requesting.send_again": Route(REVIEWERS, of_case=True),
    "requesting.cancel": Route(REVIEWERS, of_case=True),
    "exporting.ask": Route(frozenset({"carla"}), of_case=True),
    "exporting.download": Route(frozenset({"carla"}), of_case=True),
    "messages.show": Route(REVIEWERS),
    "messages.retry": Route(REVIEWERS, of_case=True),
    "messages.move": Route(REVIEWERS, of_case=True),
    "messages.cancel": Route(REVIEWERS, of_case=True),
    "messages.confirm": Route(REVIEWERS, of_case=True),
    "sending.overview": Route(frozenset({"saul"})),
    "sending.close_breaker": Route(frozenset({"saul"})),
    "sending.close_alarm": Route(frozenset({"saul"})),
    "auditing.show": Route(AUDITORS),
    "auditing.check": Route(AUDITORS),
    "administering.overview": Route(frozenset({"saul"})),
    "administering.disable": Route(frozenset({"saul"})),
    "administering.enable": Route(frozenset({"saul"})),
    "administering.make_key": Route(frozenset({"saul"})),
    "administering.rotate_key": Route(frozenset({"saul"})),
    "administering.revoke_key": Route(frozenset({"saul"})),
    "integrating.overview": Route(frozenset({"saul"})),
    "integrating.log": Route(frozenset({"saul"})),
    "integrating.delivery": Route(frozenset({"saul"})),
    "integrating.replay": Route(frozenset({"saul"})),
    "integrating.pause": Route(frozenset({"saul"})),
    "integrating.resume": Route(frozenset({"saul"})),
    "integrating.test": Route(frozenset({"saul"})),
    "integrating.replay_failed": Route(frozenset({"saul"})),
    "studio.overview": Route(frozenset({"saul"})),
    "studio.register": Route(frozenset({"saul"})),
    "studio.sync": Route(frozenset({"saul"})),
    "studio.decide": Route(frozenset({"saul"})),
    "studio.show": Route(frozenset({"saul"})),
    "studio.check": Route(frozenset({"saul"})),
    "studio.submit": Route(frozenset({"saul"})),
    "studio.stand_by": Route(frozenset({"saul"})),
}


@dataclass(frozen=True, slots=True)
class Target:
    """One address of the console with the ids of real rows."""

    endpoint: str
    method: str
    path: str


@pytest.fixture
def targets(console: PortalApp, company: Company, sqlite_database: Database) -> list[Target]:
    """Every rule of the URL map, filled with the ids of Eva's case."""
    with sqlite_database.transaction() as session:
        case = company.a_case(session)
        request = company.a_request(session, case)
        document = company.a_document(session, request.slots[0])
        export = request_export(session, company.members["carla"], case.id, now=utcnow())
        ids = {
            "case_id": case.id,
            "request_id": request.id,
            "document_id": document.id,
            "slot_id": request.slots[1].id,
            "export_id": export.id,
            "member_id": company.members["aurora"].id,
            "key_id": "0" * 32,
            "file_id": company.a_chat_file(session).id,
            "message_id": company.a_message(session, request).id,
            "party_id": request.party_id,
            "breaker_id": "0" * 32,
            "alarm_id": "0" * 32,
            "subscriber_id": "0" * 32,
            "delivery_id": "0" * 32,
            "template_id": "0" * 32,
            "page": 1,
        }
    found = []
    with console.test_request_context():
        adapter = console.url_map.bind("staff.localhost", url_scheme="https")
        for rule in console.url_map.iter_rules():
            if rule.endpoint.endswith("static"):
                continue
            values = {name: ids[name] for name in rule.arguments}
            for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
                found.append(Target(rule.endpoint, method, adapter.build(rule.endpoint, values, method=method)))
    return found


def call(browser: Browser, target: Target) -> int:
    """Use an address as a page of ours would."""
    if target.method == "GET":
        return browser.get(target.path).status_code
    return browser.post(target.path, page="/sign-in").status_code


def test_every_route_is_in_the_matrix(targets: list[Target]) -> None:
    assert {target.endpoint for target in targets} == MATRIX.keys() | set(ANYBODY)


def test_every_route_carries_a_guard_of_the_policy(console: PortalApp) -> None:
    known = {PUBLIC, "signed_in", *Action}
    for endpoint, view in console.view_functions.items():
        if not endpoint.endswith("static"):
            assert guard_of(view) in known, endpoint


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_each_role_reaches_its_routes_and_no_others(
    who: str, targets: list[Target], company: Company, console: PortalApp
) -> None:
    for target in targets:
        if target.endpoint in ANYBODY:
            continue
        browser = Browser(console)
        _enter(browser, company, who)
        status = call(browser, target)
        if who in MATRIX[target.endpoint].allowed:
            assert status not in (401, 403, 500), (who, target, status)
        else:
            assert status == 403, (who, target, status)


def test_omar_cannot_reach_anything_of_another_teams_case(
    targets: list[Target], browser_of: Callable[[str], Browser], company: Company
) -> None:
    omar = browser_of("omar")
    for target in targets:
        if target.endpoint in MATRIX and MATRIX[target.endpoint].of_case:
            assert call(omar, target) == 403, target
    assert company.opener.asked == []


def test_nobody_reaches_anything_without_signing_in(targets: list[Target], browser: Browser) -> None:
    for target in targets:
        if target.endpoint not in ANYBODY:
            assert call(browser, target) == 401, target


def test_another_method_is_405_and_never_a_way_in(targets: list[Target], browser_of: Callable[[str], Browser]) -> None:
    carla = browser_of("carla")
    for target in targets:
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            answer = carla.client.open(target.path, method=method, base_url="https://staff.localhost")
            assert answer.status_code == 405, (method, target)


def test_a_post_without_its_token_changes_nothing(targets: list[Target], browser_of: Callable[[str], Browser]) -> None:
    for who in ("sofia", "carla", "saul"):
        browser = browser_of(who)
        for target in targets:
            if target.method != "POST" or who not in getattr(MATRIX.get(target.endpoint), "allowed", ()):
                continue
            bare = browser.client.post(target.path, headers=SAME_ORIGIN, base_url="https://staff.localhost")
            assert bare.status_code == 400, target


def test_a_post_from_another_site_is_refused_even_with_a_token(
    targets: list[Target], browser_of: Callable[[str], Browser]
) -> None:
    browser = browser_of("sofia")
    token = browser.token()
    for site in ("cross-site", "same-site"):
        for target in targets:
            if target.method == "POST" and "sofia" in getattr(MATRIX.get(target.endpoint), "allowed", ()):
                answer = browser.client.post(
                    target.path,
                    data={"csrf_token": token},
                    headers={"Sec-Fetch-Site": site},
                    base_url="https://staff.localhost",
                )
                assert answer.status_code == 400, (site, target)


def test_signing_in_from_another_site_is_refused(browser: Browser, company: Company) -> None:
    token = browser.token()
    answer = browser.client.post(
        "/sign-in",
        data={"csrf_token": token},
        headers={"Sec-Fetch-Site": "cross-site"},
        base_url="https://staff.localhost",
    )
    assert answer.status_code == 400


def test_a_stranger_organizations_ids_look_like_none(
    console: PortalApp, browser_of: Callable[[str], Browser], targets: list[Target]
) -> None:
    sofia = browser_of("sofia")
    assert sofia.get("/cases/" + "a" * 32).status_code == 404
    assert sofia.get("/documents/" + "a" * 32).status_code == 404
    for odd in ("/cases/%00", "/cases/../etc", "/cases/" + "A" * 32, "/documents/x/pages/1", "/cases/" + "a" * 33):
        assert sofia.get(odd).status_code == 404, odd


@dataclass(frozen=True, slots=True)
class Stranger:
    """What another organization owns."""

    ids: dict[str, str]


@pytest.fixture
def stranger(company: Company, sqlite_database: Database) -> Stranger:
    """A row of every kind in an organization of which nobody here knows anything."""
    with sqlite_database.transaction() as session:
        case = company.a_case(session)
        request = company.a_request(session, case)
        document = company.a_document(session, request.slots[0])
        export = request_export(session, company.members["carla"], case.id, now=utcnow())
        key, _ = create_api_key(session, org_id=company.org.id, name="CRM", scopes=["requests:read"], now=utcnow())
        other = Organization(slug="otra", name="Otra", created_at=utcnow())
        session.add(other)
        session.flush()
        member = Member(
            org_id=other.id,
            email="x@otra.example",
            name="X",
            role="executive",
            password_hash="x",
            totp_boxed=b"x",
            created_at=utcnow(),
        )
        session.add(member)
        account = TemplateAccount(org_id=other.id, waba_id="777")
        words = {
            "body": "Hola",
            "footer": "BAJA",
            "label": "Abrir",
            "wanted_category": "UTILITY",
            "changed_at": utcnow(),
        }
        template = MessageTemplate(org_id=other.id, account=account, name="a_v1", language="en", **words)
        session.add(template)
        file, party = company.a_chat_file(session), request.party
        for row in (case, request, request.slots[1], document, export, key, file, party):
            row.org_id = other.id
        session.flush()
        return Stranger({
            "case_id": case.id, "request_id": request.id, "slot_id": request.slots[1].id,
            "document_id": document.id, "export_id": export.id,
            "member_id": member.id, "key_id": key.id, "file_id": file.id, "party_id": party.id,
            "template_id": template.id,
        })  # fmt: skip


def test_an_id_of_another_organization_looks_like_none_and_leaves_a_trace(
    console: PortalApp, browser_of: Callable[[str], Browser], stranger: Stranger, sqlite_database: Database
) -> None:
    adapter = console.url_map.bind("staff.localhost", url_scheme="https")
    ids = stranger.ids | {"page": "1"}
    none = dict.fromkeys(stranger.ids, "0" * 32) | {"page": "1"}
    who = {endpoint: sorted(route.allowed - {"aurora"})[-1] for endpoint, route in MATRIX.items()}
    expected = []
    for rule in console.url_map.iter_rules():
        if not rule.arguments & stranger.ids.keys():
            continue
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        browser = browser_of(who[rule.endpoint])
        answers = []
        for values in (none, ids):
            path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method=method)
            answer = browser.get(path) if method == "GET" else browser.post(path)
            assert answer.status_code == 404, (path, answer.status_code)
            page = answer.get_data(as_text=True).replace(path, "")
            answers.append(re.sub(r"[0-9a-f]{12}|[\w.-]{20,}", "", page))
        assert answers[0] == answers[1], rule.endpoint
        expected.append(rule.endpoint)
    with sqlite_database.reading() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.STAFF_ACCESS_REFUSED.value)).all()
    assert sorted(event.details["endpoint"] for event in found) == sorted(expected)
    assert {event.details["reason"] for event in found} == {"organization"}
    assert {event.subject_id for event in found} <= set(stranger.ids.values())


def _enter(browser: Browser, company: Company, who: str) -> None:
    """Sign in; a code works once, so the member's last step is forgotten between tries of this test."""
    database: Database = browser.client.application.database  # type: ignore[union-attr]
    with database.transaction() as session:
        member = session.get_one(Member, company.members[who].id)
        member.totp_last_step, member.active = 0, True
        session.get_one(Member, company.members["aurora"].id).active = True
    assert browser.sign_in(company, who).status_code == 303
