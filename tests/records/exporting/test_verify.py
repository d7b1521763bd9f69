"""The bag's own verifier, run as its reader runs it, over real trails: whatever is changed is named."""

import ast
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import bagit
import pytest

from audit import Event, record
from audit.checkpoints import CheckpointSigner, fingerprint, origin_of, verifier_key
from audit.proving import extract_of, proofs_for, sealed_events
from audit.sequencing import seal_pending
from audit.trail import leaf_bytes
from storage.database import Database

SOURCE = Path(__file__).parents[3] / "records" / "exporting" / "verify.py"
SIGNER = CheckpointSigner("resguardo", bytes(range(32)))
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FILES = {"doc-a": ("INE frente.jpg", b"front " * 400), "doc-b": ("comprobante de pago.pdf", b"%PDF- " * 90_000)}
SALTS = {"doc-a": b"a" * 32, "doc-b": b"b" * 32}


def commitment(document):
    return hashlib.sha256(SALTS[document] + hashlib.sha256(FILES[document][1]).digest()).hexdigest()


def a_trail(database):
    """Record and seal the story of a case, between the events of others; return events, proofs and checkpoint."""
    story = [(Event.CUSTOMER_LINK_ACTIVATED, "link", {})]
    story += [(Event.INSPECTOR_DOCUMENT_FILED, one, {"commitment": commitment(one)}) for one in FILES]
    story += [(Event.STAFF_DOCUMENT_ACCEPTED, one, {}) for one in FILES]
    now = NOW
    with database.transaction() as session:
        for event, subject, details in story:
            for case in ("case1", "case2"):
                now += timedelta(seconds=1)
                record(
                    session,
                    event,
                    org_id="acme",
                    actor_id="x",
                    subject_id=subject,
                    case_id=case,
                    details=details,
                    now=now,
                )
    with database.transaction() as session:
        seal_pending(session, SIGNER, now)
    with database.transaction() as session:
        details = extract_of(session, "acme", "case1")
        assert details["through"] == 10
        record(
            session,
            Event.STAFF_CASE_EXPORTED,
            org_id="acme",
            actor_id="carla",
            subject_id="export1",
            case_id="case1",
            details=details,
            now=now,
        )
    with database.transaction() as session:
        (checkpoint,) = seal_pending(session, SIGNER, now)
        events = [event for _, event in sealed_events(session, "acme", "case1", checkpoint.size)]
        return events, proofs_for(session, "acme", [event.id for event in events], checkpoint.size), checkpoint


def write_manifests(root):
    """Write the manifests over whatever is there: what a forger does last."""
    payload = sorted(path for path in (root / "data").rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {encoded(root, path)}\n" for path in payload]
    (root / "manifest-sha256.txt").write_text("".join(lines))
    octets = sum(path.stat().st_size for path in payload)
    (root / "bag-info.txt").write_text(f"Bag-Software-Agent: Resguardo\nPayload-Oxum: {octets}.{len(payload)}\n")
    tags = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "verify.py"]
    (root / "tagmanifest-sha256.txt").write_text(
        "".join(f"{hashlib.sha256((root / tag).read_bytes()).hexdigest()}  {tag}\n" for tag in tags)
    )


def encoded(root, path):
    return path.relative_to(root).as_posix().replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def write_bag(root, events, proofs, checkpoint):
    (root / "data/documents").mkdir(parents=True)
    (root / "data/audit").mkdir()
    for name, content in FILES.values():
        (root / "data/documents" / name).write_bytes(content)
    index = {
        "format": "resguardo/index/v1",
        "case": "case1",
        "documents": [
            {
                "id": document,
                "path": f"data/documents/{name}",
                "sha256": hashlib.sha256(content).hexdigest(),
                "salt": SALTS[document].hex(),
            }
            for document, (name, content) in FILES.items()
        ],
    }
    (root / "data/index.json").write_text(json.dumps(index, indent=1))
    (root / "data/audit/events.jsonl").write_bytes(b"".join(leaf_bytes(event) + b"\n" for event in events))
    listed = [{"event": one.event_id, "index": one.index, "path": [node.hex() for node in one.path]} for one in proofs]
    (root / "data/audit/proofs.json").write_text(
        json.dumps({"format": "resguardo/proofs/v1", "origin": origin_of("acme"), "size": 11, "proofs": listed})
    )
    (root / "data/audit/checkpoint.txt").write_text(checkpoint.note)
    (root / "data/audit/checkpoint.pub").write_text(verifier_key(origin_of("acme"), SIGNER.public) + "\n")
    (root / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    shutil.copyfile(SOURCE, root / "verify.py")
    write_manifests(root)


@pytest.fixture(scope="module")
def template(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bag")
    shutil.copyfile(sqlite_template, folder / "resguardo.db")
    database = Database(f"sqlite:///{folder / 'resguardo.db'}")
    events, proofs, checkpoint = a_trail(database)
    database.dispose()
    write_bag(folder / "bag", events, proofs, checkpoint)
    return SimpleNamespace(root=folder / "bag", ids=[event.id for event in events])


@pytest.fixture
def bag(template, tmp_path):
    return Path(shutil.copytree(template.root, tmp_path / "bag"))


def verified(root, *options):
    """Run verify.py as its reader does, without any installed package; return exit status and lines."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *options], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def problems(root, *options, rewritten=True):
    """Return the problems as (what is named, code); a forger has rewritten the manifests."""
    if rewritten:
        write_manifests(root)
    status, lines = verified(root, *options)
    assert (status, lines[-1]) == (1, "NOT VALID")
    found = [re.fullmatch(r"PROBLEMA (.+): [^:]+ \[(\w+)\]", line) for line in lines]
    return [one.groups() for one in found if one]


def edit_json(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_lines(bag, change):
    path = bag / "data/audit/events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def test_an_untouched_bag_is_valid(bag, template):
    bagit.Bag(str(bag)).validate()
    status, lines = verified(bag)
    assert (status, lines[-1]) == (0, "VALID")
    assert "6 eventos probados hasta el punto de control 11 de resguardo/acme" in lines
    assert any(fingerprint(SIGNER.public) in line for line in lines)
    assert verified(bag, "--lang", "en")[1][-2].startswith("6 events proven")


def test_the_expected_key_can_be_pinned(bag):
    line = (bag / "data/audit/checkpoint.pub").read_text()
    for key in (fingerprint(SIGNER.public), fingerprint(SIGNER.public).upper(), line):
        assert verified(bag, "--key", key)[0] == 0


def test_one_flipped_byte_is_named(bag):
    path = bag / "data/documents/INE frente.jpg"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert ("data/documents/INE frente.jpg", "changed_file") in problems(bag, rewritten=False)


@pytest.mark.parametrize(
    "name", ["data/index.json", "data/audit/checkpoint.txt", "bag-info.txt", "manifest-sha256.txt", "verify.py"]
)
def test_a_byte_more_anywhere_is_named(bag, name):
    with (bag / name).open("ab") as file:
        file.write(b"\n")
    assert (name, "changed_file") in problems(bag, rewritten=False)


def test_a_removed_file_is_named(bag):
    (bag / "data/documents/INE frente.jpg").unlink()
    assert ("data/documents/INE frente.jpg", "missing_file") in problems(bag, rewritten=False)


def test_an_added_file_is_named(bag):
    (bag / "data/documents/extra.pdf").write_bytes(b"planted")
    assert problems(bag, rewritten=False) == [
        ("data/documents/extra.pdf", "extra_file"),
        ("bag-info.txt", "wrong_oxum"),
    ]
    assert problems(bag) == [("data/documents/extra.pdf", "unindexed_file")]


def test_a_file_hidden_behind_a_link_is_named(bag, tmp_path):
    path = bag / "data/documents/INE frente.jpg"
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert ("data/documents/INE frente.jpg", "missing_file") in problems(bag, rewritten=False)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "data/../../outside", "~/x", "data\\x", "c:/x"])
def test_a_manifest_that_points_out_of_the_bag_is_named(bag, path):
    with (bag / "manifest-sha256.txt").open("a") as file:
        file.write(f"{'0' * 64}  {path}\n")
    assert "unsafe_path" in {code for _, code in problems(bag, rewritten=False)}


def test_a_name_with_a_percent_sign_is_decoded(bag):
    shutil.move(bag / "data/documents/INE frente.jpg", bag / "data/documents/50%0A.jpg")
    edit_json(bag / "data/index.json", lambda value: value["documents"][0].update(path="data/documents/50%0A.jpg"))
    write_manifests(bag)
    assert verified(bag)[1][-1] == "VALID"


def test_files_to_be_fetched_are_refused(bag):
    (bag / "fetch.txt").write_text("")
    assert problems(bag) == [("fetch.txt", "unsafe_path")]


def test_a_removed_audit_line_is_named(bag, template):
    edit_lines(bag, lambda lines: lines.pop(3))
    found = problems(bag)
    assert (f"data/audit/events.jsonl {template.ids[3]}", "removed_event") in found


def test_an_audit_line_removed_with_its_proof_leaves_the_extract_incomplete(bag, template):
    edit_lines(bag, lambda lines: lines.pop(3))
    edit_json(bag / "data/audit/proofs.json", lambda value: value["proofs"].pop(3))
    assert problems(bag) == [(f"data/audit/events.jsonl {template.ids[5]}", "incomplete_extract")]


def test_a_removed_export_event_leaves_the_extract_incomplete(bag):
    edit_lines(bag, lambda lines: lines.pop())
    edit_json(bag / "data/audit/proofs.json", lambda value: value["proofs"].pop())
    assert [code for _, code in problems(bag)] == ["incomplete_extract"]


def test_an_altered_audit_line_is_named(bag, template):
    edit_lines(bag, lambda lines: lines.__setitem__(0, lines[0].replace(b'"actor":"x"', b'"actor":"y"')))
    found = problems(bag)
    assert (f"data/audit/events.jsonl:1 {template.ids[0]}", "altered_event") in found


def test_an_added_audit_line_is_named(bag):
    forged = b'{"actor":"x","case":"case1","details":{},"event":"staff:case:closed","id":"forged","org":"acme"}\n'
    edit_lines(bag, lambda lines: lines.append(forged))
    assert problems(bag) == [("data/audit/events.jsonl:7 forged", "unproven_event")]


def test_a_repeated_audit_line_is_named(bag, template):
    edit_lines(bag, lambda lines: lines.append(lines[0]))
    assert problems(bag) == [(f"data/audit/events.jsonl:7 {template.ids[0]}", "repeated_event")]


@pytest.mark.parametrize("junk", [b"{}\n", b"not json\n", b"[]\n", b'{"id":"a","id":"b"}\n', b"\xff\n", b"unfinished"])
def test_junk_in_the_extract_is_named_by_its_line(bag, junk):
    edit_lines(bag, lambda lines: lines.append(junk))
    assert "malformed" in {code for _, code in problems(bag)}


def test_swapped_documents_are_named(bag):
    one, other = (bag / "data/documents" / name for name, _ in FILES.values())
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert {code for _, code in problems(bag)} == {"altered_document"}
    assert [name for name, _ in problems(bag)] == [
        "data/documents/INE frente.jpg doc-a",
        "data/documents/comprobante de pago.pdf doc-b",
    ]


def test_a_replaced_document_is_named_though_index_and_manifest_agree(bag):
    (bag / "data/documents/INE frente.jpg").write_bytes(b"another face")
    digest = hashlib.sha256(b"another face").hexdigest()
    edit_json(bag / "data/index.json", lambda value: value["documents"][0].update(sha256=digest))
    assert problems(bag) == [("data/documents/INE frente.jpg doc-a", "altered_document")]


def test_a_swapped_salt_is_named(bag):
    edit_json(bag / "data/index.json", lambda value: value["documents"][0].update(salt=SALTS["doc-b"].hex()))
    assert problems(bag) == [("data/documents/INE frente.jpg doc-a", "altered_document")]


def test_a_document_that_passes_for_another_is_named(bag):
    edit_json(bag / "data/index.json", lambda value: value["documents"][0].update(id="doc-b"))
    assert set(problems(bag)) == {
        ("data/documents/INE frente.jpg doc-b", "altered_document"),
        ("doc-a", "absent_document"),
    }


def test_a_document_left_out_is_named(bag):
    (bag / "data/documents/INE frente.jpg").unlink()
    edit_json(bag / "data/index.json", lambda value: value["documents"].pop(0))
    assert problems(bag) == [("doc-a", "absent_document")]
    edit_json(bag / "data/index.json", lambda value: value.update(omitted=[{"id": "doc-a", "reason": "erased"}]))
    write_manifests(bag)
    status, lines = verified(bag)
    assert (status, lines[-1]) == (0, "VALID")
    assert "No incluido: doc-a (erased)" in lines


def test_a_document_that_was_never_filed_is_named(bag):
    edit_json(bag / "data/index.json", lambda value: value["documents"][0].update(id="doc-z"))
    assert ("data/documents/INE frente.jpg doc-z", "unfiled_document") in problems(bag)


def test_another_key_is_named_when_one_is_pinned(bag):
    assert problems(bag, "--key", "0" * 64) == [
        (f"data/audit/checkpoint.pub {fingerprint(SIGNER.public)}", "wrong_key")
    ]


def test_a_checkpoint_of_another_key_is_named(bag):
    other = CheckpointSigner("resguardo", bytes(32))
    (bag / "data/audit/checkpoint.pub").write_text(verifier_key(origin_of("acme"), other.public))
    assert problems(bag) == [("data/audit/checkpoint.txt", "wrong_signature")]


def test_a_forged_checkpoint_is_named(bag):
    path = bag / "data/audit/checkpoint.txt"
    path.write_text(path.read_text().replace("\n11\n", "\n12\n"))
    assert ("data/audit/checkpoint.txt", "wrong_signature") in problems(bag)


def test_the_record_of_another_case_is_named(bag):
    edit_json(bag / "data/index.json", lambda value: value.update(case="case2"))
    assert "foreign_event" in {code for _, code in problems(bag)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/index.json", "{"),
        ("data/index.json", "[]"),
        ("data/index.json", '{"case": "case1", "documents": [{}]}'),
        ("data/index.json", '{"case": "case1", "case": "case1", "documents": []}'),
        (
            "data/index.json",
            '{"case": "case1", "documents": [{"id": "doc-a", "path": "p", "sha256": "", "salt": "xy"}]}',
        ),
        ("data/audit/proofs.json", "{}"),
        ("data/audit/proofs.json", '{"proofs": [{"event": "a", "index": "x", "path": []}]}'),
        ("data/audit/checkpoint.txt", "resguardo/acme\n"),
        ("data/audit/checkpoint.pub", "resguardo/acme+00000000+AAAA"),
        ("data/audit/checkpoint.pub", "junk"),
        ("bagit.txt", "BagIt-Version: 9.9\n"),
    ],
)
def test_files_that_make_no_sense_are_refused_in_one_line(bag, name, content):
    (bag / name).write_text(content)
    assert (name, "malformed") in problems(bag)


@pytest.mark.parametrize(
    "name", ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "data/audit/events.jsonl"]
)
def test_a_bag_without_one_of_its_parts_is_refused(bag, name):
    (bag / name).unlink()
    assert name in {where for where, _ in problems(bag, rewritten=False)}


def test_what_a_name_contains_cannot_write_on_the_terminal(bag):
    (bag / "data/documents/\x1b[2K\rVALID").write_bytes(b"")
    status, lines = verified(bag)
    assert status == 1
    assert not any("\x1b" in line or line == "VALID" for line in lines)


@pytest.fixture(scope="module")
def stamped(template, tmp_path_factory):
    """The answer of a time-stamp authority over the bag's checkpoint, and its certificate."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=Test TSA\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=critical,CA:true\n"
        f"[tsa]\nserial={folder}/serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1\n"
    )
    (folder / "serial").write_text("01")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-days", "2"),
        *("-keyout", "key.pem", "-out", "ca.pem"),
    )
    openssl("ts", "-query", "-data", str(template.root / "data/audit/checkpoint.txt"), "-sha256", "-cert", "-out", "q")
    reply = ("ts", "-reply", "-queryfile", "q", "-inkey", "key.pem", "-signer", "ca.pem", "-config", "tsa.cnf")
    openssl(*reply, "-section", "tsa", "-out", "response")
    openssl("ts", "-reply", "-in", "response", "-token_out", "-out", "token")
    return folder


@pytest.mark.parametrize("form", ["response", "token"])
def test_a_time_stamp_is_checked(bag, stamped, form):
    shutil.copyfile(stamped / form, bag / "data/audit/checkpoint.tsr")
    shutil.copyfile(stamped / "ca.pem", bag / "data/audit/tsa-ca.pem")
    write_manifests(bag)
    status, lines = verified(bag)
    assert status == 0
    assert any(line.startswith("Sello de tiempo: ") and "GMT" in line for line in lines)


def test_a_time_stamp_over_something_else_is_named(bag, stamped):
    shutil.copyfile(stamped / "ca.pem", bag / "data/audit/tsa-ca.pem")
    content = bytearray((stamped / "response").read_bytes())
    content[-20] ^= 1
    (bag / "data/audit/checkpoint.tsr").write_bytes(content)
    assert problems(bag) == [("data/audit/checkpoint.tsr", "wrong_stamp")]


def test_a_time_stamp_without_the_means_to_check_it_is_said_to_be_unchecked(bag, stamped):
    shutil.copyfile(stamped / "response", bag / "data/audit/checkpoint.tsr")
    write_manifests(bag)
    status, lines = verified(bag)
    assert status == 0
    assert any("no se comprobó" in line for line in lines)


def test_the_verifier_keeps_to_the_oldest_python_it_promises():
    ast.parse(SOURCE.read_text(), feature_version=(3, 8))


def load_verifier():
    spec = importlib.util.spec_from_file_location("bag_verifier", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VECTORS = [  # RFC 8032, section 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_its_ed25519_is_that_of_the_rfc(vector):
    verifier = load_verifier()
    public, message, signature = map(bytes.fromhex, vector)
    assert verifier.ed25519_valid(public, message, signature)
    assert not verifier.ed25519_valid(public, message + b"x", signature)
    for place in (0, 31, 32, 63):
        wrong = bytearray(signature)
        wrong[place] ^= 1
        assert not verifier.ed25519_valid(public, message, bytes(wrong))
    above = int.from_bytes(signature[32:], "little") + verifier.L
    assert not verifier.ed25519_valid(public, message, signature[:32] + above.to_bytes(32, "little"))
    assert not verifier.ed25519_valid(public[:-1], message, signature)
    assert not verifier.ed25519_valid(public, message, signature[:-1])
    assert not verifier.ed25519_valid(b"\xff" * 32, message, signature)
