"""The customer's ways out and back on PostgreSQL, each step as the process that takes it, with only its own rights."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from notifications.renewing import renew_link
from portal.worker.erasing import erase
from records.consents import accept, has_accepted
from records.declining import decline
from records.documents import Document, DocumentState
from records.links import UploadLink, Visit, newest_link
from records.messages import Message
from records.opening import view_page
from records.organizations import PrivacyNotice
from records.requests import DocumentRequest, Slot, SlotState
from records.waiving import insist, waive
from records.wishes import LinkWish, may_wish, wish
from records.withdrawing import Withdrawal, is_withdrawn, undo_until, withdraw
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.due import lease
from tests.migrations.conftest import As
from tests.records.case_of_ana import NOW, World, a_filed_document, world_in


def filed(owner: Database, world: World) -> tuple[str, str]:
    """A document that was filed just now, and the visit that sent it."""
    with owner.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        document = a_filed_document(session, request.slots[0], utcnow())
        return document.id, document.upload.visit_id


def test_their_own_roles_are_enough_to_take_a_file_back_and_erase_it(
    owner: Database, acting_as: As, tmp_path: Path
) -> None:
    world = world_in(owner)
    document_id, visit_id = filed(owner, world)
    with acting_as("customer").transaction() as session:
        slot, document = session.get_one(Slot, world.request.slots[0].id), session.get_one(Document, document_id)
        assert undo_until(slot, document, utcnow()) is not None
        withdraw(session, session.get_one(Visit, visit_id), slot.id, now=utcnow())
    for process in ("staff", "opener"):
        with acting_as(process).reading() as session:
            assert is_withdrawn(session, document_id)
    with acting_as("staff").transaction() as session, pytest.raises(Exception, match=document_id):
        view_page(session, world.members["eva"], document_id, 1, now=utcnow())
    inspector = acting_as("inspector")
    with inspector.transaction() as session:
        (held,) = lease(session, Withdrawal, now=utcnow(), limit=5)
    erase(cast(Any, SimpleNamespace(database=inspector, blobs=LocalBlobStore(tmp_path / "blobs"))), held)
    with owner.reading() as session:
        assert session.get_one(Document, document_id).state == DocumentState.WITHDRAWN
        assert session.scalars(select(Withdrawal)).one().erased_at is not None


def test_their_own_roles_are_enough_to_decline_and_to_decide(owner: Database, acting_as: As) -> None:
    world = world_in(owner)
    _, visit_id = filed(owner, world)
    second, customer, staff = world.request.slots[1].id, acting_as("customer"), acting_as("staff")
    for decide in (lambda *who: insist(*who, untrusted_note="Hace falta", now=utcnow()), _waive):
        with customer.transaction() as session:
            visit = session.get_one(Visit, visit_id)
            decline(session, visit, second, untrusted_reason="lost", untrusted_note="", now=utcnow())
        with staff.transaction() as session:
            decide(session, world.members["eva"], second)
    with owner.reading() as session:
        assert session.get_one(Slot, second).state == SlotState.WAIVED


def _waive(session: Any, member: Any, slot_id: str) -> None:
    waive(session, member, slot_id, now=utcnow())


def test_their_own_roles_are_enough_to_wish_for_a_link_and_to_send_it(owner: Database, acting_as: As) -> None:
    world = world_in(owner)
    with owner.transaction() as session:
        link = session.scalars(select(UploadLink)).one()
        link.expires_at = NOW + timedelta(minutes=1)
        old = link.id
    customer, courier = acting_as("customer"), acting_as("courier")
    with customer.transaction() as session:
        assert may_wish(session, old, utcnow())
        assert wish(session, old, now=utcnow())
        assert not wish(session, old, now=utcnow())
    with courier.transaction() as session:
        (held,) = lease(session, LinkWish, now=utcnow(), limit=5)
    renew_link(courier, held)
    with owner.reading() as session:
        assert session.scalars(select(Message.link_id)).one() == newest_link(session, world.request.id).id != old


def test_the_customers_own_role_is_enough_to_accept_a_notice_that_changed(owner: Database, acting_as: As) -> None:
    world = world_in(owner)
    _, visit_id = filed(owner, world)
    customer = acting_as("customer")
    with customer.transaction() as session:
        visit = session.get_one(Visit, visit_id)
        assert not has_accepted(session, visit)
        accept(session, visit, session.scalars(select(PrivacyNotice)).one(), now=utcnow())
        session.flush()
        assert has_accepted(session, visit)
