"""Who is here: the visit behind the cookie, its CSRF token, and the language it reads.

Rules: the cookie's secret is 256 random bits, made anew at each activation and stored only as SHA-256; there is no
other session; the CSRF token is a MAC of that secret, so that nothing more has to be kept.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, current_app, g, request
from sqlalchemy import select
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from intake.codes import CodeMaker
from intake.errors import LinkRefused
from intake.links import LinkSigner
from intake.receiving import Intake
from portal.web.application import reading
from portal.web.language import normalise
from portal.web.origins import Network, client_of
from portal.web.rates import Rates, Subject
from records.errors import CodeNeeded, LinkClosed
from records.links import Visit, live_visit, waiting_visit
from storage.database import utcnow
from storage.sealing.box import Box

NO_LINK = "0" * 32
"""Looked up for a malformed token, so that it costs what an unknown one does."""
COOKIE = "__Host-visit"
LANGUAGE_COOKIE = "__Host-lang"
SECRET_BYTES = 32
CSRF_BYTES = 16
UNCOUNTED = frozenset({"static", "healthz", "readyz"})
NO_PAGES = ("/e/uploads", "/e/state")
"""Addresses that scripts and upload clients speak to: their errors are JSON, and nothing there leads to a page."""


class CodePage(RequestRedirect):
    """The visit waits for its one-time code: the reader is led to where it is typed."""

    code = 303


class CsrfRefused(Exception):
    """The form does not carry this visit's token, or another site sent it."""

    code = "csrf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptParts:
    """What receipts need here: `handover` seals a secret on its way to the courier; the rest verifies."""

    handover: Box
    checkpoint_keys: tuple[bytes, ...]
    tsa_root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the portal was built with."""

    signer: LinkSigner
    codes: CodeMaker
    intake: Intake
    customer_key: bytes
    rates: Rates
    proxies: Sequence[Network]
    """Proxies whose word about the client's address counts."""
    receipts: ReceiptParts


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The visit of this request."""

    visit_id: str
    link_id: str
    request_id: str
    org_id: str
    language: str
    secret: str


def desk() -> Desk:
    """Return the parts of the running portal."""
    found: Desk = current_app.extensions["desk"]
    return found


def new_secret() -> str:
    """Return a fresh secret for a visit's cookie: 256 bits, base64url."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what the database knows of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def enter() -> None:
    """Guard `visit`: let the request pass if its cookie belongs to a living, confirmed visit.

    One that waits for its one-time code is led to the page of the code, or CodeNeeded is raised where that is no
    answer; everybody else meets LinkClosed. Raises TooManyRequests of its link or organization.
    """
    found = find_visitor()
    if found is None:
        if find_waiting() is None:
            raise LinkClosed("no visit")
        if request.method in ("GET", "HEAD") and not request.path.startswith(NO_PAGES):
            raise CodePage("/e/code")
        raise CodeNeeded("the visit waits for its code")
    _let_in(found)


def enter_waiting() -> None:
    """Guard `waiting_visit`: let the request pass if its cookie belongs to a visit that waits for its one-time code."""
    found = find_waiting()
    if found is None:
        raise LinkClosed("no visit waits")
    _let_in(found)


def _let_in(found: Visitor) -> None:
    g.visitor = found
    desk().rates.count(Subject.LINK, found.link_id)
    desk().rates.count(Subject.ORGANIZATION, found.org_id)


def admit() -> None:
    """Count the request for the address that it comes from. Raises TooManyRequests."""
    if request.endpoint not in UNCOUNTED:
        count_address(Subject.ADDRESS)


def count_address(subject: Subject) -> None:
    """Count for the address that the request comes from, where that can be told. Raises TooManyRequests."""
    client = client_of(request.remote_addr, request.headers.get("X-Forwarded-For"), desk().proxies)
    if client is not None:
        desk().rates.count(subject, client)


def find_visitor() -> Visitor | None:
    """Return the living, confirmed visit behind the cookie, or None."""
    return _found_by(live_visit)


def find_waiting() -> Visitor | None:
    """Return the living visit behind the cookie that waits for its one-time code, or None."""
    return _found_by(waiting_visit)


def _found_by(look_up: Callable[..., Visit]) -> Visitor | None:
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    with reading() as session:
        try:
            return visitor_of(look_up(session, cookie_sha256=digest_of(secret), now=utcnow()), secret)
        except (LinkClosed, CodeNeeded):
            return None


def read_token(untrusted_token: str) -> str:
    """Return the id behind a token, or one that no link has. Every request with the token counts for that one link."""
    try:
        link_id = desk().signer.read(untrusted_token)
    except LinkRefused:
        return NO_LINK
    desk().rates.count(Subject.LINK, link_id)
    return link_id


def remembered_organization() -> str | None:
    """Return whose link this browser opened before, also when that visit is over.

    On the page of a link only if it was this very one: else another link's company would stand under it.
    """
    secret, token = request.cookies.get(COOKIE), (request.view_args or {}).get("token")
    if not secret:
        return None
    with reading() as session:
        visit = session.scalars(select(Visit).where(Visit.cookie_sha256 == digest_of(secret))).first()
        if visit is None or (token is not None and token != desk().signer.token(visit.link_id)):
            return None
        return visit.link.org_id


def visitor_of(visit: Visit, secret: str) -> Visitor:
    """Return the values of a visit, free of its session."""
    return Visitor(
        visit_id=visit.id,
        link_id=visit.link_id,
        request_id=visit.link.request_id,
        org_id=visit.link.org_id,
        language=visit.locale,
        secret=secret,
    )


def visitor() -> Visitor:
    """Return the visit that the guard let pass."""
    found: Visitor = g.visitor
    return found


def csrf_token() -> str:
    """Return the token that forms of this visit carry: masked anew in every answer, whose compressed size then tells
    nothing of it (BREACH)."""
    if "csrf_mask" not in g:
        g.csrf_mask = secrets.token_bytes(CSRF_BYTES)
    return bytes(g.csrf_mask + _masked(_csrf(), g.csrf_mask)).hex()


def check_csrf(untrusted_token: str) -> None:
    """Raise CsrfRefused unless this is the visit's token."""
    try:
        untrusted = bytes.fromhex(untrusted_token)
    except ValueError:
        raise CsrfRefused("token") from None
    mask, masked = untrusted[:CSRF_BYTES], untrusted[CSRF_BYTES:]
    if len(masked) != CSRF_BYTES or not hmac.compare_digest(_masked(masked, mask), _csrf()):
        raise CsrfRefused("token")


def _csrf() -> bytes:
    message = b"csrf\n" + visitor().secret.encode("utf-8", "surrogateescape")
    return hmac.digest(desk().customer_key, message, "sha256")[:CSRF_BYTES]


def _masked(secret: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(secret, mask, strict=True))


def check_sender() -> None:
    """Raise CsrfRefused when the browser says that another site sent this. Clients that are no browser say nothing.

    Browsers too old for Sec-Fetch-Site still say where a form comes from.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        ours = request.headers.get("Origin") in (None, request.host_url.rstrip("/"))
    else:
        ours = site == "same-origin"
    if not ours:
        raise CsrfRefused("site")


def set_cookie(response: BaseResponse, secret: str) -> None:
    """Give the browser its secret for as long as it stays open."""
    response.set_cookie(COOKIE, secret, secure=True, httponly=True, samesite="Lax", path="/")


def select_language() -> str:
    """Return what the reader chose, else the visit's language, the browser's, the party's, and Spanish."""
    chosen = normalise(request.args.get("lang")) or normalise(request.cookies.get(LANGUAGE_COOKIE))
    if chosen:
        return chosen
    if "visitor" in g:
        return visitor().language
    for tag, _ in request.accept_languages:
        found = normalise(tag)
        if found:
            return found
    return normalise(g.get("party_language")) or "es"


def keep_language(response: Response) -> Response:
    """Remember in the browser the language that the reader chose in the address."""
    chosen = normalise(request.args.get("lang"))
    if chosen and request.cookies.get(LANGUAGE_COOKIE) != chosen:
        response.set_cookie(LANGUAGE_COOKIE, chosen, secure=True, httponly=True, samesite="Lax", path="/")
    return response
