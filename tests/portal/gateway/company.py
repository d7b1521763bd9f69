"""Two companies with API keys and a WhatsApp number each, and the gateway in front of them."""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from intake.links import LinkSigner
from portal.gateway.app import GatewayApp, build
from records.apikeys import Scope, create_api_key
from records.organizations import Organization, PrivacyNotice
from records.requirements import publish_template
from records.senders import WhatsAppSender
from storage.database import Database, new_id, utcnow
from storage.sealing.box import Box

BOX = Box([bytes(range(32))])
SIGNER = LinkSigner([b"l" * 32])
PUBLIC_URL = "http://portal.localhost:18801"
API_URL = "http://api.localhost:18802"
STAFF_URL = "http://staff.localhost:18803"
VERIFY_TOKEN = "handshake-token"
NOBODY = "0" * 32
"""An id that is nobody's."""


@dataclass(frozen=True, kw_only=True)
class Company:
    """An organization, its whole API key, and its number with the secret that signs its webhooks."""

    org_id: str
    key: str
    key_id: str
    sender_id: str
    secret: bytes


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The application, and a CRM that calls it."""

    app: GatewayApp
    database: Database
    company: Company
    other: Company

    def call(self, method: str, path: str, *, key: str | None = None, **options: Any) -> TestResponse:
        """Call with the company's key, or another, or none ("")."""
        offered = self.company.key if key is None else key
        headers = {"Authorization": f"Bearer {offered}"} if offered else {}
        return self.app.test_client().open(path, method=method, headers=headers | options.pop("headers", {}), **options)

    def ask(self, body: Any = None, *, idempotency: str | None = "k-1", **options: Any) -> TestResponse:
        """POST a request."""
        headers = {"Idempotency-Key": idempotency} if idempotency is not None else {}
        sent = {"json": a_body() if body is None else body} if "data" not in options else {}
        return self.call("POST", "/api/v1/requests", headers=headers | options.pop("headers", {}), **sent, **options)

    def show(self, request_id: str, **options: Any) -> TestResponse:
        """GET a request."""
        return self.call("GET", f"/api/v1/requests/{request_id}", **options)

    def a_key(self, *scopes: str, **bound: Any) -> str:
        """Another key of the company."""
        with self.database.transaction() as session:
            given = {"org_id": self.company.org_id, "name": "more", "now": utcnow()} | bound
            return create_api_key(session, scopes=list(scopes or Scope), **given)[1]

    def beside(self, **options: Any) -> "Gateway":
        """The same gateway once more, as another machine runs it."""
        return replace(self, app=an_app(self.database, **options))

    def webhook(self, body: Any, *, company: Company | None = None, **options: Any) -> TestResponse:
        """Deliver a signed update, or one whose raw bytes or signature are given."""
        to = company or self.company
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = options.pop("signature", signed(raw, to.secret))
        headers = {"X-Hub-Signature-256": signature} if signature is not None else {}
        path = f"/webhooks/whatsapp/{options.pop('sender_id', to.sender_id)}"
        return self.app.test_client().post(path, data=raw, headers=headers, content_type="application/json", **options)


def a_body(**changes: Any) -> dict[str, Any]:
    """What a CRM sends."""
    return {
        "external_ref": "CRM-4711",
        "title": "Crédito 4711",
        "contact": {"name": "Ana Torres", "phone": "+52 55 1234 5678", "locale": "es"},
        "template_key": "credito",
        "send": {"mode": "auto"},
    } | changes


def signed(raw: bytes, secret: bytes) -> str:
    """The platform's signature header."""
    return "sha256=" + hmac.digest(secret, raw, hashlib.sha256).hex()


def a_company(
    database: Database,
    slug: str,
    *,
    scopes: tuple[str, ...] = tuple(Scope),
    expires_at: datetime | None = None,
) -> Company:
    """Found one company."""
    now = utcnow() - timedelta(hours=1)
    secret = f"app-secret-of-{slug}".encode()
    with database.transaction() as session:
        org = Organization(slug=slug, name=slug.title(), created_at=now)
        session.add(org)
        session.flush()
        session.add(
            PrivacyNotice(org_id=org.id, version=1, short={"es": "Aviso"}, full={"es": "Aviso"}, published_at=now)
        )
        requirement = {"formats": ["image", "pdf"], "why": {"es": "Para conocerte."}, "retention": {"es": "10 años"}}
        publish_template(
            session,
            org_id=org.id,
            key="credito",
            name={"es": "Crédito"},
            requirements=[
                {"key": "ine", "title": {"es": "INE"}, "sides": ["front", "back"], **requirement},
                {"key": "domicilio", "title": {"es": "Comprobante"}, "sides": ["whole"], **requirement},
            ],
            now=now,
        )
        row, whole = create_api_key(
            session, org_id=org.id, name="CRM", scopes=list(scopes), now=now, expires_at=expires_at
        )
        sender_id = new_id()
        session.add(
            WhatsAppSender(
                id=sender_id,
                org_id=org.id,
                phone_number_id=f"10{slug}",
                waba_id="20",
                token_boxed=b"-",
                app_secret_boxed=BOX.seal(secret, table="whatsapp_senders", row=sender_id, column="app_secret_boxed"),
                verify_token_sha256=hashlib.sha256(VERIFY_TOKEN.encode()).hexdigest(),
            )
        )
        return Company(org_id=org.id, key=whole, key_id=row.id, sender_id=sender_id, secret=secret)


def an_app(database: Database, **options: Any) -> GatewayApp:
    """The application over a database."""
    return build(
        database,
        link_signer=SIGNER,
        box=BOX,
        public_url=PUBLIC_URL,
        api_url=API_URL,
        staff_url=STAFF_URL,
        secret_key=b"s" * 32,
        **options,
    )


def a_gateway(database: Database) -> Gateway:
    """The gateway over two companies."""
    app = an_app(database)
    return Gateway(app=app, database=database, company=a_company(database, "valle"), other=a_company(database, "monte"))
