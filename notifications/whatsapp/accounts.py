"""What the platform says of an account and its numbers changes what is sent: limits, stops, alarms.

Every update names an account and concerns all its numbers: one webhook address may serve several accounts of a company.
One of an account without a number here is about the account of the number that it came to. What is not understood
raises an alarm where it sounds like a restriction, and changes nothing else.
Source: webhook references account_update, account_alerts, account_review_update, business_capability_update,
phone_number_quality_update, security and user_preferences, Graph API v26.0.
"""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from notifications.whatsapp.shapes import moment
from records.alarms import AlarmKind, raise_alarm, settle_alarms
from records.breakers import Scope, close_for, hashed_address, open_breaker
from records.budgets import portfolio_of, set_limit
from records.messages import InboundEvent
from records.senders import WhatsAppSender

ACTOR = "courier"
STOPPED = "131050"
"""The code that a message to this person would meet."""
RESTRICTED = "account_update"
BANNED = frozenset({"DISABLE", "SCHEDULE_FOR_DISABLE"})
NO_REQUESTS = "RESTRICTED_BIZ_INITIATED_MESSAGING"
"""The restriction that stops what the outbox sends; others forbid calls, new numbers or answers."""
TIER = re.compile(r"(?:TIER_)?([0-9]{1,9})(K?)")


def apply(session: Session, event: InboundEvent, now: datetime) -> None:
    """Let one update of an account have its effect, in the transaction that takes it in."""
    said = event.fields or {}
    sender = _sender(session, event, said.get("waba_id", ""))
    match said.get("field"):
        case "business_capability_update":
            _limit(session, sender, said.get("max_daily_conversations_per_business") or _old_limit(said), now)
        case "phone_number_quality_update":
            _quality(session, sender, said, now)
        case "account_update":
            _account(session, sender, said, now)
        case "account_review_update":
            if said.get("decision") not in ("APPROVED", None):
                _alarm(session, AlarmKind.ACCOUNT, sender, said.get("decision", ""), now)
        case "account_alerts":
            if _of(said, "alert_severity") in ("CRITICAL", "WARNING") or _of(said, "alert_status") == "ACTIVE":
                _alarm(session, AlarmKind.ACCOUNT, sender, _of(said, "alert_type") or "account_alerts", now)
        case "security":
            _alarm(session, AlarmKind.SECURITY, sender, said.get("event", "security"), now)
        case "user_preferences":
            _preference(session, event, said, now)
        case _:
            pass  # a new name, and whatever the platform adds: kept with the update, without an effect


def _sender(session: Session, event: InboundEvent, waba_id: str) -> WhatsAppSender:
    """Return the number that it came to, or one of the account that is named where that is another of the company."""
    own = session.get_one(WhatsAppSender, event.sender_id)
    named = select(WhatsAppSender).filter_by(org_id=event.org_id, waba_id=waba_id).order_by(WhatsAppSender.id)
    return own if own.waba_id == waba_id else session.scalars(named).first() or own


def _limit(session: Session, sender: WhatsAppSender, untrusted: str | None, now: datetime) -> None:
    """Keep the new limit of new conversations; a lower one is told to somebody."""
    known, limit = _people(untrusted)
    if not known:
        return
    portfolio = portfolio_of(sender)
    before = set_limit(session, org_id=sender.org_id, portfolio=portfolio, daily_limit=limit, now=now)
    if before == limit:
        return
    record(
        session,
        Event.COURIER_LIMIT_CHANGED,
        org_id=sender.org_id,
        actor_id=ACTOR,
        subject_id=sender.id,
        now=now,
        details={"limit": str(limit) if limit is not None else "", "before": str(before) if before is not None else ""},
    )
    if limit is not None and (before is None or limit < before):
        _alarm(session, AlarmKind.LIMIT, sender, f"limit_{limit}", now)


def _quality(session: Session, sender: WhatsAppSender, said: dict[str, str], now: datetime) -> None:
    """FLAGGED is the warning before a lower limit; the limit itself comes along."""
    subject = said.get("display_phone_number", "")[-4:]
    match said.get("event"):
        case "FLAGGED" | "DOWNGRADE":
            raise_alarm(
                session,
                AlarmKind.LIMIT,
                org_id=sender.org_id,
                subject=subject,
                code="phone_number_quality_update",
                now=now,
            )
        case "UNFLAGGED" | "UPGRADE":
            settle_alarms(session, AlarmKind.LIMIT, org_id=sender.org_id, subject=subject, now=now)
        case _:
            pass
    _limit(session, sender, said.get("max_daily_conversations_per_business") or said.get("current_limit"), now)


def _account(session: Session, sender: WhatsAppSender, said: dict[str, str], now: datetime) -> None:
    """A ban or restriction stops every number of the account until its end; being reinstated lets them go on."""
    state = said.get("ban_info.waba_ban_state", "") or said.get("ban_info.waba_ban_state.0", "")
    match said.get("event"):
        case "DISABLED_UPDATE" if state == "REINSTATE":
            _resume(session, sender, now)
        case "DISABLED_UPDATE" if state in BANNED or not state:
            if state != "SCHEDULE_FOR_DISABLE":
                _stop(session, sender, None, now)
            _alarm(session, AlarmKind.ACCOUNT, sender, RESTRICTED, now)
        case "ACCOUNT_RESTRICTION":
            for number in range(10):
                kind = said.get(f"restriction_info.{number}.restriction_type", "")
                until = moment(said.get(f"restriction_info.{number}.expiration"))
                if kind == NO_REQUESTS and (until is None or until > now):
                    _stop(session, sender, until, now)
            _alarm(session, AlarmKind.ACCOUNT, sender, RESTRICTED, now)
        case "ACCOUNT_DELETED" | "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED":
            _stop(session, sender, None, now)
            _alarm(session, AlarmKind.ACCOUNT, sender, said.get("event", ""), now)
        case "ACCOUNT_VIOLATION":
            _alarm(session, AlarmKind.ACCOUNT, sender, said.get("violation_info.violation_type", RESTRICTED), now)
        case _:
            pass


def _stop(session: Session, sender: WhatsAppSender, until: datetime | None, now: datetime) -> None:
    for number in _numbers(session, sender):
        open_breaker(session, Scope.SENDER, number.id, org_id=sender.org_id, reason=RESTRICTED, until=until, now=now)


def _resume(session: Session, sender: WhatsAppSender, now: datetime) -> None:
    for number in _numbers(session, sender):
        reasons = (RESTRICTED, "131031", "368")
        close_for(session, Scope.SENDER, number.id, org_id=sender.org_id, reasons=reasons, now=now)
    settle_alarms(session, AlarmKind.ACCOUNT, org_id=sender.org_id, subject=sender.waba_id, now=now)


def _preference(session: Session, event: InboundEvent, said: dict[str, str], now: datetime) -> None:
    """A person stopped or resumed what the company may send there, at the platform itself."""
    for address in (event.phone, event.bsuid):
        if address:
            key = hashed_address(event.org_id, address)
            org_id = event.org_id
            if said.get("value") == "stop":
                open_breaker(session, Scope.RECIPIENT, key, org_id=org_id, reason=STOPPED, until=None, now=now)
            elif said.get("value") == "resume":
                close_for(session, Scope.RECIPIENT, key, org_id=org_id, reasons=(STOPPED,), now=now)


def _numbers(session: Session, sender: WhatsAppSender) -> list[WhatsAppSender]:
    wanted = select(WhatsAppSender).filter_by(org_id=sender.org_id, waba_id=sender.waba_id)
    return list(session.scalars(wanted.order_by(WhatsAppSender.id)))


def _alarm(session: Session, kind: AlarmKind, sender: WhatsAppSender, code: str, now: datetime) -> None:
    raise_alarm(session, kind, org_id=sender.org_id, subject=sender.waba_id, code=code or "account_update", now=now)


def _of(said: dict[str, str], name: str) -> str:
    return said.get(f"alert_info.{name}") or said.get(name, "")


def _old_limit(said: dict[str, str]) -> str | None:
    return said.get("max_daily_conversation_per_phone")


def _people(untrusted: str | None) -> tuple[bool, int | None]:
    """Return whether a limit was understood, and how many people a day it allows (None: any number).

    A number, -1 for unlimited, or a tier (TIER_250, TIER_2K, TIER_100K, TIER_UNLIMITED). What is not understood, and
    TIER_NOT_SET, changes nothing.
    """
    if untrusted in ("-1", "TIER_UNLIMITED"):
        return True, None
    found = TIER.fullmatch(untrusted or "")
    if found is None:
        return False, None
    return True, int(found.group(1)) * (1000 if found.group(2) else 1)
