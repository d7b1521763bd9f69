"""Wiring of the gateway: settings in, WSGI application out."""

import secrets
from datetime import timedelta
from typing import Any

from apiflask import APIFlask
from flask import g, request
from sqlalchemy import update

from config.logging import configure_logging
from config.settings import GatewaySettings
from intake.links import LinkSigner
from portal.gateway.appsecrets import AppSecrets
from portal.gateway.problems import refused_body, render
from portal.gateway.requests import api
from portal.gateway.specification import completed
from portal.gateway.webhooks import webhooks
from portal.web import addresses
from portal.web.application import PortalApp, create_app, reading, transaction
from portal.web.health import worker_checks
from portal.web.language import from_browser
from records.apikeys import ApiKey, ApiKeyRefused, authenticate
from storage.database import Database, utcnow
from storage.sealing.box import Box

LAST_USED_STEP = timedelta(minutes=1)


class GatewayApp(PortalApp, APIFlask):
    """The portal's application class with APIFlask's schemas and OpenAPI document."""

    def __init__(self, import_name: str) -> None:
        """Serve the specification at /openapi.json and no third-party pages."""
        APIFlask.__init__(self, import_name, title="Resguardo API", version="1.0.0", docs_path=None, json_errors=False)


def gateway() -> GatewayApp:
    """Return the gateway for a WSGI server. Raises ConfigError when a setting is missing, weak or foreign."""
    settings = GatewaySettings.load()
    configure_logging("gateway")
    return build(
        Database(settings.database_url),
        link_signer=LinkSigner(settings.link_keys()),
        box=Box([settings.gateway_box_key()]),
        public_url=settings.public_url,
        api_url=settings.api_url,
        secret_key=secrets.token_bytes(32),  # the gateway keeps no session
    )


def build(
    database: Database, *, link_signer: LinkSigner, box: Box, public_url: str, api_url: str, secret_key: bytes
) -> GatewayApp:
    """Put the gateway together from values."""
    made: Any = create_app(
        __name__,
        database=database,
        secret_key=secret_key,
        guard_checks={"api_key": check_api_key},
        render_error=render,
        locale_selector=from_browser,
        ready_checks=worker_checks(database),
        transport_security=api_url.startswith("https://"),
        app_class=GatewayApp,
    )
    app: GatewayApp = made
    addresses.install(app)
    app.config.update(
        PUBLIC_URL=public_url,
        OPENAPI_VERSION="3.1.0",
        SERVERS=[{"url": api_url}],
        VALIDATION_ERROR_STATUS_CODE=422,
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        SPEC_FORMAT="json",
    )
    app.security_schemes = {"ApiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "rsg_live_..."}}
    app.extensions["link_signer"] = link_signer
    app.extensions["app_secrets"] = AppSecrets(box)
    app.register_blueprint(api)
    app.register_blueprint(webhooks)
    specification: Any = app.view_functions["openapi.spec"]
    specification.__guard__ = "public"
    app.error_processor(refused_body)
    app.spec_processor(completed)
    return app


def check_api_key() -> None:
    """Authenticate `Authorization: Bearer rsg_live_...`. Raises ApiKeyRefused.

    Whoever holds no key never gets as far as the write lock.
    """
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiKeyRefused("no key")
    now = utcnow()
    with reading() as session:
        key = authenticate(session, offered.strip(), now=now)
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
        with transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
    g.api_key = key
