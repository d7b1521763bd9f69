"""Wiring of the gateway: settings in, WSGI application out."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from apiflask import APIFlask

from config.logging import configure_logging
from config.settings import GatewaySettings
from intake.links import LinkSigner
from portal.gateway.appsecrets import AppSecrets
from portal.gateway.cases import cases
from portal.gateway.contacts import contacts
from portal.gateway.documents import documents
from portal.gateway.events import events
from portal.gateway.gathering import Gathering
from portal.gateway.idempotency import Running
from portal.gateway.keys import Door, check_api_key, tell_rates
from portal.gateway.problems import refused_body, render
from portal.gateway.reference import reference
from portal.gateway.requests import api
from portal.gateway.specification import completed
from portal.gateway.templates import templates
from portal.gateway.webhooks import webhooks
from portal.web import addresses
from portal.web.application import PortalApp, create_app
from portal.web.health import worker_checks
from portal.web.language import from_browser
from portal.web.origins import Network
from portal.web.rates import Rates, RedisPlace
from storage.database import Database
from storage.sealing.box import Box


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
        staff_url=settings.staff_url,
        rates=Rates(_counting_key(settings.gateway_box_key()), shared=_shared_counters(settings)),
        proxies=settings.proxies(),
        secret_key=secrets.token_bytes(32),  # the gateway keeps no session
    )


def build(
    database: Database,
    *,
    link_signer: LinkSigner,
    box: Box,
    public_url: str,
    api_url: str,
    staff_url: str,
    secret_key: bytes,
    rates: Rates | None = None,
    proxies: Sequence[Network] = (),
) -> GatewayApp:
    """Put the gateway together from values; without `rates` it counts in its own memory."""
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
        API_URL=api_url,
        STAFF_URL=staff_url,
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
    app.extensions["gathering"] = Gathering()
    app.extensions["api_door"] = Door(rates=rates or Rates(_counting_key(secret_key)), proxies=proxies)
    app.extensions["running_calls"] = Running()
    app.after_request(tell_rates)
    for blueprint in (api, cases, contacts, templates, documents, events, reference, webhooks):
        app.register_blueprint(blueprint)
    specification: Any = app.view_functions["openapi.spec"]
    specification.__guard__ = "public"
    app.error_callback = refused_body  # error_processor would take werkzeug's errors from the common table as well
    app.spec_processor(completed)
    return app


def _counting_key(secret: bytes) -> bytes:
    """Return the key under which clients are counted: the same on all machines that share a secret."""
    return hashlib.blake2b(b"resguardo gateway rates", key=secret[:64], digest_size=32).digest()


def _shared_counters(settings: GatewaySettings) -> RedisPlace | None:
    if settings.rate_limit_url is None:
        return None
    return RedisPlace(url=settings.rate_limit_url, password=settings.rate_limit_password())
