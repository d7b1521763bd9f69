"""The REST API of contacts: the people of cases. A CRM may correct how they are reached; it never merges them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.gateway.keys import current_key
from portal.gateway.paging import Id, ListQuery, Order, page_of, paged
from portal.gateway.refusals import GIVEN, LISTING, needs, refusals
from portal.gateway.schemas import Email, Given, Phone, Short, WhatsAppId
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records.apikeys import Scope
from records.cases import Party
from records.correcting import Correction, correct
from records.optins import OptInSource, opt_ins_of
from records.optouts import opted_out
from records.organizations import Organization
from records.reach import party_in_reach, reached_parties
from storage.database import utcnow

contacts = APIBlueprint("contacts", __name__, tag="Contacts")


class ContactsQuery(ListQuery):
    """Which contacts."""

    case_id: Id | None = None


class ContactChange(Given):
    """What to correct; what is left out stays. An empty text empties an address."""

    name: Short | None = Field(default=None, examples=["Ana López"])
    phone: Phone | Literal[""] | None = Field(default=None, examples=["+52 55 8765 4321"])
    whatsapp_id: WhatsAppId | Literal[""] | None = None
    email: Email | Literal[""] | None = Field(default=None, examples=["ana@example.com"])
    locale: Literal["es", "en", "pt"] | None = None


class OptInOut(BaseModel):
    """The newest evidence that the person agreed to be written to."""

    at: datetime
    text: str
    source: OptInSource


class ContactOut(BaseModel):
    """A person of a case."""

    id: str
    case_id: str
    role: str
    name: str
    phone: str | None = Field(description="E.164 with `+`.")
    whatsapp_id: str | None
    email: str | None
    locale: str
    unreachable: bool = Field(description="Whether a channel said that nothing arrives at the address.")
    opted_out: bool = Field(description="Whether the person asked on WhatsApp for no more messages.")
    opt_in: OptInOut | None
    created_at: datetime


class ContactList(BaseModel):
    """Contacts, newest first."""

    data: list[ContactOut]
    next: str | None = Field(description="Address of the next page; null on the last one. Also in the Link header.")


@contacts.get("/api/v1/contacts")
@guarded_by("api_key")
@contacts.input(ContactsQuery, location="query", arg_name="query")
@contacts.output(ContactList, description="A page of contacts")
@contacts.doc(summary="List contacts", responses=refusals(*LISTING), security=needs(Scope.CONTACTS_READ))
def listed(query: ContactsQuery) -> ResponseReturnValue:
    """Newest first. Follow `next` until it is null."""
    key = current_key(Scope.CONTACTS_READ)
    wanted = select(Party).where(reached_parties(key))
    if query.case_id is not None:
        wanted = wanted.where(Party.case_id == query.case_id)
    with reading() as session:
        rows, cursor = page_of(session, wanted, Order(at=Party.created_at, id=Party.id), query)
        return paged(_told(session, rows), cursor)


@contacts.get("/api/v1/contacts/<id:contact_id>")
@guarded_by("api_key")
@contacts.output(ContactOut, description="The contact")
@contacts.doc(summary="See a contact", responses=refusals("not_found"), security=needs(Scope.CONTACTS_READ))
def show(contact_id: str) -> ResponseReturnValue:
    """How the person is reached, and whether they asked for no more messages."""
    key = current_key(Scope.CONTACTS_READ)
    with reading() as session:
        return _told(session, [party_in_reach(session, key, contact_id)])[0]


@contacts.patch("/api/v1/contacts/<id:contact_id>")
@guarded_by("api_key")
@contacts.input(ContactChange, arg_name="body")
@contacts.output(ContactOut, description="The contact as it is now")
@contacts.doc(
    summary="Correct a contact", responses=refusals("not_found", *GIVEN), security=needs(Scope.CONTACTS_WRITE)
)
def change(contact_id: str, body: ContactChange) -> ResponseReturnValue:
    """For the messages to come: a link that was sent stays what it is. Repeating the call changes nothing more."""
    key = current_key(Scope.CONTACTS_WRITE)
    given = Correction(
        untrusted_name=body.name,
        untrusted_phone=body.phone,
        untrusted_bsuid=body.whatsapp_id,
        untrusted_email=body.email,
        untrusted_locale=body.locale,
    )
    with transaction() as session:
        party = party_in_reach(session, key, contact_id)
        country = session.get_one(Organization, key.org_id).country
        correct(session, party, given, country=country, actor_id=key.id, now=utcnow())
        return _told(session, [party])[0]


def _told(session: Session, found: Sequence[Party]) -> list[dict[str, Any]]:
    agreed: dict[str, OptInOut] = {}
    for row in opt_ins_of(session, [party.id for party in found]):  # newest first
        agreed.setdefault(row.party_id, OptInOut(at=row.at, text=row.text, source=row.source))
    return [
        ContactOut(
            id=party.id,
            case_id=party.case_id,
            role=party.role,
            name=party.name,
            phone=party.phone,
            whatsapp_id=party.bsuid,
            email=party.email,
            locale=party.locale,
            unreachable=party.unreachable_since is not None,
            opted_out=opted_out(session, party),
            opt_in=agreed.get(party.id),
            created_at=party.created_at,
        ).model_dump(mode="json")
        for party in found
    ]
