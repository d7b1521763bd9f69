"""Wires the public portal from its settings. The only module here that reads them."""

from collections.abc import Sequence
from dataclasses import asdict

from flask import Response, g, jsonify, make_response, render_template, request

from config.logging import configure_logging
from config.settings import CustomerSettings
from intake.codes import CodeMaker
from intake.daykey import key_of_the_day
from intake.holds import Holds
from intake.links import LinkSigner
from intake.receiving import Intake
from intake.siblings import Siblings
from portal.customer.checking import checking
from portal.customer.codes import code_pages
from portal.customer.consenting import consenting
from portal.customer.leaving import leaving
from portal.customer.plain import plain
from portal.customer.reasons import DECLINED
from portal.customer.receipts import receipts as receipt_pages
from portal.customer.renewal import renewal
from portal.customer.tray import tray, wants_json
from portal.customer.tus import tus
from portal.customer.views import known_company, pages
from portal.customer.visits import (
    NO_PAGES,
    Desk,
    ReceiptParts,
    admit,
    csrf_token,
    enter,
    enter_waiting,
    select_language,
)
from portal.customer.ways import minutes_left, ways
from portal.web import assets
from portal.web.application import PortalApp, create_app
from portal.web.errors import Problem
from portal.web.language import current_language
from portal.web.origins import Network
from portal.web.rates import Rates, RedisPlace
from storage.blobs import BlobStore
from storage.blobs.opening import open_store
from storage.database import Database, utcnow
from storage.sealing.box import Box
from storage.sealing.signing import VerifyKey

PACKAGE = "portal.customer"


def customer() -> PortalApp:
    """Return the public portal for a WSGI server. Raises ConfigError when a setting is missing, weak or foreign."""
    settings = CustomerSettings.load()
    configure_logging("customer")
    app = build(
        database=Database(settings.database_url),
        blobs=open_store(**asdict(settings.blob_place())),
        custodian=VerifyKey(settings.custodian_public()),
        signer=LinkSigner(settings.link_keys()),
        codes=CodeMaker(settings.code_key()),
        customer_key=settings.customer_key(),
        receipts=ReceiptParts(
            handover=Box([settings.receipt_key()]),
            checkpoint_keys=(settings.checkpoint_public(),),
            tsa_root=settings.tsa_root(),
        ),
        transport_security=settings.public_url.startswith("https://"),
        rates=Rates(settings.customer_key(), shared=_shared_counters(settings)),
        proxies=settings.proxies(),
    )
    meet_siblings(app)
    return app


def build(
    *,
    database: Database,
    blobs: BlobStore,
    custodian: VerifyKey,
    signer: LinkSigner,
    codes: CodeMaker,
    customer_key: bytes,
    receipts: ReceiptParts,
    transport_security: bool = False,
    rates: Rates | None = None,
    proxies: Sequence[Network] = (),
) -> PortalApp:
    """Make the public portal from its parts; without `rates` it counts in its own memory."""
    app = create_app(
        PACKAGE,
        database=database,
        secret_key=customer_key,
        guard_checks={"visit": enter, "waiting_visit": enter_waiting},
        render_error=render_error,
        locale_selector=select_language,
        timezone_selector=lambda: g.get("timezone"),
        ready_checks={
            "blobs": lambda: _checked(blobs),
            "quarantine key": lambda: _key_of_the_day(database, custodian),
        },
        transport_security=transport_security,
        admit=admit,
    )
    holds = Holds()
    app.extensions["desk"] = Desk(
        signer=signer,
        codes=codes,
        intake=Intake(
            database=database,
            blobs=blobs,
            custodian=custodian,
            clock=utcnow,
            holds=holds,
            siblings=Siblings(holds),
        ),
        customer_key=customer_key,
        rates=rates or Rates(customer_key),
        proxies=proxies,
        receipts=receipts,
    )
    assets.install(app)
    assets.compress_pages(app)
    app.jinja_env.globals["csrf_token"] = csrf_token
    app.jinja_env.globals["minutes_left"] = minutes_left
    app.jinja_env.globals["declines"] = lambda: DECLINED
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    parts = (pages, code_pages, checking, consenting, leaving, renewal, plain, tray, tus, ways, receipt_pages)
    for blueprint in parts:
        app.register_blueprint(blueprint)
    return app


def meet_siblings(app: PortalApp) -> None:
    """Have the other processes of this server heard when they ask for an upload. Called in the process that serves."""
    desk: Desk = app.extensions["desk"]
    if desk.intake.siblings is not None:
        desk.intake.siblings.listen()


def _shared_counters(settings: CustomerSettings) -> RedisPlace | None:
    if settings.rate_limit_url is None:
        return None
    return RedisPlace(url=settings.rate_limit_url, password=settings.rate_limit_password())


def render_error(problem: Problem) -> Response:
    """Draw an error: JSON for the script and for tus, a page for everybody else."""
    words = problem.row.words(current_language())
    limit = g.get("upload_limit")
    if request.path.startswith(NO_PAGES) or wants_json():
        limits = {} if limit is None else {"limit": limit}
        return jsonify(code=problem.code, message=words, reference=problem.reference, **limits)
    return make_response(
        render_template(
            "customer/error.html",
            problem=problem,
            words=words,
            limit=limit,
            inside="visitor" in g and problem.code != "link_closed",
            company=known_company(),
            token=(request.view_args or {}).get("token"),
        )
    )


def _checked(blobs: BlobStore) -> str:
    blobs.check()
    return "ok"


def _key_of_the_day(database: Database, custodian: VerifyKey) -> str:
    with database.reading() as session:
        key_of_the_day(session, custodian, now=utcnow())
    return "ok"
