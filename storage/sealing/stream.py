"""The payload cipher of age v1 (C2SP age, "Payload"): 64 KiB chunks of ChaCha20-Poly1305 under a key of its own.

It knows nothing of recipients, headers or contexts: a 16-byte file key goes in, bytes come out.
Rules: memory stays constant whatever the size; no chunk leaves before it is authenticated; the end is authenticated
too, so that truncation, reordering and appended bytes are errors of their own and never a shorter document. What a
decryptor has handed out before it raised is genuine but incomplete: whoever reads it acts only after `finish` (or the
end of the generator).

Layout: nonce[16], then chunk i = AEAD(key = HKDF-SHA256(file key, salt = nonce, "payload"), nonce = be88(i) || last) of
at most 65536 bytes plus a tag of 16. Plaintext offset p lies in chunk p // 65536, which begins at 16 + (p // 65536) *
65552.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from storage.sealing.errors import AlreadyUsed, KeyRefused, PayloadDamaged, RangeRefused, TrailingData, Truncated
from storage.sealing.keymaterial import derive

Data: TypeAlias = bytes | bytearray | memoryview

CHUNK = 65536
TAG = 16
SEALED_CHUNK = CHUNK + TAG
NONCE = 16
FILE_KEY = 16
BATCH = 16  # chunks that are worked on at a time: 1 MiB, the best block size measured


def payload_size(plaintext_size: int) -> int:
    """Bytes of the payload of a plaintext of `plaintext_size` bytes."""
    if plaintext_size < 0:
        raise RangeRefused("a size is never negative")
    return NONCE + plaintext_size + TAG * max(1, -(-plaintext_size // CHUNK))


def plaintext_size(payload_size: int) -> int:
    """Bytes of the plaintext in a payload of `payload_size` bytes. Raises Truncated for a size that no payload has."""
    body = payload_size - NONCE
    full, rest = divmod(body, SEALED_CHUNK)
    if body < TAG or 0 < rest < TAG or (rest == TAG and full):
        raise Truncated(f"no payload has {payload_size} bytes")
    return body - TAG * (full + (1 if rest else 0))


def _cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    if len(file_key) != FILE_KEY:
        raise KeyRefused("a file key has 16 bytes")
    return ChaCha20Poly1305(derive(file_key, salt=nonce, info=b"payload"))


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class Encryptor:
    """Push encryptor of one payload: any number of `update`, then one `finish`; the joined results are the payload.

    For one thread at a time.
    """

    def __init__(self, file_key: bytes) -> None:
        self._prefix = secrets.token_bytes(NONCE)
        self._cipher = _cipher(file_key, self._prefix)
        self._index = 0
        self._pending = bytearray()
        self._finished = False

    def update(self, data: Data) -> bytes:
        """Take plaintext, return the payload bytes that are ready (possibly none). 1 MiB a call is fastest."""
        if self._finished:
            raise AlreadyUsed("the payload is finished")
        view = memoryview(data).cast("B")
        taken = min(len(view), CHUNK - len(self._pending)) if self._pending else 0
        self._pending += view[:taken]
        view = view[taken:]
        if not view:  # a full pending chunk stays: it may be the last one
            return self._take_prefix()
        whole = (len(view) - 1) // CHUNK  # at least one byte stays back, for the last chunk must not be empty
        out = bytearray(len(self._prefix) + SEALED_CHUNK * (whole + bool(self._pending)))
        room = memoryview(out)
        at = len(self._prefix)
        room[:at] = self._take_prefix()
        if self._pending:
            at += self._seal_into(self._pending, room[at : at + SEALED_CHUNK])
        for start in range(0, whole * CHUNK, CHUNK):
            at += self._seal_into(view[start : start + CHUNK], room[at : at + SEALED_CHUNK])
        self._pending = bytearray(view[whole * CHUNK :])
        return bytes(out)

    def finish(self) -> bytes:
        """Return the rest of the payload with its last chunk."""
        if self._finished:
            raise AlreadyUsed("the payload is finished")
        self._finished = True
        last = self._cipher.encrypt(_nonce(self._index, last=True), self._pending, None)
        self._pending = bytearray()
        return self._take_prefix() + last

    def _seal_into(self, chunk: Data, room: memoryview) -> int:
        written = self._cipher.encrypt_into(_nonce(self._index, last=False), chunk, None, room)
        self._index += 1
        return written

    def _take_prefix(self) -> bytes:
        prefix, self._prefix = self._prefix, b""
        return prefix


class Decryptor:
    """Push decryptor of one payload: every byte it returns is genuine; only `finish` says that nothing is missing."""

    def __init__(self, file_key: bytes) -> None:
        if len(file_key) != FILE_KEY:
            raise KeyRefused("a file key has 16 bytes")
        self._file_key = file_key
        self._cipher: ChaCha20Poly1305 | None = None
        self._index = 0
        self._pending = bytearray()
        self._finished = False

    def update(self, untrusted: Data) -> bytes:
        """Take payload bytes, return authenticated plaintext (possibly none). Raises PayloadDamaged or TrailingData."""
        if self._finished:
            raise AlreadyUsed("the payload is finished")
        self._pending += untrusted
        if self._cipher is None:
            if len(self._pending) < NONCE:
                return b""
            self._cipher = _cipher(self._file_key, bytes(self._pending[:NONCE]))
            del self._pending[:NONCE]
        whole = (len(self._pending) - 1) // SEALED_CHUNK if self._pending else 0  # one that ends here may be the last
        if whole <= 0:
            return b""
        ready, self._pending = self._pending, self._pending[whole * SEALED_CHUNK :]
        try:
            plaintext = _open_chunks(self._cipher, self._index, memoryview(ready)[: whole * SEALED_CHUNK])
        except PayloadDamaged:
            self._finished = True
            raise
        self._index += whole
        return plaintext

    def finish(self) -> bytes:
        """Return the plaintext of the last chunk. Raises Truncated or PayloadDamaged if it is not the last."""
        if self._finished:
            raise AlreadyUsed("the payload is finished")
        self._finished = True
        if self._cipher is None or len(self._pending) < TAG:
            raise Truncated("the payload ends before its last chunk")
        return _open_last(self._cipher, self._index, self._pending)


def _opens(cipher: ChaCha20Poly1305, nonce: bytes, sealed: Data) -> bool:
    try:
        cipher.decrypt(nonce, sealed, None)
    except InvalidTag:
        return False
    return True


def _open_chunks(cipher: ChaCha20Poly1305, first: int, sealed: memoryview) -> bytes:
    out = bytearray(CHUNK * (len(sealed) // SEALED_CHUNK))
    room = memoryview(out)
    for i in range(len(sealed) // SEALED_CHUNK):
        chunk = sealed[i * SEALED_CHUNK : (i + 1) * SEALED_CHUNK]
        try:
            cipher.decrypt_into(_nonce(first + i, last=False), chunk, None, room[i * CHUNK : (i + 1) * CHUNK])
        except InvalidTag:
            if _opens(cipher, _nonce(first + i, last=True), chunk):
                raise TrailingData("bytes follow the last chunk") from None
            raise PayloadDamaged(f"chunk {first + i} is not genuine") from None
    return bytes(out)


def _open_last(cipher: ChaCha20Poly1305, index: int, sealed: Data) -> bytes:
    try:
        plaintext = cipher.decrypt(_nonce(index, last=True), sealed, None)
    except InvalidTag:
        if len(sealed) == SEALED_CHUNK and _opens(cipher, _nonce(index, last=False), sealed):
            raise Truncated("the payload ends before its last chunk") from None
        raise PayloadDamaged(f"chunk {index} is not genuine") from None
    if not plaintext and index:
        raise PayloadDamaged("only an empty plaintext may end with an empty chunk")
    return plaintext


def encrypt(chunks: Iterable[Data], file_key: bytes) -> Iterator[bytes]:
    """Yield the payload of the joined `chunks`, in blocks of about the size of the chunks given."""
    encryptor = Encryptor(file_key)
    for chunk in chunks:
        if block := encryptor.update(chunk):
            yield block
    yield encryptor.finish()


def decrypt(untrusted_chunks: Iterable[Data], file_key: bytes) -> Iterator[bytes]:
    """Yield the plaintext of a payload given in blocks of any size; the last block comes only after the end was proven.

    Raises PayloadDamaged, Truncated or TrailingData, possibly after genuine blocks: a reader that must not act on an
    incomplete document waits for the end of the generator.
    """
    decryptor = Decryptor(file_key)
    for chunk in untrusted_chunks:
        if block := decryptor.update(chunk):
            yield block
    if block := decryptor.finish():
        yield block


def decrypt_range(
    read_at: Callable[[int, int], bytes], payload_size: int, file_key: bytes, start: int, length: int
) -> Iterator[bytes]:
    """Yield exactly plaintext[start : start + length], reading only the chunks it touches and the last one.

    `read_at(offset, length)` reads the stored payload. The last chunk is opened first, so that a payload that lost its
    end (with the size to match) is noticed whatever the range. Raises RangeRefused for a range outside the plaintext.
    """
    size = plaintext_size(payload_size)
    if start < 0 or length < 0 or start + length > size:
        raise RangeRefused("the range lies outside the plaintext")
    cipher = _cipher(file_key, _read(read_at, 0, NONCE))
    last = (payload_size - NONCE - 1) // SEALED_CHUNK
    last_at = NONCE + last * SEALED_CHUNK
    tail = _open_last(cipher, last, _read(read_at, last_at, payload_size - last_at))
    end = start + length
    index = start // CHUNK
    while length and index * CHUNK < end:
        count = min(BATCH, last - index, -(-end // CHUNK) - index)
        if count > 0:
            sealed = memoryview(_read(read_at, NONCE + index * SEALED_CHUNK, count * SEALED_CHUNK))
            plain = _open_chunks(cipher, index, sealed)
        else:
            plain, count = tail, 1
        base = index * CHUNK
        yield plain[max(0, start - base) : end - base]
        index += count


def _read(read_at: Callable[[int, int], bytes], offset: int, length: int) -> bytes:
    untrusted = read_at(offset, length)
    if len(untrusted) != length:
        raise Truncated("the stored payload is shorter than its size says")
    return untrusted
