"""Receipts: asked for inside a visit, shown and verified by whoever holds the number, without a visit.

Rules: the number in the address opens the receipt and is kept by the browser alone; what is shown is verified anew at
every request; a file to be checked never comes here, its hash is computed where the file lies.
"""

import re
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from audit.checkpoints import origin_of
from portal.customer.checklist import company_of
from portal.customer.visits import check_csrf, check_sender, desk, find_visitor, keep_language, visitor
from portal.web.application import reading, transaction
from portal.web.guards import PUBLIC, guarded_by
from portal.web.language import current_language
from records.errors import NotFound
from records.links import UploadLink
from records.organizations import Organization, in_language
from records.receipts.rows import Receipt, ReceiptState, find_receipt, is_superseded, may_be_asked, request_receipt
from records.receipts.secret import ReceiptSecret
from records.receipts.standing import standings
from records.receipts.verifying import ReceiptRefused, verify
from storage.database import utcnow

receipts = Blueprint("receipts", __name__)
receipts.after_request(keep_language)

COOKIE = "__Host-receipt"
"""Holds the number of the receipt that this browser asked for last, until it is closed or the visit is left."""
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_TYPED = 200


@receipts.post("/e/receipt")
@guarded_by("visit")
def ask() -> ResponseReturnValue:
    """Ask for a receipt of what was filed, and go to where it will be."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    secret = ReceiptSecret.fresh()
    with transaction() as session:
        request_receipt(
            session,
            session.get_one(UploadLink, visitor().link_id),
            secret=secret,
            handover=desk().receipts.handover,
            language=current_language(),
            now=utcnow(),
        )
    response = redirect(f"/verify/{secret.text}", code=303)
    response.set_cookie(COOKIE, secret.text, secure=True, httponly=True, samesite="Lax", path="/")
    return response


@receipts.get("/verify/<number>")
@guarded_by(PUBLIC)
def show(number: str) -> ResponseReturnValue:
    """Show a receipt and how its documents stand now. Raises NotFound, ReceiptRefused."""
    return render_template("customer/receipt.html", **_page(number))


@receipts.post("/verify/<number>")
@guarded_by(PUBLIC)
def compare(number: str) -> ResponseReturnValue:
    """Say whether a hash that somebody computed is in the receipt. Changes nothing."""
    page = _page(number)
    if page["proven"] is None:
        return redirect(f"/verify/{number}", code=303)
    typed = re.sub(r"[\s:]", "", request.form.get("sha256", "")[:MAX_TYPED]).lower()
    well = SHA256.fullmatch(typed) is not None
    return render_template(
        "customer/receipt.html", **page, compared=True, well=well, match=page["proven"].find(typed) if well else None
    )


@receipts.get("/verify/<number>/acuse.pdf")
@guarded_by(PUBLIC)
def pdf(number: str) -> ResponseReturnValue:
    """Hand out the PDF while it is kept. Raises NotFound."""
    secret = ReceiptSecret.read(number)
    with reading() as session:
        receipt = find_receipt(session, secret)
        content = receipt.open("pdf", receipt.pdf, secret)
    return _file(content, "application/pdf", f"acuse-{receipt.id[:8]}.pdf")


@receipts.get("/verify/<number>/acuse.json")
@guarded_by(PUBLIC)
def facts(number: str) -> ResponseReturnValue:
    """Hand out the proof. Raises NotFound."""
    secret = ReceiptSecret.read(number)
    with reading() as session:
        receipt = find_receipt(session, secret)
    if receipt.state != ReceiptState.READY:
        raise NotFound("receipt")
    return _file(receipt.open("facts", receipt.facts, secret), "application/json", f"acuse-{receipt.id[:8]}.json")


def offer() -> dict[str, Any]:
    """Return what the page of what was received says of receipts: the number of the last one, and whether to ask."""
    with reading() as session:
        may_ask = may_be_asked(session, visitor().request_id)
        try:
            secret = ReceiptSecret.read(request.cookies.get(COOKIE, ""))
            mine = find_receipt(session, secret).request_id == visitor().request_id
        except NotFound:
            return {"receipt": None, "may_ask": may_ask}
    return {"receipt": secret.text if mine else None, "may_ask": may_ask}


def _page(number: str) -> dict[str, Any]:
    secret = ReceiptSecret.read(number)
    with reading() as session:
        receipt = find_receipt(session, secret)
        organization = session.get_one(Organization, receipt.org_id)
        ready = receipt.state == ReceiptState.READY
        superseded = ready and is_superseded(session, receipt)
    g.timezone = organization.timezone
    page: dict[str, Any] = {
        "company": company_of(organization),
        "number": number,
        "inside": _is_visitor_of(receipt),
        "proven": None,
    }
    if not ready:
        return page
    parts = desk().receipts
    proven = verify(
        receipt.open("facts", receipt.facts, secret), checkpoint_keys=parts.checkpoint_keys, tsa_root=parts.tsa_root
    )
    if (proven.number, proven.checkpoint.origin) != (number, origin_of(receipt.org_id)):
        raise ReceiptRefused(f"receipt {receipt.id} tells of another")
    with reading() as session:
        stand = standings(session, [document.id for document in proven.documents])
    return page | {
        "proven": proven,
        "standings": stand,
        "superseded": superseded,
        "has_pdf": receipt.pdf_until is not None and utcnow() < receipt.pdf_until,
        "pick": lambda texts: in_language(texts, current_language()),
        "signature": proven.note.rstrip("\n").rpartition("\n")[2],
    }


def _is_visitor_of(receipt: Receipt) -> bool:
    """Whether the reader is the customer, so that there is a way back to the list."""
    found = find_visitor()
    return found is not None and found.request_id == receipt.request_id


def _file(content: bytes, mime: str, name: str) -> Response:
    response = Response(content, mimetype=mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
