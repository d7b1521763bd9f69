"""Headers of age v1 (C2SP age, "Header"): strict parsing, encoding and the MAC; nothing here knows a private key.

Rules: one grammar and one encoding. Whatever would not be written back byte for byte (padding, long or short lines, CR,
spare bits, bytes after the MAC line) is refused, and so is a header beyond the limits, before anything is computed from
it.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from storage.sealing.errors import HeaderRefused
from storage.sealing.keymaterial import derive

VERSION_LINE = b"age-encryption.org/v1"
MAX_HEADER = 16384
MAX_STANZAS = 24
COLUMNS = 64
MAC = 32
X25519 = "X25519"

_ARGUMENT = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanza:
    """One recipient stanza: its type and arguments (visible ASCII), and its body in bytes."""

    arguments: tuple[str, ...]
    body: bytes = b""

    @property
    def type(self) -> str:
        """The first argument."""
        return self.arguments[0]

    def encode(self) -> bytes:
        """Return the lines of the stanza. Raises HeaderRefused for arguments that the grammar has no room for."""
        if not self.arguments or not all(_ARGUMENT.fullmatch(argument) for argument in self.arguments):
            raise HeaderRefused("stanza arguments are one or more words of visible ASCII")
        text = b64(self.body)
        lines = [text[at : at + COLUMNS] for at in range(0, len(text) + 1, COLUMNS)]  # a full line is never the last
        return b"\n".join([" ".join(["->", *self.arguments]).encode("ascii"), *lines]) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A parsed header: its stanzas, the bytes under the MAC (up to and with `---`) and the MAC it claims."""

    stanzas: tuple[Stanza, ...]
    covered: bytes
    untrusted_mac: bytes

    def verify(self, file_key: bytes) -> None:
        """Return only if the MAC was made with this file key. Raises HeaderRefused."""
        if not hmac.compare_digest(_mac(file_key, self.covered), self.untrusted_mac):
            raise HeaderRefused("the MAC does not match")


def encode(stanzas: Sequence[Stanza], file_key: bytes) -> bytes:
    """Return the whole header, MAC line and line feed included. Raises HeaderRefused beyond the limits."""
    if not 0 < len(stanzas) <= MAX_STANZAS:
        raise HeaderRefused(f"a header has 1 to {MAX_STANZAS} stanzas")
    covered = VERSION_LINE + b"\n" + b"".join(stanza.encode() for stanza in stanzas) + b"---"
    header = covered + b" " + b64(_mac(file_key, covered)) + b"\n"
    if len(header) > MAX_HEADER:
        raise HeaderRefused(f"a header has at most {MAX_HEADER} bytes")
    return header


def parse(untrusted: bytes) -> Header:
    """Parse one header, nothing before or after it. Raises HeaderRefused. The MAC still has to be verified."""
    header, rest = split(untrusted)
    if rest:
        raise HeaderRefused("bytes follow the header")
    lines = header[:-1].split(b"\n")
    if lines[0] != VERSION_LINE:
        raise HeaderRefused("not an age v1 header")
    stanzas = []
    at = 1
    while at < len(lines) - 1:
        stanza, at = _stanza(lines, at)
        stanzas.append(stanza)
        if len(stanzas) > MAX_STANZAS:
            raise HeaderRefused(f"a header has at most {MAX_STANZAS} stanzas")
    if not stanzas:
        raise HeaderRefused("a header has at least one stanza")
    mac = unb64(lines[-1].removeprefix(b"--- "), length=MAC)
    return Header(stanzas=tuple(stanzas), covered=header[: -len(lines[-1]) - 1] + b"---", untrusted_mac=mac)


def split(untrusted: bytes) -> tuple[bytes, bytes]:
    """Cut an age file, or its first bytes, into header and rest; the header is not checked yet. Raises HeaderRefused.

    `untrusted` must hold the whole header (at most 16384 bytes).
    """
    marker = untrusted.find(b"\n--- ", 0, MAX_HEADER)
    end = untrusted.find(b"\n", marker + 1, MAX_HEADER)
    if marker < 0 or end < 0:
        raise HeaderRefused("no MAC line within the limit of a header")
    return untrusted[: end + 1], untrusted[end + 1 :]


def b64(raw: bytes) -> bytes:
    """Standard base64 (RFC 4648) without padding."""
    return base64.b64encode(raw).rstrip(b"=")


def unb64(untrusted: bytes, *, length: int | None = None) -> bytes:
    """Decode standard base64 without padding, in its one canonical form. Raises HeaderRefused."""
    try:
        raw = base64.b64decode(untrusted + b"=" * (-len(untrusted) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HeaderRefused("not base64") from None
    if b64(raw) != untrusted or (length is not None and len(raw) != length):
        raise HeaderRefused("not canonical base64 of the right length")
    return raw


def _stanza(lines: list[bytes], at: int) -> tuple[Stanza, int]:
    if not lines[at].startswith(b"-> "):
        raise HeaderRefused("a stanza begins with an arrow")
    try:
        arguments = tuple(lines[at][3:].decode("ascii").split(" "))
    except UnicodeDecodeError:
        raise HeaderRefused("stanza arguments are ASCII") from None
    if not all(_ARGUMENT.fullmatch(argument) for argument in arguments):
        raise HeaderRefused("stanza arguments are one or more words of visible ASCII")
    body = b""
    while True:
        at += 1
        if at >= len(lines) - 1 or len(lines[at]) > COLUMNS:
            raise HeaderRefused("a stanza body ends with one short line")
        body += lines[at]
        if len(lines[at]) < COLUMNS:
            return Stanza(arguments=arguments, body=unb64(body)), at + 1


def _mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(derive(file_key, salt=b"", info=b"header"), covered, "sha256")
