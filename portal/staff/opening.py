"""Asking the opener for the key of one part, and reading what that key opens.

Protocol: connect to the opener's unix socket, send one line of JSON {"event", "document", "part"}, read one line of
JSON: {"file_key": base64 of 16 bytes} or {"error": code}. Whatever else happens is no key.
"""

import base64
import binascii
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from records.opening import Opening
from storage.blobs import BlobError, BlobStore
from storage.sealing.errors import SealingError
from storage.sealing.stream import decrypt

TIMEOUT_S = 5.0
FILE_KEY_BYTES = 16
MOST_ANSWER_BYTES = 4096
BUSY = frozenset({"unavailable", "opening_unavailable"})
"""Answers of the opener that mean "not now" rather than "no"."""


class OpeningError(Exception):
    """A part was not opened."""

    code = "opening_unavailable"


class OpeningUnavailable(OpeningError):
    """The opener, or the store of the sealed bytes, did not answer properly."""

    code = "opening_unavailable"


class OpeningRefused(OpeningError):
    """The opener looked at the event, the policy or the attestation, and refused."""

    code = "opening_refused"


class Opener(Protocol):
    """Hands out the file key of one part against a committed audit event."""

    def file_key(self, *, event: str, document: str, part: str) -> bytes:
        """Return the 16-byte key. Raises OpeningRefused or OpeningUnavailable."""


class SocketOpener:
    """The opener process behind its unix socket."""

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        """Remember where the opener listens; nothing connects yet."""
        self._path = path
        self._timeout_s = timeout_s

    def file_key(self, *, event: str, document: str, part: str) -> bytes:
        """Ask for the key of one part. Raises OpeningRefused or OpeningUnavailable."""
        question = {"event": event, "document": document, "part": part}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self._timeout_s)
                line.connect(str(self._path))
                line.sendall(json.dumps(question).encode() + b"\n")
                answer = _read_line(line)
        except OSError:
            raise OpeningUnavailable("the opener does not answer") from None
        return _read_key(answer)

    def check(self) -> str:
        """Say "ok" when the opener's socket takes connections. Raises OpeningUnavailable."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self._timeout_s)
                line.connect(str(self._path))
        except OSError:
            raise OpeningUnavailable("the opener does not answer") from None
        return "ok"


def key_of(opener: Opener, opening: Opening) -> bytes:
    """Return the key of the part that is being opened. Raises OpeningRefused or OpeningUnavailable."""
    return opener.file_key(event=opening.event_id, document=opening.document_id, part=opening.part)


def plaintext(blobs: BlobStore, opening: Opening, file_key: bytes) -> Iterator[bytes]:
    """Yield the opened bytes of a part; each block is authentic. Raises OpeningUnavailable, possibly midway."""
    try:
        yield from decrypt(blobs.read(opening.blob), file_key)
    except (BlobError, SealingError) as error:
        raise OpeningUnavailable(f"part {opening.part} of {opening.document_id}: {error.code}") from None


def _read_line(line: socket.socket) -> bytes:
    received = b""
    while b"\n" not in received:
        block = line.recv(MOST_ANSWER_BYTES)
        received += block
        if not block or len(received) > MOST_ANSWER_BYTES:
            raise OpeningUnavailable("the opener did not finish its line")
    return received.partition(b"\n")[0]


def _read_key(untrusted_answer: bytes) -> bytes:
    try:
        answer = json.loads(untrusted_answer)
    except ValueError:
        raise OpeningUnavailable("the opener's answer is not JSON") from None
    match answer:
        case {"file_key": str(written), **rest} if not rest:
            try:
                key = base64.b64decode(written, validate=True)
            except (binascii.Error, ValueError):
                raise OpeningUnavailable("the opener's key is not base64") from None
            if len(key) != FILE_KEY_BYTES:
                raise OpeningUnavailable("the opener's key has another length")
            return key
        case {"error": str(code), **rest} if not rest:
            raise OpeningUnavailable(code) if code in BUSY else OpeningRefused(code)
        case _:
            raise OpeningUnavailable("the opener's answer says nothing")
