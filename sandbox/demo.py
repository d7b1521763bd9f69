"""The demo company: one organization with a team, a cast, two templates, a WhatsApp sender, a webhook and an API key.

For the sandbox profile only: passwords, TOTP seeds and the API key are drawn at the first start and kept in clear in
`var/keys/demo`, so that a newcomer can sign in as anybody.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from notifications.whatsapp import authentication
from notifications.whatsapp.templates import LIBRARY, payload
from records.apikeys import Scope, create_api_key
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind
from records.organizations import Organization, PrivacyNotice, Team
from records.people import Member, Role
from records.requirements import publish_template
from records.senders import SmsSender, WhatsAppSender
from records.signing_in import Passwords, new_seed
from records.templates import TemplateAccount
from sandbox import refuse_in_production
from sandbox.demo_texts import NOTICE_FULL, NOTICE_SHORT, TEMPLATES, WITH_CODE
from sandbox.launch.site import Site
from sandbox.sms.service import TOKEN as SMS_TOKEN
from sandbox.whatsapp.settings import Settings
from storage.database import Database, new_id, utcnow
from storage.sealing import keyfiles
from storage.sealing.box import Box

CAST = (
    ("eva", "Eva Robles", Role.EXECUTIVE, "Crédito"),
    ("omar", "Omar Díaz", Role.EXECUTIVE, "Cobranza"),
    ("sofia", "Sofía Luna", Role.SUPERVISOR, None),
    ("carla", "Carla Peña", Role.COMPLIANCE, None),
    ("saul", "Saúl Mora", Role.ADMINISTRATOR, None),
    ("aurora", "Aurora Gil", Role.AUDITOR, None),
)
SCOPES = [scope.value for scope in Scope]


def load(site: Site) -> Mapping[str, Any]:
    """Load the company unless it is there; return logins, API key, `curl` and the path of the webhook."""
    refuse_in_production()
    _write_message_templates(site)
    kept = site.layout.keys / "demo" / "insecure.json"
    if not kept.exists():
        database = Database(site.database_url)
        try:
            with database.transaction() as session:
                fresh = _load(session, site)
        finally:
            database.dispose()
        _write_private(kept, fresh)
    told: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return told | {"curl": _curl(site, told["api_key"])}


def _load(session: Session, site: Site) -> dict[str, Any]:
    now, simulated = utcnow(), Settings(app_secret="unused")  # noqa: S106 (only its defaults are read)
    organization = Organization(
        slug="aurora",
        name=simulated.company,
        contact_phone="+525550001234",
        contact_email="privacidad@aurora.example",
        mail_from="avisos@aurora.example",
        created_at=now,
    )
    session.add(organization)
    session.flush()
    org_id = organization.id
    session.add(PrivacyNotice(org_id=org_id, version=1, short=NOTICE_SHORT, full=NOTICE_FULL, published_at=now))
    teams = {name: Team(id=new_id(), org_id=org_id, name=name) for name in ("Crédito", "Cobranza")}
    session.add_all(teams.values())
    session.flush()
    for key, name, requirements in TEMPLATES:
        made = publish_template(session, org_id=org_id, key=key, name=name, requirements=requirements, now=now)
        made.second_factor = key in WITH_CODE
    sender = _sender(org_id, simulated, site.layout.keys)
    session.add_all([sender, _endpoint(org_id, site), _sms_sender(org_id, site)])
    session.add(TemplateAccount(org_id=org_id, waba_id=sender.waba_id, due_at=now))
    _, api_key = create_api_key(
        session, org_id=org_id, name="Demo CRM", scopes=SCOPES, team_id=teams["Crédito"].id, now=now
    )
    logins = [_member(session, org_id, teams, site.layout.keys, *person) for person in CAST]
    return {"logins": logins, "api_key": api_key, "webhook_path": f"/webhooks/whatsapp/{sender.id}"}


def _member(
    session: Session,
    org_id: str,
    teams: Mapping[str, Team],
    keys: Path,
    login: str,
    name: str,
    role: Role,
    team: str | None,
) -> dict[str, str]:
    now, password, seed = utcnow(), f"{login}-demo-{os.urandom(3).hex()}", new_seed()
    member = Member(
        id=new_id(),
        org_id=org_id,
        team_id=teams[team].id if team is not None else None,
        email=f"{login}@aurora.example",
        name=name,
        role=role,
        password_hash=Passwords().hash(password),
        created_at=now,
    )
    box = Box([keyfiles.read(keys / "staff" / "box_key")])
    member.totp_boxed = box.seal(seed.encode(), table="members", row=member.id, column="totp_boxed")
    session.add(member)
    return {"role": role.value, "email": member.email, "password": password, "totp_secret": seed}


def _sender(org_id: str, simulated: Settings, keys: Path) -> WhatsAppSender:
    sender = WhatsAppSender(
        id=new_id(),
        org_id=org_id,
        phone_number_id=simulated.phone_number_id,
        waba_id=simulated.waba_id,
        verify_token_sha256=hashlib.sha256(os.urandom(32)).hexdigest(),
    )
    for role, secret, column in (
        ("courier", "access_token", "token_boxed"),
        ("gateway", "app_secret", "app_secret_boxed"),
    ):
        text = (keys / "whatsapp" / secret).read_text("utf-8").split("\n", 1)[0].strip()
        box = Box([keyfiles.read(keys / role / "box_key")])
        setattr(sender, column, box.seal(text.encode(), table="whatsapp_senders", row=sender.id, column=column))
    return sender


def _endpoint(org_id: str, site: Site) -> CrmSubscriber:
    """The webhook of the sandbox's CRM: on loopback, so it is allowed to be private."""
    secret = b"whsec_" + base64.b64encode(keyfiles.read(site.layout.keys / "crm" / "webhook_secret"))
    box, row = Box([keyfiles.read(site.layout.keys / "courier" / "box_key")]), new_id()
    return CrmSubscriber(
        id=row,
        org_id=org_id,
        kind=SubscriberKind.WEBHOOK,
        name="CRM (simulador)",
        settings={"url": f"http://127.0.0.1:{site.port('crm')}/hook", "allow_private": True},
        event_types=[],
        secret_boxed=box.seal(secret, table=TABLE, row=row, column="secret_boxed"),
        created_at=utcnow(),
    )


def _sms_sender(org_id: str, site: Site) -> SmsSender:
    box, row = Box([keyfiles.read(site.layout.keys / "courier" / "box_key")]), new_id()
    return SmsSender(
        id=row,
        org_id=org_id,
        url=f"http://127.0.0.1:{site.port('mail')}/sms/messages",
        headers={"Authorization": "Bearer {secret}"},
        body={"to": "{to}", "text": "{text}", "reference": "{reference}"},
        secret_boxed=box.seal(SMS_TOKEN.encode(), table="sms_senders", row=row, column="secret_boxed"),
    )


def message_templates(site: Site) -> Path:
    """Return the file of the templates that the simulator has approved from the start."""
    return site.layout.run / "whatsapp-templates.json"


def _write_message_templates(site: Site) -> None:
    bodies = [payload(template, base_url=f"{site.urls['customer']}/s/") for template in LIBRARY]
    bodies += authentication.payloads()
    message_templates(site).write_text(json.dumps(bodies, ensure_ascii=False), "utf-8")


def _write_private(path: Path, told: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, indent=1)


def _curl(site: Site, api_key: str) -> str:
    body = {
        "external_ref": "CRM-4711",
        "title": "Crédito 4711",
        "contact": {"name": "Ana López", "phone": "+52 55 1234 5678", "locale": "es"},
        "template_key": "credito-personal",
    }
    return (
        f"curl -s {site.urls['gateway']}/api/v1/requests \\\n"
        f"  -H 'Authorization: Bearer {api_key}' \\\n"
        "  -H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\" \\\n"
        f"  -d '{json.dumps(body, ensure_ascii=False)}'"
    )
