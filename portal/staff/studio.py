"""The template studio: what WhatsApp made of the company's messages, and other words for them.

Rules: the console only writes wishes, which the courier carries out; words reach a row only through the linter;
checking words changes nothing, though it is a POST (words do not belong in an address).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from audit.events import ActorKind
from notifications.studio.writing import body_of, samples, wordings
from notifications.whatsapp import authentication, library
from notifications.whatsapp.linting import Complaint, lint
from notifications.whatsapp.linting.words import say, where
from notifications.whatsapp.templates import language_for
from portal.staff.desk import desk, me, signed_in
from portal.staff.template_words import ALARMS
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from portal.web.language import current_language
from records import studio as use_case
from records.errors import NotFound
from records.studio import UNDER_REVIEW, Author
from records.templates import MessageTemplate, TemplateStatus
from storage.database import utcnow

blueprint = Blueprint("studio", __name__)

NAMES = (*library.NAMES, authentication.CODE)
LONGEST = {"body": 1100, "footer": 60, "label": 25}
"""Characters that are read of each field; the linter tells the true limit of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What was typed, or stands in the row."""

    body: str
    footer: str
    label: str


@blueprint.get("/administration/message-templates")
@guarded_by("administer")
def overview() -> ResponseReturnValue:
    """Show every template by purpose and language."""
    with reading() as session:
        rows = use_case.templates(session, me().org_id)
        accounts = {
            waba_id: (account, {(row.name, row.language): row for row in rows if row.account_id == account.id})
            for waba_id, account in use_case.accounts(session, me().org_id).items()
            if account is not None
        }
        missing = [each for each, account in use_case.accounts(session, me().org_id).items() if account is None]
        return render_template(
            "staff/studio.html",
            accounts=accounts,
            missing=missing,
            languages=library.LANGUAGES,
            names=NAMES,
            usual=_usual(),
            alarms=[(row, alarm) for row in rows for alarm in alarms_of(row)],
        )


@blueprint.post("/administration/message-templates/register")
@guarded_by("administer")
def register() -> ResponseReturnValue:
    """Ask for the library in the chosen languages."""
    languages = [each for each in library.LANGUAGES if each in request.form.getlist("language")]
    with transaction() as session:
        account = use_case.open_account(session, _author(), me().org_id, request.form.get("waba", ""), now=utcnow())
        asked = use_case.register(session, _author(), account, wordings(languages), now=utcnow())
    if asked:
        told = ngettext("%(num)d plantilla va a WhatsApp.", "%(num)d plantillas van a WhatsApp.", asked)
        patience = gettext("La revisión suele tardar minutos; a veces, un día.")
        flash(f"{told} {patience}", "done")
    else:
        flash(gettext("Esas plantillas ya están registradas."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/administration/message-templates/sync")
@guarded_by("administer")
def sync() -> ResponseReturnValue:
    """Read the account's list again."""
    with transaction() as session:
        use_case.open_account(session, _author(), me().org_id, request.form.get("waba", ""), now=utcnow())
    flash(gettext("Preguntamos a WhatsApp. En unos segundos verás lo que dice."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/administration/message-templates/policy")
@guarded_by("administer")
def decide() -> ResponseReturnValue:
    """Decide whether templates that became MARKETING are sent."""
    with transaction() as session:
        account = use_case.accounts(session, me().org_id).get(request.form.get("waba", ""))
        if account is None:
            raise NotFound("the account")
        refuse = request.form.get("refuse") == "1"
        use_case.refuse_marketing(session, _author(), account, refuse=refuse, now=utcnow())
    flash(gettext("Guardado."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.get("/administration/message-templates/<id:template_id>")
@guarded_by("administer")
def show(template_id: str) -> ResponseReturnValue:
    """Show one template, as a customer sees it."""
    with reading() as session:
        return _page(session, use_case.template(session, me().org_id, template_id), None)


@blueprint.post("/administration/message-templates/<id:template_id>/check")
@guarded_by("administer")
def check(template_id: str) -> ResponseReturnValue:
    """Show what review would say to the words that were typed. Changes nothing."""
    with reading() as session:
        return _page(session, use_case.template(session, me().org_id, template_id), _typed())


@blueprint.post("/administration/message-templates/<id:template_id>/submit")
@guarded_by("administer")
def submit(template_id: str) -> ResponseReturnValue:
    """Hand in the words that were typed, unless review would reject them."""
    typed, now = _typed(), utcnow()
    with transaction() as session:
        found = use_case.template(session, me().org_id, template_id)
        typed = typed if found.body else Words(body="", footer="", label=found.label)
        passes = not any(not each.only_advice for each in _lint(found, typed))
        if passes:
            words = {"body": typed.body, "footer": typed.footer, "label": typed.label}
            use_case.submit(session, _author(), found, **words, now=now)
    if passes:
        flash(gettext("Va a WhatsApp para su revisión."), "done")
        return redirect(url_for(".show", template_id=template_id), 303)
    with reading() as session:
        return _page(session, use_case.template(session, me().org_id, template_id), typed), 422


@blueprint.post("/administration/message-templates/<id:template_id>/standby")
@guarded_by("administer")
def stand_by(template_id: str) -> ResponseReturnValue:
    """Choose what is sent while this template may not be."""
    with transaction() as session:
        found = use_case.template(session, me().org_id, template_id)
        chosen = request.form.get("standby", "")
        use_case.stand_by(session, _author(), found, untrusted_name=chosen, now=utcnow())
    flash(gettext("Guardado."), "done")
    return redirect(url_for(".show", template_id=template_id), 303)


def alarms_of(row: MessageTemplate) -> list[str]:
    """Return the words of everything about a template that a person should look at."""
    found = {
        "drifted": row.drifted,
        "coming": row.coming_category is not None,
        "stopped": row.status not in {TemplateStatus.APPROVED, TemplateStatus.DRAFT, *UNDER_REVIEW},
        "quality": row.quality == "RED",
        "differs": row.differs,
        "refused": row.error is not None and row.wish is None,
    }
    return [str(ALARMS[name]) for name, holds in found.items() if holds]


def _page(session: Session, found: MessageTemplate, typed: Words | None) -> str:
    words = typed or Words(body=found.body, footer=found.footer, label=found.label)
    now = utcnow()
    return render_template(
        "staff/message_template.html",
        row=found,
        words=words,
        checked=typed is not None,
        complaints=[_told(each) for each in _lint(found, words)],
        preview=preview_of(found, words),
        standbys=use_case.standbys(session, found),
        next_edit=_next_edit(found, now),
        under_review=found.status in UNDER_REVIEW,
        alarms=alarms_of(found),
    )


def _lint(found: MessageTemplate, words: Words) -> list[Complaint]:
    typed = {"body": words.body, "footer": words.footer, "label": words.label}
    return lint(body_of(found.name, found.language, public_url=desk().public_url, **typed))


def _told(complaint: Complaint) -> Mapping[str, Any]:
    language = current_language()
    return {
        "where": where(complaint, language),
        "say": say(complaint, language),
        "advice": complaint.only_advice,
        "code": complaint.code.value,
    }


def preview_of(found: MessageTemplate, words: Words) -> Mapping[str, str]:
    """Return the bubble as a customer sees it, with the samples filled in."""
    if found.name == authentication.CODE:
        body, footer = authentication.preview(found.language)
        return {"body": body, "footer": footer, "label": words.label}
    body = words.body
    for number, sample in enumerate(samples(found.language), start=1):
        body = body.replace(f"{{{{{number}}}}}", sample)
    return {"body": body, "footer": words.footer, "label": words.label}


def _next_edit(found: MessageTemplate, now: datetime) -> datetime | None:
    """Return when other words may be handed in, None when they may now."""
    allowed = found.next_edit(now) if found.remote_id is not None else now
    return allowed if allowed > now else None


def _typed() -> Words:
    given = {name: request.form.get(name, "").replace("\r\n", "\n")[:most] for name, most in LONGEST.items()}
    return Words(body=given["body"].strip(), footer=given["footer"].strip(), label=given["label"].strip())


def _usual() -> set[str]:
    """Return the languages that a company of this country registers."""
    country = signed_in().organization.country
    return {language_for(each, country) for each in ("es", "en", "pt")}


def _author() -> Author:
    return Author(kind=ActorKind.STAFF, id=me().id)
