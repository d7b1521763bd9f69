"""A receipt is refused for every way of lying with it, each named after the attack."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit.checkpoints import CheckpointSigner, verify_checkpoint
from audit.timestamps import question
from records.receipts.facts import digest_of
from records.receipts.secret import ReceiptSecret
from records.receipts.verifying import MAX_FACTS, ReceiptRefused, verify
from sandbox.tsa.authority import Authority
from storage.database import Database
from tests.records.exporting.casting import CHECKPOINTS
from tests.records.receipts.acknowledging import Counter, changed
from tests.records.receipts.conftest import FILES, a_counter

Made = tuple[Counter, bytes]


@pytest.fixture(scope="module")
def made(sqlite_template: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One real receipt, and the counter that made it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "rows.db").write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{folder / 'rows.db'}")
    counter = a_counter(database, folder, authority)
    facts = counter.facts(counter.make())
    return counter, facts


@pytest.fixture
def facts(made: Made) -> bytes:
    return made[1]


@pytest.fixture
def root(authority: Authority) -> bytes:
    return authority.ca_pem.read_bytes()


def refused(facts: bytes, root: bytes, key: bytes = CHECKPOINTS.public) -> str:
    with pytest.raises(ReceiptRefused) as caught:
        verify(facts, checkpoint_keys=[key], tsa_root=root)
    return str(caught.value)


def test_the_real_one_verifies(facts: bytes, root: bytes) -> None:
    assert len(verify(facts, checkpoint_keys=[CHECKPOINTS.public], tsa_root=root).documents) == len(FILES)


TAMPERED: dict[str, dict[str, Any]] = {
    "another number": {"receipt__number": ReceiptSecret.fresh().text},
    "another title": {"receipt__documents__0__title__es": "Título de propiedad"},
    "another time": {"receipt__documents__0__received_at": "2020-01-01T00:00:00Z"},
    "another time of making": {"receipt__made_at": "2020-01-01T00:00:00Z"},
    "another size": {"receipt__documents__1__size": 1},
    "another hash": {"receipt__documents__0__sha256": "00" * 32},
    "another salt": {"receipt__documents__0__salt": "00" * 32},
    "another photo": {"receipt__documents__2__photos__0__sha256": "00" * 32},
    "another company's name": {"receipt__organization__name": "Banco Falso"},
    "another organization": {"receipt__organization__id": "0" * 32},
    "another case": {"receipt__case": "0" * 32},
    "another address": {"receipt__address": "https://evil.example/verify"},
    "a document less": {"receipt__documents": []},
    "no proofs": {"proofs": []},
    "another place in the tree": {"proofs__0__index": 99},
    "a path cut short": {"proofs__0__path": []},
    "another format": {"format": "resguardo/receipt/v0"},
    "no stamp": {"stamp": ""},
    "a stamp that is none": {"stamp": base64.b64encode(b"stamp").decode()},
    "nonsense instead of documents": {"receipt__documents": 5},
    "nonsense instead of a number": {"receipt__number": None},
}


@pytest.mark.parametrize("lie", TAMPERED)
def test_a_tampered_receipt_is_refused(facts: bytes, root: bytes, lie: str) -> None:
    refused(changed(facts, **TAMPERED[lie]), root)


def test_a_checkpoint_signed_by_a_foreign_key_is_refused(facts: bytes, root: bytes) -> None:
    assert refused(facts, root, key=CheckpointSigner("resguardo", bytes(range(1, 33))).public) == (
        "audit_checkpoint_refused"
    )


def test_a_tree_of_one_s_own_signed_by_a_foreign_key_is_refused(facts: bytes, root: bytes) -> None:
    """The forger signs what suits him, and brings his key along."""
    loaded = json.loads(facts)
    origin = loaded["checkpoint"].partition("\n")[0]
    checkpoint = verify_checkpoint(loaded["checkpoint"], origin, CHECKPOINTS.public)
    forger = CheckpointSigner("resguardo", bytes(range(1, 33)))
    note = forger.sign(origin.rpartition("/")[2], checkpoint.size, checkpoint.root)
    assert refused(changed(facts, checkpoint=note), root) == "audit_checkpoint_refused"


def test_the_stamp_of_another_checkpoint_is_refused(facts: bytes, root: bytes, authority: Authority) -> None:
    """Another organization's stamp is a good one, over other bytes."""
    other = CHECKPOINTS.sign("another", 5, bytes(32))
    stamp = base64.b64encode(authority.answer(question(other.encode()))).decode()
    assert refused(changed(facts, stamp=stamp), root) == "audit_stamp_refused"


def test_the_stamp_of_an_unknown_authority_is_refused(facts: bytes, root: bytes, tmp_path: Path) -> None:
    other = Authority.at(tmp_path / "tsa")
    note = json.loads(facts)["checkpoint"]
    stamp = base64.b64encode(other.answer(question(note.encode()))).decode()
    assert refused(changed(facts, stamp=stamp), root) == "audit_stamp_refused"
    assert refused(facts, other.ca_pem.read_bytes()) == "audit_stamp_refused"


def test_a_checkpoint_of_another_organization_is_refused(facts: bytes, root: bytes, authority: Authority) -> None:
    """Signed by the right key and stamped, but of another tree."""
    other = CHECKPOINTS.sign("another", 5, bytes(32))
    stamp = base64.b64encode(authority.answer(question(other.encode()))).decode()
    refused(changed(facts, checkpoint=other, stamp=stamp), root)


def test_a_replayed_receipt_with_new_words_is_refused(made: Made, root: bytes) -> None:
    """The words of one receipt with the event of another: the event commits to its own content."""
    counter, facts = made
    later = json.loads(counter.facts(counter.make()))
    content = json.loads(facts)["receipt"]
    assert digest_of(content) != digest_of(later["receipt"])
    refused(json.dumps(later | {"receipt": content}).encode(), root)
    refused(json.dumps(json.loads(facts) | {"receipt": later["receipt"]}).encode(), root)


def test_an_event_that_was_rewritten_does_not_lead_to_the_root(facts: bytes, root: bytes) -> None:
    loaded = json.loads(facts)
    leaf = json.loads(loaded["proofs"][0]["leaf"])
    leaf["details"]["commitment"] = hashlib.sha256(b"forged").hexdigest()
    rewritten = json.dumps(leaf, sort_keys=True, separators=(",", ":"))
    assert refused(changed(facts, proofs__0__leaf=rewritten), root) == "audit_proof_refused"


@pytest.mark.parametrize(
    "nonsense", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"receipt":1}', b"[" * 100_000, b'{"a":1,"a":2}']
)
def test_nonsense_is_refused(nonsense: bytes, root: bytes) -> None:
    refused(nonsense, root)


def test_what_is_too_large_to_be_a_receipt_is_refused_unread(root: bytes) -> None:
    assert refused(b" " * (MAX_FACTS + 1), root) == "too large"


def test_a_key_that_stands_twice_is_refused(facts: bytes, root: bytes) -> None:
    """One reader would see the first, another the last."""
    refused(facts.replace(b'"format":', b'"format": "x", "format":', 1), root)


def test_the_recipe_of_the_documentation_finds_the_hash(made: Made, tmp_path: Path) -> None:
    """docs/receipts.md says so: sha256sum of the file is what the receipt shows."""
    (tmp_path / "front.jpg").write_bytes(FILES[0])
    told = subprocess.run(["sha256sum", tmp_path / "front.jpg"], capture_output=True, text=True, check=True).stdout
    assert told.split()[0] == json.loads(made[1])["receipt"]["documents"][0]["sha256"]
