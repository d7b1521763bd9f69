"""The root is lost, the escrow identity brings every case key back, and only the genuine ones."""

import shutil

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event
from intake.filing import CASE_KEY
from records.cases import CaseKey, open_case
from records.organizations import Organization
from storage.database import utcnow
from storage.keyring.casekeys import mint_case_key, open_case_key
from storage.keyring.errors import KeyringError
from storage.keyring.local import LocalKeyring
from storage.sealing import keyfiles
from storage.sealing.seal import PublicKey
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey


@pytest.fixture
def vault(run, company, database, tmp_path):
    """Two cases with minted keys, the keyring's folder, and the files of identity and pinned key."""
    escrow, custodian = PrivateKey.generate(), SigningKey.generate()
    (tmp_path / "identity").write_text(escrow.text() + "\n")
    (tmp_path / "identity").chmod(0o600)
    keyfiles.create(tmp_path / "custodian_public", [custodian.verify_key().raw])
    (tmp_path / "keyring").mkdir(mode=0o700)
    keyring = LocalKeyring(tmp_path / "keyring")
    with database.transaction() as session:
        org_id = session.scalars(select(Organization.id)).one()
        keyring.mint(org_id)
        for title in ("Uno", "Dos"):
            case, _ = open_case(session, org_id=org_id, title=title, now=utcnow())
            key = session.scalars(select(CaseKey).where(CaseKey.case_id == case.id)).one()
            minted = mint_case_key(keyring, org_id, case.id, escrow.public())
            key.public, key.sealed_private = minted.public.raw, minted.sealed_private
            key.escrow_header, key.escrow_payload = minted.escrow_header, minted.escrow_payload
            key.signature = custodian.sign(CASE_KEY, key.statement())
            key.minted_at = utcnow()
    return tmp_path


def recover(run, vault, *more, fails=0):
    files = ("--identity", vault / "identity", "--custodian-key", vault / "custodian_public")
    return run("escrow", "recover", "aurora", *files, *more, fails=fails).output


def open_all(database, folder):
    with database.reading() as session:
        for key in session.scalars(select(CaseKey)):
            open_case_key(LocalKeyring(folder), key.org_id, key.case_id, key.sealed_private, PublicKey(key.public))


def test_a_lost_root_is_replaced_and_every_case_opens_again(run, vault, database):
    shutil.rmtree(vault / "keyring")
    (vault / "keyring").mkdir(mode=0o700)
    with pytest.raises(KeyringError):
        open_all(database, vault / "keyring")
    told = recover(run, vault, "--store", "--keyring", vault / "keyring")
    assert told == "2 of 2 case keys recovered\n"
    open_all(database, vault / "keyring")
    with database.reading() as session:
        recorded = session.scalars(
            select(AuditEvent).where(AuditEvent.event == Event.ADMINISTRATOR_CASE_KEY_RECOVERED)
        ).all()
    assert len(recorded) == 2
    assert "AGE-SECRET-KEY" not in told


def test_without_store_the_escrow_is_only_tried(run, vault, database):
    with database.reading() as session:
        before = {key.id: key.sealed_private for key in session.scalars(select(CaseKey))}
    assert recover(run, vault) == "2 of 2 case keys can be recovered\n"
    with database.reading() as session:
        assert {key.id: key.sealed_private for key in session.scalars(select(CaseKey))} == before


def test_a_swapped_public_key_is_not_recovered(run, vault, database):
    with database.transaction() as session:
        key = session.scalars(select(CaseKey).order_by(CaseKey.id)).first()
        key.public = PrivateKey.generate().public().raw
    output = recover(run, vault, "--store", "--keyring", vault / "keyring", fails=1)
    assert "signature_refused" in output
    assert "1 of 2 case keys recovered" in output


def test_an_escrow_copy_of_another_case_is_not_recovered(run, vault, database):
    with database.transaction() as session:
        one, other = session.scalars(select(CaseKey)).all()
        one.escrow_header, one.escrow_payload = other.escrow_header, other.escrow_payload
    assert "1 of 2 case keys can be recovered" in recover(run, vault, fails=1)


def test_a_wrong_identity_recovers_nothing(run, vault):
    (vault / "identity").write_text(PrivateKey.generate().text() + "\n")
    assert "0 of 2" in recover(run, vault, fails=1)


def test_storing_needs_a_place(run, vault):
    assert "--keyring" in recover(run, vault, "--store", fails=1)
