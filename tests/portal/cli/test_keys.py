"""Key files of the roles are made once, private, and fit the settings that read them."""

import stat

import pytest
from click.testing import CliRunner

from config.secrets import read_keys, read_public_key
from portal.cli.app import cli
from portal.cli.keys import OWN, PUBLIC, SHARED
from storage.sealing.seal import PublicKey
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey


def new(folder, role, *more, fails=0):
    result = CliRunner().invoke(cli, ["keys", "new", str(folder), "--role", role, *map(str, more)])
    assert result.exit_code == fails, result.output
    return result.output


@pytest.mark.parametrize("role", OWN)
def test_every_role_gets_private_random_files(tmp_path, role):
    new(tmp_path / role, role)
    assert stat.S_IMODE((tmp_path / role).stat().st_mode) == 0o700
    for name in (*OWN[role], *SHARED.get(role, ())):
        path = tmp_path / role / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(read_keys(path)) == 1
    assert len({(tmp_path / role / name).read_text() for name in OWN[role]}) == len(OWN[role])


def test_shared_keys_are_copied(tmp_path):
    new(tmp_path / "customer", "customer")
    new(tmp_path / "courier", "courier", "--shared-from", tmp_path / "customer")
    for name in ("link_keys", "code_key", "receipt_key"):
        assert (tmp_path / "courier" / name).read_bytes() == (tmp_path / "customer" / name).read_bytes()


def test_a_copy_is_made_of_private_files_only(tmp_path):
    new(tmp_path / "customer", "customer")
    (tmp_path / "customer" / "link_keys").chmod(0o644)
    assert "chmod 600" in new(tmp_path / "gateway", "gateway", "--shared-from", tmp_path / "customer", fails=1)


def test_nothing_that_exists_is_overwritten(tmp_path):
    new(tmp_path / "staff", "staff")
    before = {path.name: path.read_bytes() for path in (tmp_path / "staff").iterdir()}
    assert "exists already" in new(tmp_path / "staff", "staff", fails=1)
    assert {path.name: path.read_bytes() for path in (tmp_path / "staff").iterdir()} == before


@pytest.mark.parametrize(("name", "public"), PUBLIC.items())
def test_the_public_half_to_pin_belongs_to_the_private_one(tmp_path, name, public):
    role = next(role for role, names in OWN.items() if name in names)
    told = new(tmp_path / role, role)
    pinned = read_public_key(tmp_path / role / public)
    own = SigningKey(read_keys(tmp_path / role / name)[0]).verify_key()
    assert pinned == own.raw
    assert own.text() in told


def test_the_escrow_identity_is_shown_once_and_kept_nowhere(tmp_path):
    told = new(tmp_path / "escrow", "escrow")
    identity = PrivateKey.from_text(told.splitlines()[-1])
    assert [path.name for path in (tmp_path / "escrow").iterdir()] == ["escrow_public"]
    assert PublicKey(read_public_key(tmp_path / "escrow" / "escrow_public")) == identity.public()


def test_the_inspector_gets_a_folder_for_its_keys_of_the_day(tmp_path):
    new(tmp_path / "inspector", "inspector")
    assert stat.S_IMODE((tmp_path / "inspector" / "quarantine").stat().st_mode) == 0o700
