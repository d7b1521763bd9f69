"""Correcting the people of cases, as a CRM knows them: name, address and language.

A change is for the messages to come; a link that was sent stays what it is.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import Party, hint_of
from records.errors import InvalidValue
from records.requesting import LANGUAGES, NAME_LENGTH, business_scoped_id, e164, line, mail_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is to change, as somebody sent it: None leaves a field, an empty text empties an address."""

    untrusted_name: str | None = None
    untrusted_phone: str | None = None
    untrusted_bsuid: str | None = None
    untrusted_email: str | None = None
    untrusted_locale: str | None = None


def correct(
    session: Session, party: Party, given: Correction, *, country: str, actor_id: str, now: datetime
) -> list[str]:
    """Change what differs and return the names of these fields. Raises InvalidValue.

    `country` (ISO 3166) reads phones without a country code. The trail says which fields, never what is in them.
    """
    wanted = {
        "name": line("name", given.untrusted_name, NAME_LENGTH) if given.untrusted_name is not None else None,
        "phone": given.untrusted_phone and e164(given.untrusted_phone, country),
        "bsuid": given.untrusted_bsuid and business_scoped_id(given.untrusted_bsuid),
        "email": given.untrusted_email and mail_address(given.untrusted_email),
        "locale": given.untrusted_locale,
    }
    if wanted["locale"] not in (None, *LANGUAGES):
        raise InvalidValue("locale", "unknown")
    changed = []
    for name, value in wanted.items():
        if value is not None and (value or None) != getattr(party, name):
            setattr(party, name, value or None)
            changed.append(name)
    if not changed:
        return []
    if {"phone", "bsuid", "email"} & set(changed):
        party.unreachable_since = None
    party.hint = hint_of(party.phone, party.email)
    record(
        session,
        Event.CRM_CONTACT_CHANGED,
        org_id=party.org_id,
        actor_id=actor_id,
        subject_id=party.id,
        case_id=party.case_id,
        details=dict.fromkeys(changed, True),
        now=now,
    )
    return changed
