"""What one captured process, or a hand in the database, can bring about: each test is named after the attack."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, text, update

from audit import AuditEvent, Event, record
from portal.worker import drawing, inspecting, keeping, materials, opener
from portal.worker.opener import OpeningRefused
from records.cases import Case, CaseKey
from records.documents import Document, DocumentState, Part, PreviewTask
from records.exports import Export
from records.organizations import Organization, Team
from records.people import Member, Role
from records.uploads import QuarantineKey
from storage.blobs import LocalBlobStore
from storage.database import Database, new_id, utcnow
from storage.due import lease
from storage.keyring.local import LocalKeyring
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import SignatureRefused
from storage.sealing.seal import PublicKey, Sealing
from storage.sealing.signing import SigningKey
from storage.sealing.stream import decrypt
from storage.sealing.unseal import PrivateKey
from tests.intake.building import World, a_world
from tests.records.exporting.casting import Company, a_company
from tests.services.processes import ROOT

CONTENT = b"the picture of Ana's card"
PAGE = "page-0001"


@dataclass
class House:
    """A company with two filed documents and its people."""

    company: Company
    document_id: str
    other_id: str
    org_id: str

    @property
    def database(self) -> Database:
        return self.company.database

    def member(self, role: Role, *, team_id: str | None = None, org_id: str | None = None, active: bool = True) -> str:
        with self.database.transaction() as session:
            row = Member(
                id=new_id(), org_id=org_id or self.org_id, team_id=team_id, email=f"{new_id()}@valle.example",
                name="Eva", role=role, active=active, password_hash="-", totp_boxed=b"-", created_at=utcnow(),
            )  # fmt: skip
            session.add(row)
            return row.id

    def team(self, *, of_the_case: bool = False) -> str:
        with self.database.transaction() as session:
            team = Team(id=new_id(), org_id=self.org_id, name=new_id())
            session.add(team)
            session.flush()
            if of_the_case:
                session.get_one(Case, self.company.case_id).team_id = team.id
            return team.id

    def another_organization(self) -> str:
        with self.database.transaction() as session:
            other = Organization(id=new_id(), slug=new_id(), name="Otra", created_at=utcnow())
            session.add(other)
            return other.id

    def event(
        self,
        event: Event = Event.STAFF_DOCUMENT_DOWNLOADED,
        *,
        subject_id: str | None = None,
        actor_id: str | None = None,
        org_id: str | None = None,
        case_id: str | None = None,
        at: datetime | None = None,
        details: dict[str, str] | None = None,
    ) -> str:
        """Commit an event, by default the one that lets Carla download the document."""
        with self.database.transaction() as session:
            return record(
                session,
                event,
                org_id=org_id or self.org_id,
                actor_id=actor_id or self.company.carla_id,
                subject_id=subject_id or self.document_id,
                case_id=case_id or self.company.case_id,
                details=details,
                now=at or utcnow(),
            ).id

    def view(self, **more: Any) -> str:
        return self.event(Event.STAFF_DOCUMENT_VIEWED, details={"part": PAGE}, **more)

    def open(self, event_id: str, *, document_id: str | None = None, part: str = "original") -> bytes:
        return self.company.open_part(event_id, document_id or self.document_id, part)

    def refused(self, event_id: str, *, document_id: str | None = None, part: str = "original") -> str:
        """Ask, be refused, and find the refusal in the trail; return its reason."""
        before = self.refusals()
        with pytest.raises(OpeningRefused) as caught:
            self.open(event_id, document_id=document_id, part=part)
        (written,) = [each for each in self.refusals() if each.id not in {known.id for known in before}]
        assert written.details["reason"] == caught.value.why
        assert written.actor_id == "opener"
        return caught.value.why

    def refusals(self) -> list[AuditEvent]:
        with self.database.reading() as session:
            wanted = select(AuditEvent).where(AuditEvent.event == Event.OPENER_PART_REFUSED.value)
            return list(session.scalars(wanted))

    def change(self, model: type[Any], where: Any, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(update(model).where(where).values(**values))

    def part(self, document_id: str | None = None, name: str = "original") -> Part:
        with self.database.reading() as session:
            wanted = select(Part).where(Part.document_id == (document_id or self.document_id), Part.name == name)
            return session.scalars(wanted).one()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    blobs = LocalBlobStore(tmp_path / "blobs")
    blobs.check()
    company = a_company(database, blobs, cast(Any, None), tmp_path / "keyring")
    documents = [company.file(slot, f"ine{slot}.jpg", CONTENT) for slot in (0, 1)]
    with database.reading() as session:
        org_id = session.get_one(Case, company.case_id).org_id
    return House(company, *documents, org_id)


def test_whoever_may_gets_the_key_of_that_part(house: House) -> None:
    key = house.open(house.event())
    assert len(key) == 16
    assert b"".join(decrypt(house.company.blobs.read(house.part().blob), key)) == CONTENT
    assert b"".join(decrypt(house.company.blobs.read(house.part(name=PAGE).blob), house.open(house.view(), part=PAGE)))
    opened = [each for each in house.company.events() if each.event == Event.OPENER_PART_OPENED.value]
    assert [each.details["part"] for each in opened] == ["original", PAGE]
    assert house.refusals() == []


# Openings without the right event


def test_an_opening_without_an_event(house: House) -> None:
    assert house.refused(new_id()) == "no_event"


def test_an_opening_with_an_event_that_was_never_committed(house: House) -> None:
    with house.database.engine.connect() as connection:
        event_id = new_id()
        connection.execute(
            text(
                "INSERT INTO audit_events (id, org_id, at, event, actor_id, subject_id, details) "
                "VALUES (:id, :org, CURRENT_TIMESTAMP, 'staff:document:downloaded', :carla, :document, '{}')"
            ),
            {"id": event_id, "org": house.org_id, "carla": house.company.carla_id, "document": house.document_id},
        )
        if not house.database.is_sqlite:  # there one writer at a time: the refusal could not be recorded meanwhile
            assert house.refused(event_id) == "no_event"
        connection.rollback()
    assert house.refused(event_id) == "no_event"


def test_an_opening_with_another_documents_event(house: House) -> None:
    assert house.refused(house.event(subject_id=house.other_id)) == "other_subject"


def test_an_opening_with_a_stale_event(house: House) -> None:
    assert house.refused(house.event(at=utcnow() - timedelta(seconds=61))) == "stale_event"
    assert house.refused(house.event(at=utcnow() + timedelta(seconds=30))) == "stale_event"


def test_an_opening_by_a_disabled_member(house: House) -> None:
    event_id = house.event()
    house.change(Member, Member.id == house.company.carla_id, active=False)
    assert house.refused(event_id) == "policy"


def test_an_opening_by_the_wrong_team(house: House) -> None:
    eva = house.member(Role.EXECUTIVE, team_id=house.team(of_the_case=True))
    omar = house.member(Role.EXECUTIVE, team_id=house.team())
    assert house.open(house.view(actor_id=eva), part=PAGE)
    assert house.refused(house.view(actor_id=omar), part=PAGE) == "policy"


def test_an_original_for_whoever_may_only_see_pages(house: House) -> None:
    eva = house.member(Role.EXECUTIVE, team_id=house.team(of_the_case=True))
    assert house.refused(house.event(actor_id=eva)) == "policy"
    assert house.refused(house.view(actor_id=eva)) == "other_subject"


def test_a_page_with_the_event_of_another_page(house: House) -> None:
    event_id = house.event(Event.STAFF_DOCUMENT_VIEWED, details={"part": "page-0002"})
    assert house.refused(event_id, part=PAGE) == "other_subject"


def test_an_opening_with_an_event_of_another_organization(house: House) -> None:
    other = house.another_organization()
    stranger = house.member(Role.COMPLIANCE, org_id=other)
    assert house.refused(house.event(org_id=other, actor_id=stranger)) == "other_subject"
    assert house.refused(house.event(actor_id=stranger)) == "policy"


def test_an_opening_with_an_event_of_another_case(house: House) -> None:
    assert house.refused(house.event(case_id=new_id())) == "other_subject"


@pytest.mark.parametrize("event", [Event.STAFF_CASE_VIEWED, Event.CUSTOMER_UPLOAD_FINISHED, Event.OPENER_PART_OPENED])
def test_an_opening_with_an_event_that_opens_nothing(house: House, event: Event) -> None:
    assert house.refused(house.event(event)) == "wrong_event"


@pytest.mark.parametrize("actor", ["nobody", "inspector", "opener"])
def test_an_opening_in_the_name_of_nobody(house: House, actor: str) -> None:
    assert house.refused(house.event(actor_id=actor)) == "unknown"


def test_a_part_that_does_not_exist(house: House) -> None:
    event_id = house.event()
    assert house.refused(event_id, part="nothing") == "no_such_part"
    assert house.refused(event_id, document_id=new_id()) == "no_such_part"


def an_export(house: House, **changes: Any) -> str:
    with house.database.transaction() as session:
        values = {"org_id": house.org_id, "case_id": house.company.case_id, "member_id": house.company.carla_id}
        export = Export(id=new_id(), event_id=new_id(), created_at=utcnow(), **{**values, **changes})
        session.add(export)
        return export.id


def test_an_export_of_another_member_or_another_case(house: House) -> None:
    downloaded = partial(house.event, Event.STAFF_EXPORT_DOWNLOADED)
    assert house.open(downloaded(subject_id=an_export(house)))
    other = an_export(house, member_id=house.member(Role.COMPLIANCE))
    assert house.refused(downloaded(subject_id=other)) == "other_subject"
    with house.database.transaction() as session:
        case = Case(id=new_id(), org_id=house.org_id, title="x", created_at=utcnow(), updated_at=utcnow())
        session.add(case)
    assert house.refused(downloaded(subject_id=an_export(house, case_id=case.id))) == "other_subject"
    assert house.refused(downloaded(subject_id=new_id())) == "other_subject"


def test_no_trail_no_key(house: House) -> None:
    """What cannot be recorded is not done."""
    event_id = house.event()
    with house.database.transaction() as session:
        session.execute(text("ALTER TABLE audit_pending RENAME TO gone"))
    line = f'{{"event": "{event_id}", "document": "{house.document_id}", "part": "original"}}\n'
    assert opener.answer(house.company.opener, line.encode()) == b'{"error": "opening_unavailable"}\n'


# Rows that a hand in the database changed


def test_a_forged_filed_row_opens_nothing(house: House) -> None:
    """A document that was never inspected, with parts that only the forger sealed."""
    stranger = SigningKey.generate()
    with house.database.transaction() as session:
        real = session.get_one(Document, house.document_id)
        columns = {column.key: getattr(real, column.key) for column in Document.__table__.columns}
        upload = session.execute(text("SELECT * FROM uploads LIMIT 1")).mappings().one()
        upload_id = new_id()
        names = ", ".join(f'"{name}"' for name in upload)
        values = ", ".join(f":{name}" for name in upload)
        session.execute(text(f"INSERT INTO uploads ({names}) VALUES ({values})"), {**upload, "id": upload_id})
        forged = Document(**{**columns, "id": new_id(), "upload_id": upload_id})
        session.add(forged)
        forged_id = forged.id
    event_id = house.event(subject_id=forged_id)
    assert house.refused(event_id, document_id=forged_id) == "no_such_part"
    with house.database.transaction() as session:
        key = session.scalars(select(CaseKey)).one()
        sealing = Sealing.to(
            [PublicKey(key.public or b"")], DocumentContext(org=house.org_id, doc=forged_id, part="original")
        )
        part = a_copy(house.part(), document_id=forged_id, blob="docs/forged", header=sealing.header)
        part.attestation = stranger.sign("part", part.attested())
        session.add(part)
    assert house.refused(event_id, document_id=forged_id) in ("signature_refused", "hash_changed")


def a_copy(part: Part, **changes: Any) -> Part:
    columns = {column.key: getattr(part, column.key) for column in Part.__table__.columns}
    return Part(**{**columns, "id": new_id(), **changes})


@pytest.mark.parametrize("state", [DocumentState.RECEIVED, DocumentState.REFUSED, DocumentState.RECALLED])
def test_a_document_that_is_not_filed_opens_nothing_though_its_parts_are_attested(
    house: House, state: DocumentState
) -> None:
    house.change(Document, Document.id == house.document_id, state=state)
    assert house.refused(house.event()) == "not_filed"


def test_a_swapped_header(house: House) -> None:
    other = house.part(house.other_id)
    mine = Part.id == house.part().id
    house.change(Part, mine, header=other.header)
    assert house.refused(house.event()) == "hash_changed"
    house.change(Part, mine, header_sha256=other.header_sha256)
    assert house.refused(house.event()) == "signature_refused"


def test_a_swapped_part_row(house: House) -> None:
    """Everything of the other document's part, its good attestation too, stands in this document's row."""
    mine, other = house.part(), house.part(house.other_id)
    house.change(Part, Part.id == other.id, name="moved", blob="docs/moved")
    columns = {c.key: getattr(other, c.key) for c in Part.__table__.columns if c.key not in ("id", "document_id")}
    house.change(Part, Part.id == mine.id, **columns)
    assert house.refused(house.event()) == "signature_refused"


def test_a_part_moved_to_another_name(house: House) -> None:
    house.change(Part, Part.id == house.part().id, name=PAGE + "x")
    house.change(Part, Part.id == house.part(name=PAGE).id, name="original")
    assert house.refused(house.event()) == "signature_refused"


def test_an_attestation_over_another_payload_hash(house: House) -> None:
    house.change(Part, Part.id == house.part().id, payload_sha256="0" * 64)
    assert house.refused(house.event()) == "signature_refused"


def test_an_attestation_of_a_stranger(house: House) -> None:
    part = house.part()
    house.change(Part, Part.id == part.id, attestation=SigningKey.generate().sign("part", part.attested()))
    assert house.refused(house.event()) == "signature_refused"


def test_a_swapped_case_public_key_opens_nothing(house: House) -> None:
    house.change(CaseKey, CaseKey.case_id == house.company.case_id, public=PrivateKey.generate().public().raw)
    assert house.refused(house.event()) == "signature_refused"


def test_a_sealed_private_key_of_another_case_opens_nothing(house: House) -> None:
    other = Case(id=new_id(), org_id=house.org_id, title="x", created_at=utcnow(), updated_at=utcnow())
    with house.database.transaction() as session:
        session.add(other)
        session.flush()
        session.add(CaseKey(org_id=house.org_id, case_id=other.id, due_at=utcnow()))
    mint_all(house.database, house.company.custodian)
    with house.database.reading() as session:
        stranger = session.scalars(select(CaseKey.sealed_private).where(CaseKey.case_id == other.id)).one()
    house.change(CaseKey, CaseKey.case_id == house.company.case_id, sealed_private=stranger)
    assert house.refused(house.event()) != "policy"


def test_a_case_whose_key_is_gone_opens_nothing(house: House) -> None:
    house.change(CaseKey, CaseKey.case_id == house.company.case_id, sealed_private=None)
    assert house.refused(house.event()) == "no_case_key"


# The inspector and the custodian before forged rows


def mint_all(database: Database, custodian: keeping.Tools) -> None:
    with database.transaction() as session:
        held = lease(session, CaseKey, now=utcnow(), limit=10)
    for each in held:
        keeping.mint(custodian, each)


@dataclass
class Bench:
    """A received document and the inspector's tools, with a key of the case but no scanner: it must not come so far."""

    world: World
    tools: materials.Tools
    document_id: str

    def change(self, model: type[Any], **values: Any) -> None:
        with self.world.database.transaction() as session:
            session.execute(update(model).values(**values))

    def work(self, model: type[Any], run: Callable[[materials.Tools, Any], None]) -> None:
        with self.world.database.transaction() as session:
            (held,) = lease(session, model, now=utcnow(), limit=5)
        run(self.tools, held)

    def state(self) -> tuple[str, int, int]:
        """State, parts, objects in the vault."""
        with self.world.database.reading() as session:
            parts = len(session.scalars(select(Part)).all())
            state = session.get_one(Document, self.document_id).state
        return state, parts, len([name for name in self.world.blob_names() if name.startswith("docs/")])


class HeldKey:
    """The inspector's folder, with the one key of these tests."""

    def __init__(self, private: PrivateKey) -> None:
        self._private = private

    def private(self, _key_id: str) -> PrivateKey:
        return self._private


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path) -> Bench:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))
    upload = world.begin(length=len(CONTENT))
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[CONTENT])
    signer = SigningKey.generate()
    (tmp_path / "keyring").mkdir(mode=0o700)
    custodian = keeping.Tools(
        database=sqlite_database,
        keyring=LocalKeyring(tmp_path / "keyring"),
        signer=world.keys.custodian,
        checkpoints=cast(Any, None),
        inspector=signer.verify_key(),
        escrow=PrivateKey.generate().public(),
    )
    mint_all(sqlite_database, custodian)
    tools = materials.Tools(
        database=sqlite_database,
        blobs=world.blobs,
        inspector=cast(Any, None),
        quarantine=cast(Any, HeldKey(world.keys.quarantine)),
        signer=signer,
        custodian=world.keys.custodian.verify_key(),
        hashes=cast(Any, None),
    )
    with sqlite_database.reading() as session:
        document_id = session.scalars(select(Document.id)).one()
    return Bench(world, tools, document_id)


def test_the_inspector_seals_nothing_to_a_swapped_case_public_key(bench: Bench) -> None:
    bench.change(CaseKey, public=PrivateKey.generate().public().raw)
    with pytest.raises(SignatureRefused):
        bench.work(Document, inspecting.inspect)
    assert bench.state() == ("received", 0, 0)


def test_a_forged_filed_row_is_not_drawn(bench: Bench) -> None:
    """Who cannot make the inspector's fingerprint gets no page attested without an inspection."""
    bench.change(Document, state=DocumentState.FILED, mime="image/jpeg", engine="x", signatures="x", due_at=None)
    with bench.world.database.transaction() as session:
        session.add(PreviewTask(document_id=bench.document_id, fingerprint=b"\0" * 32, due_at=utcnow()))
    bench.work(PreviewTask, drawing.preview)
    assert bench.state() == ("filed", 0, 0)
    with bench.world.database.reading() as session:
        assert session.scalars(select(PreviewTask.gave_up)).one() is True


def test_a_forged_filed_row_is_not_inspected_into_the_vault(bench: Bench) -> None:
    bench.change(Document, state=DocumentState.FILED)
    bench.work(Document, inspecting.inspect)
    assert bench.state() == ("filed", 0, 0)


def test_a_document_whose_slices_were_taken_away_is_refused_in_the_end(bench: Bench) -> None:
    with bench.world.database.transaction() as session:
        session.execute(text("DELETE FROM slices WHERE seq = 1"))
    with pytest.raises(Exception, match="length"):
        bench.work(Document, inspecting.inspect)
    bench.change(Document, unfinished=materials.MAX_UNFINISHED - 1, lease_until=None)
    bench.work(Document, inspecting.inspect)
    assert bench.state() == ("refused", 0, 0)


def test_a_quarantine_key_row_nobody_signed_is_not_certified(house: House) -> None:
    public = PrivateKey.generate().public().raw
    with house.database.transaction() as session:
        row = QuarantineKey(
            day=utcnow().date(), public=public, inspector_signature=b"\0" * 64, created_at=utcnow(), due_at=utcnow()
        )
        session.add(row)
    with house.database.transaction() as session:
        (held,) = lease(session, QuarantineKey, now=utcnow(), limit=5)
    with pytest.raises(SignatureRefused):
        keeping.certify_quarantine_key(house.company.custodian, held)
    with house.database.reading() as session:
        assert session.scalars(select(QuarantineKey.custodian_signature)).one() is None


def test_a_case_key_that_somebody_filled_in_gets_no_signature(house: House) -> None:
    """The custodian signs what it minted, never what it finds."""
    house.change(CaseKey, CaseKey.case_id == house.company.case_id, public=b"s" * 32, signature=None, due_at=utcnow())
    with house.database.transaction() as session:
        (held,) = lease(session, CaseKey, now=utcnow(), limit=5)
    keeping.mint(house.company.custodian, held)
    with house.database.reading() as session:
        assert session.scalars(select(CaseKey.signature)).one() is None


# What a process has loaded

UNSEALS = "storage.sealing.unseal"
KEYRING = "storage.keyring"


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("portal.customer.app", (UNSEALS, KEYRING, "records.reviewing", "records.exporting", "dbos")),
        ("portal.gateway.app", (UNSEALS, KEYRING, "records.reviewing", "records.exporting", "dbos")),
        ("portal.staff.app", (UNSEALS, KEYRING, "dbos")),
        ("portal.worker.app.courier", (UNSEALS, KEYRING, "intake.filing")),
        ("portal.worker.app.inspector", (KEYRING, "portal.worker.keeping", "portal.worker.opener", "notifications")),
        ("portal.worker.app.custodian", ("notifications", "intake.inspection", "httpx")),
        ("portal.worker.app.opener", ("notifications", "intake.inspection", "httpx", "portal.worker.keeping")),
    ],
)
def test_a_process_never_loads_the_code_that_belongs_to_another(module: str, never: tuple[str, ...]) -> None:
    look = f"import {module}, sys; print(chr(10).join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert module in loaded
    assert [name for name in loaded for other in never if name == other or name.startswith(f"{other}.")] == []
