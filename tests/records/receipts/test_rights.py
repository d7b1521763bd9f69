"""A receipt on PostgreSQL, every step with only the rights and the voice of the role that takes it."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import make_url, text

from audit.stamping import claim_stamps, keep_stamp
from audit.timestamps import question
from intake.codes import CodeMaker
from intake.links import LinkSigner
from migrations import rights
from portal.customer.app import build
from portal.customer.visits import ReceiptParts
from portal.worker import keeping, receipting
from records.links import UploadLink
from records.receipts.rows import Receipt, request_receipt
from records.receipts.secret import ReceiptSecret
from sandbox.tsa.authority import Authority
from storage.database import Database, utcnow
from storage.due import lease
from tests.records.exporting.casting import CHECKPOINTS
from tests.records.receipts.acknowledging import HANDOVER, Counter
from tests.records.receipts.conftest import a_counter
from tests.services.processes import ROOT


@contextmanager
def as_role(url: str, process: str) -> Iterator[Database]:
    """The database as one process meets it."""
    own = make_url(url).update_query_dict({"options": f"-c role={rights.group(process)}"})
    database = Database(own.render_as_string(hide_password=False))
    yield database
    database.dispose()


def work(counter: Counter, courier: Database) -> None:
    with courier.transaction() as session:
        (held,) = lease(session, Receipt, now=utcnow(), limit=5, only=receipting.can_go_on())
    receipting.make(dataclasses.replace(counter.tools, database=courier), held)


def stamp(counter: Counter, courier: Database) -> None:
    with courier.transaction() as session:
        claimed = [(one.id, one.note, one.stamp_attempt) for one in claim_stamps(session, utcnow())]
    for checkpoint_id, note, attempt in claimed:
        answer = counter.company.authority.answer(question(note.encode()))
        with courier.transaction() as session:
            keep_stamp(session, checkpoint_id, attempt=attempt, stamp=answer, actor_id="courier", now=utcnow())


def test_the_roles_of_portal_courier_and_custodian_are_enough_for_a_receipt(
    postgres_database: str, tmp_path: Path, authority: Authority
) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"RESGUARDO_DATABASE_URL": postgres_database},
        check=True,
        capture_output=True,
    )
    owner = Database(postgres_database)
    with owner.transaction() as session:
        session.execute(text("ALTER TABLE documents DISABLE TRIGGER documents_born"))  # the builder files at once
    counter = a_counter(owner, tmp_path, authority)
    with ExitStack() as stack:
        customer, courier, custodian = (
            stack.enter_context(as_role(postgres_database, process)) for process in ("customer", "courier", "custodian")
        )
        tools = dataclasses.replace(counter.company.custodian, database=custodian)
        keeping.seal_trail(tools, utcnow())
        secret = ReceiptSecret.fresh()
        with customer.transaction() as session:
            link = session.get_one(UploadLink, counter.company.link_id)
            request_receipt(session, link, secret=secret, handover=HANDOVER, language="es", now=utcnow())
        work(counter, courier)
        keeping.seal_trail(tools, utcnow())
        stamp(counter, courier)
        work(counter, courier)
        portal = build(
            database=customer,
            blobs=counter.company.blobs,
            custodian=counter.company.custodian.signer.verify_key(),
            signer=LinkSigner([bytes(range(7, 39))]),
            codes=CodeMaker(bytes(range(140, 172))),
            customer_key=bytes(range(100, 132)),
            receipts=ReceiptParts(handover=HANDOVER, checkpoint_keys=(CHECKPOINTS.public,), tsa_root=counter.root),
        )
        stranger = portal.test_client()
        assert "Acuse auténtico" in stranger.get(f"/verify/{secret.text}").text
        assert stranger.get(f"/verify/{secret.text}/acuse.pdf").data.startswith(b"%PDF")
        receipting.drop_pdfs(dataclasses.replace(counter.tools, database=courier), link.expires_at)
        assert stranger.get(f"/verify/{secret.text}/acuse.pdf").status_code == 404
    owner.dispose()
