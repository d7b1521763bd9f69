"""Security headers on every answer, errors included, and the CSP nonce of the request."""

import secrets

from flask import Flask, Response, g, request

YEAR = 31_536_000

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def csp_nonce() -> str:
    """Return this request's nonce for script elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def same_origin() -> bool:
    """Whether the browser says that this request came from our own page, or the person (typed, tapped link).

    Browsers without Sec-Fetch-Site must send an Origin that is ours; a request with neither is refused.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and origin == request.host_url.rstrip("/")


def install(app: Flask, *, transport_security: bool) -> None:
    """Add the headers to every answer of `app`; views may set stricter ones themselves."""

    def add(response: Response) -> Response:
        fixed = {
            "Content-Security-Policy": POLICY.format(nonce=csp_nonce()),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex, nofollow, noarchive",
        }
        if transport_security:
            fixed["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        static = request.endpoint is not None and request.endpoint.endswith("static")
        if static and response.status_code in (200, 304):
            response.headers["Cache-Control"] = "public, max-age=3600"
        else:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(add)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
