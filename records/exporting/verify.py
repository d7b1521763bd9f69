#!/usr/bin/env python3
"""Verify this exported record: `python3 verify.py`, with nothing but the Python standard library (3.8 or newer).

Rules: this file travels inside every exported bag and imports nothing of the product. It believes only what it has
recomputed: the bag's checksums (RFC 8493), the audit events up to the signed checkpoint (RFC 9162,
c2sp.org/tlog-checkpoint, Ed25519 of RFC 8032), and each document up to the event that filed it. Every problem is one
line that names the file or the event; the last line is VALID or NOT VALID. It never writes and never uses the
network.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import calendar
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

EVENTS = "data/audit/events.jsonl"
PROOFS = "data/audit/proofs.json"
CHECKPOINT = "data/audit/checkpoint.txt"
PUBLIC_KEY = "data/audit/checkpoint.pub"
STAMP = "data/audit/checkpoint.tsr"
STAMP_CA = "data/audit/tsa-ca.pem"
INDEX = "data/index.json"
DOCUMENTS = "data/documents/"
FILED = "inspector:document:filed"
EXPORTED = "staff:case:exported"

TEXTS = {
    "missing_file": ("falta en la bolsa", "is missing from the bag"),
    "extra_file": ("no figura en el manifiesto", "is not in the manifest"),
    "changed_file": ("su contenido cambió", "its content has changed"),
    "unsafe_path": ("ruta no permitida", "path not allowed"),
    "malformed": ("no se puede leer", "cannot be read"),
    "wrong_oxum": ("Payload-Oxum no coincide con el contenido", "Payload-Oxum does not match the content"),
    "unlisted_tag_file": ("no figura en tagmanifest-sha256.txt", "is not in tagmanifest-sha256.txt"),
    "wrong_key": ("la clave no es la esperada", "the key is not the expected one"),
    "wrong_signature": ("la firma no es válida", "the signature is not valid"),
    "altered_event": ("no está así en el registro sellado", "does not stand like this in the sealed trail"),
    "removed_event": ("su línea fue retirada", "its line was removed"),
    "unproven_event": ("no tiene prueba de inclusión", "has no proof of inclusion"),
    "repeated_event": ("aparece más de una vez", "appears more than once"),
    "foreign_event": ("es de otra organización o expediente", "belongs to another organization or case"),
    "incomplete_extract": ("faltan o sobran eventos del expediente", "events of the case are missing or added"),
    "altered_document": ("no es el documento que se archivó", "is not the document that was filed"),
    "unfiled_document": ("ningún evento sellado dice que se archivó", "no sealed event says that it was filed"),
    "unindexed_file": ("no figura en index.json", "is not in index.json"),
    "absent_document": ("se archivó y no está en el índice", "was filed and is not in the index"),
    "wrong_stamp": ("el sello de tiempo no es válido", "the time stamp is not valid"),
}


class Malformed(Exception):
    """A file of the bag is not of the form it must have."""


class Findings:
    """Prints problems and notes as they are found."""

    def __init__(self, language: str) -> None:
        self.problems = 0
        self._spanish = language == "es"

    def problem(self, code: str, name: str) -> None:
        """Print one problem, naming the file or event."""
        self.problems += 1
        self._print(f"{self.either('PROBLEMA', 'PROBLEM')} {name}: {self.either(*TEXTS[code])} [{code}]")

    def note(self, spanish: str, english: str) -> None:
        """Print something worth knowing that is no problem."""
        self._print(self.either(spanish, english))

    def verdict(self) -> int:
        """Print the last line and return the exit status."""
        self._print("NOT VALID" if self.problems else "VALID")
        return 1 if self.problems else 0

    def either(self, spanish: str, english: str) -> str:
        """Return the text in the reader's language."""
        return spanish if self._spanish else english

    def _print(self, line: str) -> None:
        clean = "".join(letter if letter.isprintable() else "?" for letter in line)
        sys.stdout.write(
            clean.encode(sys.stdout.encoding or "ascii", "replace").decode(sys.stdout.encoding or "ascii") + "\n"
        )


# -- The bag ----------------------------------------------------------------------------------------------------------


class Bag:
    """The files under one folder, by their path from its root, with forward slashes."""

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, name: str) -> str:
        """Return the path on this machine."""
        return os.path.join(self.root, *name.split("/"))

    def has(self, name: str) -> bool:
        """Tell whether a regular file of that name is here."""
        return os.path.isfile(self.path(name)) and not os.path.islink(self.path(name))

    def read(self, name: str) -> bytes:
        """Return the bytes of a small file. Raises Malformed when it is missing or too large to be one of ours."""
        if not self.has(name) or os.path.getsize(self.path(name)) > 1 << 30:
            raise Malformed(name)
        with open(self.path(name), "rb") as file:
            return file.read()

    def text(self, name: str) -> str:
        """Return a small file as text. Raises Malformed."""
        try:
            return self.read(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(name) from error

    def json(self, name: str) -> Any:
        """Return a small JSON file. Raises Malformed."""
        return parse_json(self.read(name), name)

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, read in pieces."""
        digest = hashlib.sha256()
        with open(self.path(name), "rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
        return digest.hexdigest()

    def payload(self) -> Iterator[str]:
        """Yield the name of every entry under data/, links included."""
        for folder, folders, files in os.walk(self.path("data")):
            for entry in files + [one for one in folders if os.path.islink(os.path.join(folder, one))]:
                yield os.path.relpath(os.path.join(folder, entry), self.root).replace(os.sep, "/")


def parse_json(raw: bytes, name: str) -> Any:
    """Return the value of a JSON text without repeated keys. Raises Malformed."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Malformed(name)
        return dict(pairs)

    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise Malformed(name) from error


def read_manifest(bag: Bag, name: str, found: Findings) -> dict[str, str]:
    """Return path -> SHA-256 of a manifest. Paths that leave the bag are named and left out."""
    entries: dict[str, str] = {}
    for line in bag.text(name).splitlines():
        parts = re.fullmatch(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)", line)
        if parts is None:
            raise Malformed(name)
        path = re.sub("%(0[AaDd]|25)", lambda code: chr(int(code.group(1), 16)), parts.group(2))
        if path.startswith(("/", "~")) or "\\" in path or ":" in path or {"", ".", ".."} & set(path.split("/")):
            found.problem("unsafe_path", path)
        else:
            entries[path] = parts.group(1).lower()
    return entries


def check_files(bag: Bag, manifest: dict[str, str], found: Findings) -> None:
    """Hold every file of a manifest against its checksum."""
    for name in sorted(manifest):
        if not bag.has(name):
            found.problem("missing_file", name)
        elif bag.sha256(name) != manifest[name]:
            found.problem("changed_file", name)


def check_bag(bag: Bag, found: Findings) -> dict[str, str]:
    """Check the BagIt structure (RFC 8493) and return the payload manifest."""
    if not re.match(r"BagIt-Version: 1\.0\r?\nTag-File-Character-Encoding: UTF-8\r?\n?\Z", bag.text("bagit.txt")):
        raise Malformed("bagit.txt")
    tags = read_manifest(bag, "tagmanifest-sha256.txt", found)
    check_files(bag, tags, found)
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "verify.py"):
        if name not in tags:
            found.problem("unlisted_tag_file", name)
    if os.path.lexists(bag.path("fetch.txt")):
        found.problem("unsafe_path", "fetch.txt")
    manifest = read_manifest(bag, "manifest-sha256.txt", found)
    check_files(bag, manifest, found)
    present = sorted(bag.payload())
    for name in present:
        if name not in manifest:
            found.problem("extra_file", name)
    oxum = re.search(r"^Payload-Oxum: (\d+)\.(\d+)\r?$", bag.text("bag-info.txt"), re.MULTILINE)
    octets = sum(os.path.getsize(bag.path(name)) for name in present if bag.has(name))
    if oxum is None or (int(oxum.group(1)), int(oxum.group(2))) != (octets, len(present)):
        found.problem("wrong_oxum", "bag-info.txt")
    return manifest


# -- Ed25519 (RFC 8032, section 5.1): verification only, points in the extended coordinates of 5.1.4 -------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add_points(p: tuple[int, int, int, int], q: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return p + q."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply_point(scalar: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return scalar * point."""
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add_points(result, point)
        point, scalar = add_points(point, point), scalar >> 1
    return result


def decode_point(raw: bytes) -> tuple[int, int, int, int] | None:
    """Return the point of 32 bytes, None when there is none (section 5.1.3)."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) is that of `public` (32 bytes) over `message`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = decode_point(public), decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or BASE is None or scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply_point(scalar, BASE), add_points(commitment, multiply_point(challenge, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# -- The audit trail --------------------------------------------------------------------------------------------------


def read_key(line: str, name: str) -> tuple[str, bytes]:
    """Return key name and public key of a verifier key `name+id+base64(0x01 || key)`. Raises Malformed."""
    parts = line.strip().split("+", 2)
    try:
        raw = base64.b64decode(parts[2], validate=True)
    except (IndexError, binascii.Error) as error:
        raise Malformed(name) from error
    if len(raw) != 33 or raw[0] != 1 or parts[1] != key_id(parts[0], raw[1:]).hex():
        raise Malformed(name)
    return parts[0], raw[1:]


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that name a key in a signed note."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def check_checkpoint(bag: Bag, pinned: str | None, found: Findings) -> tuple[str, int, bytes]:
    """Check key and signature; return origin, size and root of the checkpoint. Raises Malformed."""
    origin, public = read_key(bag.text(PUBLIC_KEY), PUBLIC_KEY)
    fingerprint = hashlib.sha256(public).hexdigest()
    if pinned is None:
        found.note(
            f"Huella de la clave: {fingerprint} (compárela con la publicada por la empresa, o use --key)",
            f"Key fingerprint: {fingerprint} (compare it with the one the company publishes, or use --key)",
        )
    elif pinned.replace(":", "").lower() != fingerprint and pinned.strip() != bag.text(PUBLIC_KEY).strip():
        found.problem("wrong_key", f"{PUBLIC_KEY} {fingerprint}")
    note = bag.text(CHECKPOINT)
    body, _, signatures = note.rpartition("\n\n")
    parts = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)", body)
    if parts is None or not signatures.endswith("\n"):
        raise Malformed(CHECKPOINT)
    claimed = key_id(origin, public)
    signed = False
    for line in signatures.splitlines():
        prefix, _, encoded = line.rpartition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise Malformed(CHECKPOINT) from error
        if prefix == f"\u2014 {origin}" and raw[:4] == claimed:
            signed = ed25519_valid(public, (body + "\n").encode("utf-8"), raw[4:])
    if not signed or parts.group(1) != origin:
        found.problem("wrong_signature", CHECKPOINT)
    return parts.group(1), int(parts.group(2)), base64.b64decode(parts.group(3))


def leads_to_root(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """Tell whether the path leads from leaf to root (RFC 9162, section 2.1.3.2)."""
    place, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            current = hashlib.sha256(b"\x01" + sibling + current).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = hashlib.sha256(b"\x01" + current + sibling).digest()
        place, last = place >> 1, last >> 1
    return 0 <= index < size and last == 0 and current == root


def read_proofs(bag: Bag) -> dict[str, tuple[int, list[bytes]]]:
    """Return event id -> leaf index and path. Raises Malformed."""
    try:
        return {
            str(one["event"]): (int(one["index"]), [bytes.fromhex(node) for node in one["path"]])
            for one in bag.json(PROOFS)["proofs"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(PROOFS) from error


class Trail:
    """The lines of the extract, each held against the checkpoint."""

    def __init__(self, head: tuple[str, int, bytes], proofs: dict[str, tuple[int, list[bytes]]], case: object) -> None:
        self.origin, self.size, self.root = head
        self.proofs = proofs
        self.case = case
        self.seen: set[str] = set()
        self.proven: list[tuple[int, bytes, dict[str, Any]]] = []

    def take(self, place: str, line: bytes, found: Findings) -> None:
        """Take one line: keep its event when it stands in the sealed trail, name it when it does not."""
        try:
            event = parse_json(line, place)
            event_id, organization, case, _ = str(event["id"]), event["org"], event["case"], event["details"].get
        except (Malformed, KeyError, TypeError, AttributeError):
            found.problem("malformed", place)
            return
        place = f"{place} {event_id}"
        index, path = self.proofs.get(event_id, (-1, []))
        if event_id in self.seen:
            found.problem("repeated_event", place)
        elif index < 0:
            found.problem("unproven_event", place)
        elif not leads_to_root(hashlib.sha256(b"\x00" + line).digest(), index, self.size, path, self.root):
            found.problem("altered_event", place)
        elif self.origin.rpartition("/")[2] != organization or case != self.case:
            found.problem("foreign_event", place)
        else:
            self.proven.append((index, line, event))
        self.seen.add(event_id)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the proven events of one name."""
        return [event for _, _, event in self.proven if event.get("event") == name]


def check_events(bag: Bag, head: tuple[str, int, bytes], case: object, found: Findings) -> Trail:
    """Hold every line of the extract against the checkpoint, and every proof against the lines."""
    trail = Trail(head, read_proofs(bag), case)
    lines = bag.read(EVENTS).split(b"\n")
    if lines.pop():
        found.problem("malformed", EVENTS)
    for number, line in enumerate(lines, 1):
        trail.take(f"{EVENTS}:{number}", line, found)
    for event_id in trail.proofs:
        if event_id not in trail.seen:
            found.problem("removed_event", f"{EVENTS} {event_id}")
    check_completeness(trail, found)
    return trail


def check_completeness(trail: Trail, found: Findings) -> None:
    """Hold the extract against what the export's own sealed event says of it.

    The event's `extract` is the SHA-256 over the lines (each with its newline) of the case's events with a leaf below
    `through`.
    """
    exports = trail.events(EXPORTED)
    if not exports:
        found.problem("incomplete_extract", f"{EVENTS} {EXPORTED}")
    told = [event for event in exports if "extract" in event["details"]]
    if exports and not told:
        found.note("Nada prueba que el extracto esté completo.", "Nothing proves that the extract is complete.")
    lines = sorted((index, line) for index, line, _ in trail.proven)
    for event in told:
        through = event["details"].get("through")
        within = [line + b"\n" for index, line in lines if isinstance(through, int) and index < through]
        if hashlib.sha256(b"".join(within)).hexdigest() != event["details"]["extract"]:
            found.problem("incomplete_extract", f"{EVENTS} {event['id']}")


# -- The documents ----------------------------------------------------------------------------------------------------


def check_documents(bag: Bag, index: dict[str, Any], manifest: dict[str, str], trail: Trail, found: Findings) -> None:
    """Hold every document against the event that filed it, and the other way round."""
    filed: dict[str, set[str]] = {}
    for event in trail.events(FILED):
        filed.setdefault(str(event["subject"]), set()).add(str(event["details"].get("commitment")))
    listed: set[str] = set()
    accounted: set[str] = set()
    for entry in index["documents"]:
        document, name = str(entry["id"]), str(entry["path"])
        listed.add(name)
        accounted.add(document)
        salt, claimed = bytes.fromhex(entry["salt"]), str(entry["sha256"])
        if name not in manifest or not name.startswith(DOCUMENTS) or not bag.has(name):
            found.problem("missing_file", f"{name} {document}")
        elif len(salt) != 32 or bag.sha256(name) != claimed:
            found.problem("altered_document", f"{name} {document}")
        elif document not in filed:
            found.problem("unfiled_document", f"{name} {document}")
        elif hashlib.sha256(salt + bytes.fromhex(claimed)).hexdigest() not in filed[document]:
            found.problem("altered_document", f"{name} {document}")
    for entry in index.get("omitted", []):
        accounted.add(str(entry["id"]))
        found.note(
            f"No incluido: {entry['id']} ({entry['reason']})", f"Not included: {entry['id']} ({entry['reason']})"
        )
    for document in sorted(set(filed) - accounted):
        found.problem("absent_document", document)
    for name in sorted(manifest):
        if name.startswith(DOCUMENTS) and name not in listed:
            found.problem("unindexed_file", name)


# -- The time stamp (RFC 3161), with the openssl command where there is one -------------------------------------------


def check_stamp(bag: Bag, authority: str | None, found: Findings) -> None:
    """Check the time stamp over the checkpoint, or say that it was not checked."""
    openssl = shutil.which("openssl")
    trusted = authority or (bag.path(STAMP_CA) if bag.has(STAMP_CA) else None)
    if not bag.has(STAMP):
        found.note("Sello de tiempo: no hay.", "Time stamp: there is none.")
        return
    if openssl is None or trusted is None:
        found.note(
            "Sello de tiempo: no se comprobó (falta openssl o tsa-ca.pem).",
            "Time stamp: not checked (no openssl or no tsa-ca.pem).",
        )
        return
    for form in ([], ["-token_in"]):
        said = run_openssl([openssl, "ts", "-reply", "-in", bag.path(STAMP), *form, "-text"])
        when = re.search(r"^Time stamp: (.+)$", said or "", re.MULTILINE)
        if when is None:
            continue
        command = [
            openssl,
            "ts",
            "-verify",
            "-data",
            bag.path(CHECKPOINT),
            "-in",
            bag.path(STAMP),
            *form,
            "-CAfile",
            trusted,
        ]
        if run_openssl([*command, *at_time(when.group(1))]) is not None:
            found.note(f"Sello de tiempo: {when.group(1)}", f"Time stamp: {when.group(1)}")
            return
    found.problem("wrong_stamp", STAMP)


def at_time(text: str) -> list[str]:
    """Return the option that judges the authority's certificate at the time of the stamp, not today."""
    try:
        moment = time.strptime(re.sub(r"\.\d+", "", text.replace(" GMT", "")), "%b %d %H:%M:%S %Y")
    except ValueError:
        return []
    return ["-attime", str(calendar.timegm(moment))]


def run_openssl(command: list[str]) -> str | None:
    """Return what openssl prints, None when it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


# -- All of it --------------------------------------------------------------------------------------------------------


def verify(bag: Bag, pinned: str | None, authority: str | None, found: Findings) -> None:
    """Check everything; a file that cannot be read ends only what depends on it."""
    manifest: dict[str, str] = {}
    try:
        manifest = check_bag(bag, found)
    except (Malformed, OSError) as error:
        found.problem("malformed", str(error))
    try:
        index = bag.json(INDEX)
        head = check_checkpoint(bag, pinned, found)
        check_stamp(bag, authority, found)
        trail = check_events(bag, head, index["case"], found)
        found.note(
            f"{len(trail.proven)} eventos probados hasta el punto de control {head[1]} de {head[0]}",
            f"{len(trail.proven)} events proven up to checkpoint {head[1]} of {head[0]}",
        )
        check_documents(bag, index, manifest, trail, found)
    except Malformed as error:
        found.problem("malformed", str(error))
    except (KeyError, TypeError, ValueError, AttributeError, OSError):
        found.problem("malformed", INDEX)


def main(arguments: list[str]) -> int:
    """Run the command line; 0 when the bag is valid, 1 when it is not."""
    parser = argparse.ArgumentParser(description="Verifica este expediente exportado / Verify this exported record.")
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("bag", nargs="?", default=here, help="folder of the bag (default: where this file is)")
    parser.add_argument("--key", help="expected key: its SHA-256 fingerprint, or the whole line of checkpoint.pub")
    parser.add_argument("--tsa-ca", help="certificates of the time-stamp authority to trust, instead of the bag's")
    parser.add_argument("--lang", choices=["es", "en"], default="es")
    options = parser.parse_args(arguments)
    found = Findings(options.lang)
    verify(Bag(options.bag), options.key, options.tsa_ca, found)
    return found.verdict()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
