"""What the platform says about a template becomes its row, with the trail in the same transaction."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import Event, record
from records.alarms import AlarmKind, raise_alarm, settle_alarms
from records.templates import MessageTemplate, TemplateStatus, TemplateWish

ACTOR = "courier"
KNOWN = frozenset(TemplateStatus) - {TemplateStatus.DRAFT, TemplateStatus.UNKNOWN}
UNALARMING = frozenset({TemplateStatus.PENDING, TemplateStatus.IN_APPEAL})
REASON_MAX = 120
SKEW = timedelta(minutes=1)
"""What the platform answers to a call of ours counts as said so long before: its own clock may be behind ours."""


def status_of(untrusted: str) -> TemplateStatus:
    """Return the status that the platform names; UNKNOWN for a word of which we do not know whether it may be sent."""
    said = untrusted.strip().lower()
    return TemplateStatus(said) if said in KNOWN else TemplateStatus.UNKNOWN


def take_status(
    session: Session, template: MessageTemplate, status: TemplateStatus, reason: str, *, at: datetime, now: datetime
) -> bool:
    """Take the platform's word about a template; return whether it changed. What waits for a review may then go on."""
    template.status_at = at
    template.reason = reason[:REASON_MAX] if reason and reason.upper() != "NONE" else None
    if template.status == status:
        return False
    template.status = status
    subject = _subject(template)
    if status == TemplateStatus.DELETED:
        template.remote_id = template.remote_sha256 = None
    if status == TemplateStatus.APPROVED:
        settle_alarms(session, AlarmKind.TEMPLATE, org_id=template.org_id, subject=subject, now=now)
    elif status not in UNALARMING and template.wish != TemplateWish.DELETE:
        raise_alarm(session, AlarmKind.TEMPLATE, org_id=template.org_id, subject=subject, code=status.value, now=now)
    if template.wish == TemplateWish.SUBMIT and template.lease_until is None:
        template.due_at = now
    note(session, Event.COURIER_MESSAGE_TEMPLATE_CHANGED, template, now, status=status.value)
    return True


def take_category(session: Session, template: MessageTemplate, category: str, *, now: datetime) -> bool:
    """Take the category that a template has now; return whether it changed."""
    said = category.strip().upper()[:20]
    before, template.category = template.category, said
    if template.coming_category == said or not template.drifted:
        template.coming_category = None
    if said == (before or template.wanted_category):
        return False
    note(session, Event.COURIER_MESSAGE_TEMPLATE_RECATEGORISED, template, now, category=_code(said))
    org_id, subject = template.org_id, _subject(template)
    if template.drifted:
        raise_alarm(session, AlarmKind.CATEGORY, org_id=org_id, subject=subject, code=_code(said), now=now)
    else:
        settle_alarms(session, AlarmKind.CATEGORY, org_id=org_id, subject=subject, now=now)
    return True


def take_quality(session: Session, template: MessageTemplate, quality: str, *, now: datetime) -> bool:
    """Take the quality that customers gave a template; return whether it changed."""
    said = quality.strip().upper()[:10]
    if template.quality == said:
        return False
    template.quality = said
    note(session, Event.COURIER_MESSAGE_TEMPLATE_RATED, template, now, quality=_code(said))
    if said == "RED":
        raise_alarm(
            session, AlarmKind.TEMPLATE, org_id=template.org_id, subject=_subject(template), code="quality_red", now=now
        )
    return True


def note(session: Session, event: Event, template: MessageTemplate, now: datetime, **details: str) -> None:
    """Record an event about a template."""
    record(
        session,
        event,
        org_id=template.org_id,
        actor_id=ACTOR,
        subject_id=template.id,
        details={"language": _code(template.language), **details},
        now=now,
    )


def _subject(template: MessageTemplate) -> str:
    """Return what an alarm names: the same as delivery does."""
    return f"{template.name}/{template.language}"


def _code(untrusted: str) -> str:
    """Return a word of the platform as the trail keeps words: printable ASCII."""
    return "".join(letter for letter in untrusted if letter.isascii() and letter.isprintable())
