"""A company is founded from the command line, and every step of it stands in the trail."""

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from audit import AuditEvent, Event
from portal.cli.session import operator
from records.apikeys import ApiKeyRefused, Scope, authenticate
from records.contacting import ContactRules
from records.organizations import Organization, Team, current_notice
from records.people import Member, Role
from records.requirements import current_template
from records.senders import SmsSender, WhatsAppSender
from records.signing_in import Passwords, claim_try, prove
from storage.database import utcnow
from storage.sealing import keyfiles
from storage.sealing.box import Box

LONG = "una frase larga de verdad"
TEXT = {"es": "Texto", "en": "Text"}
CREATE_EVA = ("member", "create", "aurora", "Eva@Aurora.example", "--name", "Eva", "--role", "executive")


def events(database):
    with database.reading() as session:
        return [row.event for row in session.scalars(select(AuditEvent).order_by(AuditEvent.at, AuditEvent.id))]


def test_a_company_and_its_team_are_created_and_recorded(run, company, database):
    with database.reading() as session:
        found = session.scalars(select(Organization)).one()
        assert (found.slug, found.name, found.country) == ("aurora", "Financiera Aurora", "MX")
        assert session.scalars(select(Team)).one().org_id == found.id
        recorded = session.scalars(select(AuditEvent)).all()
    assert {row.event for row in recorded} == {
        Event.ADMINISTRATOR_ORGANIZATION_CREATED,
        Event.ADMINISTRATOR_TEAM_CREATED,
    }
    assert {row.actor_id for row in recorded} == {operator()}
    assert all("Aurora" not in json.dumps(row.details) for row in recorded)


def test_what_a_company_accepts_is_refused_until_it_says_otherwise_and_each_change_is_recorded(run, company, database):
    assert (
        run("organization", "accept", company).output
        == "active_pdfs: refuse\npdf_attachments: refuse\noffice: refuse\n"
    )
    run("organization", "accept", company, "--active-pdfs", "flag")
    run("organization", "accept", company, "--active-pdfs", "flag")
    with database.reading() as session:
        found = session.scalars(select(Organization)).one()
        assert (found.flag_active_pdfs, found.flag_pdf_attachments) == (True, False)
    assert events(database).count(Event.ADMINISTRATOR_ORGANIZATION_CHANGED) == 1
    run("organization", "accept", company, "--active-pdfs", "always", fails=2)


@pytest.mark.parametrize(
    "words",
    [
        ("organization", "create", "aurora", "--name", "Otra"),
        ("organization", "create", "Au rora", "--name", "Otra"),
        ("organization", "create", "otra", "--name", "Otra", "--timezone", "Mars/Base"),
        ("organization", "create", "otra", "--name", "Otra", "--country", "mx"),
        ("team", "create", "aurora", "Crédito"),
        ("team", "create", "nobody", "Crédito"),
        ("member", "disable", "nobody@aurora.example"),
        ("apikey", "create", "nobody", "--name", "CRM"),
        ("apikey", "create", "aurora", "--name", "CRM", "--team", "Ventas"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_leaves_nothing(run, company, database, words):
    before = events(database)
    refused = run(*words, fails=1)
    assert refused.output.startswith("Error: ")
    assert refused.output.count("\n") == 1
    assert events(database) == before


def test_a_member_signs_in_with_what_was_printed_once(run, company, database, keys):
    made = run(*CREATE_EVA, "--team", "Crédito", given=f"{LONG}\n{LONG}\n")
    assert LONG not in made.output
    uri = next(word for word in made.output.split() if word.startswith("otpauth://"))
    seed = parse_qs(urlsplit(uri).query)["secret"][0]
    passwords, now = Passwords(), utcnow()
    box = Box([keyfiles.read(keys / "staff" / "staff_box_key")])
    with database.transaction() as session:
        claim = claim_try(session, "eva@aurora.example", nobody=passwords.nobody, now=now)
    step = prove(
        claim,
        untrusted_password=LONG,
        untrusted_code=pyotp.TOTP(seed).at(now),
        passwords=passwords,
        open_seed=lambda row, boxed: box.open(boxed, table="members", row=row, column="totp_boxed"),
        now=now,
    )
    assert step is not None
    assert events(database)[-1] == Event.ADMINISTRATOR_MEMBER_CREATED
    assert seed.encode() not in Path(database.url.database).read_bytes()


def test_a_short_password_is_refused(run, company, database):
    refused = run(*CREATE_EVA, "--team", "Crédito", given="catorce-letras\ncatorce-letras\n", fails=1)
    assert "at least 15" in refused.output
    with database.reading() as session:
        assert session.scalars(select(Member)).all() == []


def test_an_executive_needs_a_team_and_an_address_belongs_to_one_person(run, company):
    assert "--team" in run(*CREATE_EVA, "--generate", fails=1).output
    run(*CREATE_EVA, "--team", "Crédito", "--generate")
    again = run("member", "create", company, "EVA@aurora.example", "--name", "E", "--role", "auditor", fails=1)
    assert "already" in again.output


def test_a_disabled_member_and_a_reset_one_lose_their_sessions(run, company, database):
    run(*CREATE_EVA, "--team", "Crédito", "--generate")
    with database.reading() as session:
        before = session.scalars(select(Member)).one()
    run("member", "reset", "eva@aurora.example", "--generate")
    run("member", "disable", "eva@aurora.example")
    run("member", "disable", "eva@aurora.example", fails=1)
    with database.reading() as session:
        after = session.scalars(select(Member)).one()
    assert not after.active
    assert after.session_epoch == before.session_epoch + 2
    assert after.password_hash != before.password_hash
    assert after.totp_boxed != before.totp_boxed
    assert events(database)[-2:] == [Event.ADMINISTRATOR_MEMBER_RESET, Event.ADMINISTRATOR_MEMBER_DISABLED]
    assert after.role == Role.EXECUTIVE


def test_a_notice_is_published_in_versions(run, company, database, tmp_path):
    file = tmp_path / "notice.json"
    file.write_text(json.dumps({"short": TEXT, "full": TEXT}))
    assert "privacy notice 1" in run("notice", "publish", file, "--org", company).output
    assert "privacy notice 2" in run("notice", "publish", file, "--org", company).output
    with database.reading() as session:
        org = session.scalars(select(Organization)).one()
        assert current_notice(session, org.id).version == 2
        assert current_notice(session, org.id).short == TEXT


def a_template(**more):
    requirement = {"key": "domicilio", "title": TEXT, "why": TEXT, "retention": TEXT}
    return {"key": "credito", "name": TEXT, "requirements": [requirement]} | more


def test_a_template_is_published_in_versions(run, company, database, tmp_path):
    file = tmp_path / "template.json"
    file.write_text(json.dumps(a_template(link_days=3)))
    assert run("template", "publish", file, "--org", company).output == "credito/1\n"
    assert run("template", "publish", file, "--org", company).output == "credito/2\n"
    with database.reading() as session:
        found = current_template(session, org_id=session.scalars(select(Organization.id)).one(), key="credito")
        assert (found.version, found.link_days, found.requirements[0].sides) == (2, 3, ["whole"])


def test_a_template_asks_for_a_code_only_where_it_says_so(run, company, database, tmp_path):
    file = tmp_path / "template.json"
    for more in ({}, {"second_factor": True}):
        file.write_text(json.dumps(a_template(**more)))
        run("template", "publish", file, "--org", company)
        with database.reading() as session:
            found = current_template(session, org_id=session.scalars(select(Organization.id)).one(), key="credito")
            assert found.second_factor is bool(more)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        json.dumps(a_template(key="Bad Key")),
        json.dumps(a_template(requirements=[])),
        json.dumps(a_template(surprise=1)),
        json.dumps(a_template(name={"en": "No Spanish"})),
        json.dumps(a_template(requirements=a_template()["requirements"] * 2)),
        json.dumps(a_template(requirements=[{**a_template()["requirements"][0], "max_pdf_mb": 900}])),
    ],
)
def test_a_bad_template_is_refused_without_a_row(run, company, database, tmp_path, content):
    file = tmp_path / "template.json"
    file.write_text(content)
    before = events(database)
    assert run("template", "publish", file, "--org", company, fails=1).output.startswith("Error: ")
    assert events(database) == before


def test_a_template_asks_for_office_documents_only_where_the_company_accepts_them(run, company, tmp_path):
    file = tmp_path / "template.json"
    asked = a_template()
    asked["requirements"][0]["formats"] = ["pdf", "office"]
    file.write_text(json.dumps(asked))
    assert "accepts no office" in run("template", "publish", file, "--org", company, fails=1).output
    run("organization", "accept", company, "--office", "accept")
    assert run("template", "publish", file, "--org", company).output == "credito/1\n"
    asked["requirements"][0]["formats"] = ["office"]
    file.write_text(json.dumps(asked))
    assert "beside PDF" in run("template", "publish", file, "--org", company, fails=1).output


def test_an_api_key_works_and_is_stored_as_a_hash(run, company, database):
    key = run("apikey", "create", company, "--name", "CRM", "--team", "Crédito", "--days", 30).stdout.strip()
    with database.reading() as session:
        row = authenticate(session, key, now=utcnow())
        assert row.scopes == list(Scope)
        assert row.team_id is not None
        assert row.expires_at is not None
    assert key.removeprefix("rsg_live_").partition("_")[2].encode() not in Path(database.url.database).read_bytes()


def test_a_sender_is_sealed_for_the_two_processes_that_use_it(run, company, database, keys, tmp_path):
    secrets = {"token": "EAAG-token-of-the-account", "secret": "app-secret-of-the-account"}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n")
        (tmp_path / name).chmod(0o600)
    words = ("sender", "add", company, "--phone-number-id", "106540352242922", "--waba-id", "102290129340398")
    files = ("--token-file", tmp_path / "token", "--app-secret-file", tmp_path / "secret")
    made = run(*words, *files)
    with database.reading() as session:
        row = session.scalars(select(WhatsAppSender)).one()
    assert f"/webhooks/whatsapp/{row.id}" in made.output
    assert not any(value in made.output for value in secrets.values())
    courier = Box([keyfiles.read(keys / "courier" / "courier_box_key")])
    gateway = Box([keyfiles.read(keys / "gateway" / "gateway_box_key")])
    place = {"table": "whatsapp_senders", "row": row.id}
    assert courier.open(row.token_boxed, **place, column="token_boxed").decode() == secrets["token"]
    assert gateway.open(row.app_secret_boxed, **place, column="app_secret_boxed").decode() == secrets["secret"]
    assert "already" in run(*words, *files, fails=1).output
    (tmp_path / "token").write_text("EAAG-another-token")
    run("sender", "renew", row.id, "--token-file", tmp_path / "token")
    with database.reading() as session:
        renewed = session.scalars(select(WhatsAppSender)).one()
    assert courier.open(renewed.token_boxed, **place, column="token_boxed") == b"EAAG-another-token"
    assert renewed.app_secret_boxed == row.app_secret_boxed
    assert events(database)[-1] == Event.ADMINISTRATOR_SENDER_RENEWED


def test_a_number_may_serve_a_team_first_and_be_spoken_to_in_another_way(run, company, database, tmp_path):
    (tmp_path / "secret").write_text("a-secret")
    (tmp_path / "secret").chmod(0o600)
    files = ("--token-file", tmp_path / "secret", "--app-secret-file", tmp_path / "secret")
    words = ("sender", "add", company, "--waba-id", "102290129340398")
    run(*words, "--phone-number-id", "1", *files, "--priority", 5, "--portfolio", "77")
    run(*words, "--phone-number-id", "2", *files, "--flavor", "360dialog", "--team", "Crédito")
    run(*words, "--phone-number-id", "3", *files, "--base-url", "https://graph.example/v27.0/")
    with database.reading() as session:
        rows = {row.phone_number_id: row for row in session.scalars(select(WhatsAppSender))}
    assert (rows["1"].priority, rows["1"].portfolio, rows["1"].base_url, rows["1"].team_id) == (5, "77", None, None)
    assert (rows["2"].flavor, rows["2"].base_url) == ("360dialog", "https://waba-v2.360dialog.io")
    assert rows["2"].team_id is not None
    assert rows["3"].base_url == "https://graph.example/v27.0"
    shown = run("sender", "list", company).output.splitlines()
    assert "  1  account 102290129340398  priority 5, cloud" in shown[0]
    assert any(line.endswith("priority 100, 360dialog https://waba-v2.360dialog.io, team Crédito") for line in shown)
    for wrong in ("http://graph.example", "graph.example", "https://a.example/?x=1"):
        refused = run(*words, "--phone-number-id", "4", *files, "--base-url", wrong, fails=1)
        assert "must be https" in refused.output, wrong
    assert "no team" in run(*words, "--phone-number-id", "4", *files, "--team", "Nadie", fails=1).output


def test_the_app_secret_before_stays_good_for_a_week_or_until_it_is_dropped(run, company, database, keys, tmp_path):
    for name, value in {"token": "EAAG-token", "first": "the-first-secret", "second": "the-second-secret"}.items():
        (tmp_path / name).write_text(value)
        (tmp_path / name).chmod(0o600)
    words = ("sender", "add", company, "--phone-number-id", "106540352242922", "--waba-id", "102290129340398")
    run(*words, "--token-file", tmp_path / "token", "--app-secret-file", tmp_path / "first")
    gateway = Box([keyfiles.read(keys / "gateway" / "gateway_box_key")])

    def secrets_of_the_sender():
        with database.reading() as session:
            row = session.scalars(select(WhatsAppSender)).one()
        where = {"table": "whatsapp_senders", "row": row.id}
        old = row.old_app_secret_boxed
        return (
            row,
            gateway.open(row.app_secret_boxed, **where, column="app_secret_boxed"),
            old and gateway.open(old, **where, column="old_app_secret_boxed"),
        )

    row, _, _ = secrets_of_the_sender()
    run("sender", "renew", row.id, "--app-secret-file", tmp_path / "first")  # the same, sealed again
    assert secrets_of_the_sender()[2] is None
    run("sender", "renew", row.id, "--app-secret-file", tmp_path / "second")
    row, current, old = secrets_of_the_sender()
    assert (current, old) == (b"the-second-secret", b"the-first-secret")
    assert timedelta(days=6) < row.old_app_secret_until - utcnow() <= timedelta(days=7)
    run("sender", "renew", row.id, "--drop-old")
    row, current, old = secrets_of_the_sender()
    assert (current, old, row.old_app_secret_until) == (b"the-second-secret", None, None)
    assert run("sender", "renew", row.id, fails=1).output


def test_a_secret_file_that_others_can_read_is_refused(run, company, tmp_path):
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o644)
    words = ("sender", "add", company, "--phone-number-id", "1", "--waba-id", "2")
    refused = run(*words, "--token-file", tmp_path / "token", "--app-secret-file", tmp_path / "token", fails=1)
    assert "lets others in" in refused.output


def test_a_command_that_lacks_its_key_says_which_setting_it_needs(run, company, monkeypatch):
    monkeypatch.delenv("RESGUARDO_STAFF_BOX_KEY_FILE")
    refused = run(*CREATE_EVA, "--team", "Crédito", "--generate", fails=1)
    assert "RESGUARDO_STAFF_BOX_KEY_FILE" in refused.output


def test_limits_of_an_organization_are_set_shown_and_recorded(run, company, database):
    shown = run("organization", "limits", company).output
    assert "max_files 20000" in shown
    changed = run("organization", "limits", company, "--files-a-day", "7", "--bytes-a-case", "1000").output
    assert {"max_files 7", "case_max_bytes 1000", "max_bytes 429496729600"} <= set(changed.splitlines())
    with database.reading() as session:
        found = session.scalars(select(Organization)).one()
        assert (found.max_files, found.case_max_bytes) == (7, 1000)
        recorded = session.scalars(
            select(AuditEvent).where(AuditEvent.event == Event.ADMINISTRATOR_ORGANIZATION_LIMITED)
        ).one()
    assert recorded.details == {"max_files": 7, "case_max_bytes": 1000}
    run("organization", "limits", company, "--files-a-day", "-1", fails=2)
    run("organization", "limits", "nobody", fails=1)


def test_mails_of_a_company_come_from_the_address_it_names(run, company, database):
    assert run("organization", "mail", "aurora", "--from", "Avisos@AURORA.example").output == "Avisos@aurora.example\n"
    with database.reading() as session:
        assert session.scalars(select(Organization.mail_from)).one() == "Avisos@aurora.example"
    assert Event.ADMINISTRATOR_MAIL_SENDER_SET.value in events(database)
    assert run("organization", "mail", "aurora", "--from", "nobody", fails=1).exit_code == 1


def test_a_key_is_listed_rotated_bound_and_revoked(run, company, database):
    old = run("apikey", "create", company, "--name", "CRM", "--network", "203.0.113.0/24").stdout.strip()
    key_id = old.split("_")[2]
    assert re.search(
        rf"{key_id}  CRM  active  never used  203\.0\.113\.0/24  .*", run("apikey", "list", company).output
    )
    new = run("apikey", "rotate", key_id, "--overlap", "24h").stdout.strip()
    assert "active, old secret until" in run("apikey", "list", company).output
    with database.reading() as session:
        assert {authenticate(session, key, now=utcnow()).id for key in (old, new)} == {key_id}
        with pytest.raises(ApiKeyRefused):
            authenticate(session, old, now=utcnow() + timedelta(hours=25))
    run("apikey", "rotate", new, "--overlap", "0m")
    with database.reading() as session, pytest.raises(ApiKeyRefused):
        authenticate(session, new, now=utcnow())
    assert run("apikey", "allow", key_id, "2001:db8::/48", "198.51.100.7").stdout == "2001:db8::/48,198.51.100.7/32\n"
    assert run("apikey", "allow", key_id, "--everywhere").stdout == "everywhere\n"
    run("apikey", "revoke", key_id)
    assert "revoked" in run("apikey", "list", company).output
    names = [name for name in events(database) if "api_key" in name]
    kinds = ["created", "rotated", "rotated", "bound", "bound", "revoked"]
    assert names == [f"administrator:api_key:{kind}" for kind in kinds]


@pytest.mark.parametrize(
    "words",
    [
        ("rotate", "KEY", "--overlap", "31d"),
        ("rotate", "KEY", "--overlap", "soon"),
        ("rotate", "0" * 32),
        ("revoke", "nobody"),
        ("allow", "KEY", "203.0.113.7/24"),
        ("allow", "KEY"),
        ("allow", "KEY", "--everywhere", "10.0.0.0/8"),
    ],
)
def test_what_no_key_can_be_given_is_refused(run, company, database, words):
    key = run("apikey", "create", company, "--name", "CRM").stdout.strip()
    before = events(database)
    refused = [key if word == "KEY" else word for word in words]
    assert run("apikey", *refused, fails=1).output.startswith("Error: ")
    assert events(database) == before


def test_a_company_says_when_and_how_it_writes_to_customers(run, company, database):
    shown = run("organization", "reminders", company).output.splitlines()
    assert "opens: 09:00" in shown
    assert "rest-days: sun" in shown
    assert "channels: whatsapp,sms,email" in shown
    changed = run("organization", "reminders", company, "--opens", "00:00", "--closes", "24:00", "--rest-days", "none")
    assert "closes: 24:00" in changed.output
    assert "rest-days: none" in changed.output
    run("organization", "reminders", company, "--channels", "sms,email", "--received-notices", "no")
    with database.reading() as session:
        rules = session.scalars(select(ContactRules)).one()
        assert (rules.opens, rules.channels, rules.received_notices) == ("00:00", ["sms", "email"], False)
    assert events(database).count(Event.ADMINISTRATOR_CONTACT_RULES_SET) == 2


@pytest.mark.parametrize(
    ("wrong", "fails"),
    [
        (["--opens", "9"], 1),
        (["--opens", "22:00"], 1),
        (["--closes", "25:00"], 1),
        (["--rest-days", "mon,mon"], 1),
        (["--rest-days", "mon,tue,wed,thu,fri,sat,sun"], 1),
        (["--channels", "fax"], 1),
        (["--channels", ""], 1),
        (["--undelivered-hours", "0"], 2),
    ],
)
def test_rules_without_sense_change_nothing(run, company, database, wrong, fails):
    run("organization", "reminders", company, *wrong, fails=fails)
    with database.reading() as session:
        assert session.scalars(select(ContactRules)).all() == []


def test_sms_leave_through_the_service_that_was_named_and_its_key_is_sealed(run, company, database, tmp_path):
    secret, form = tmp_path / "key", tmp_path / "format.json"
    secret.write_text("k-sms-1")
    secret.chmod(0o600)
    form.write_text(json.dumps({"headers": {"X-Key": "{secret}"}, "body": {"numbers": ["{to}"], "message": "{text}"}}))
    command = ("organization", "sms", company, "--url", "https://sms.example/v1", "--secret-file", secret)
    for more in ((), ("--format", form)):
        run(*command, *more)
    with database.reading() as session:
        row = session.scalars(select(SmsSender)).one()
        assert row.body == {"numbers": ["{to}"], "message": "{text}"}
        assert b"k-sms-1" not in row.secret_boxed
    form.write_text(json.dumps({"body": {"message": "{text}"}}))
    run(*command, "--format", form, fails=1)
    run(*command[:4], "http://sms.example/v1", *command[5:], fails=1)


@pytest.mark.parametrize(("days", "well"), [([1, 5], True), ([], True), ([7, 3], False), ([0], False), ([3, 3], False)])
def test_a_template_says_on_which_days_it_reminds(run, company, database, tmp_path, days, well):
    file = tmp_path / "template.json"
    file.write_text(json.dumps(a_template(reminder_days=days)))
    run("template", "publish", file, "--org", company, fails=0 if well else 1)
    if well:
        with database.reading() as session:
            found = current_template(session, org_id=session.scalars(select(Organization.id)).one(), key="credito")
            assert found.reminder_days == days
