import subprocess
import sys
from dataclasses import replace

import pytest

from storage.sealing import header as headers
from storage.sealing import stream
from storage.sealing.contexts import Context, DocumentContext, KeyContext, SliceContext
from storage.sealing.errors import (
    AlreadyUsed,
    ContextMismatch,
    ContextRefused,
    HeaderRefused,
    KeyRefused,
    PayloadDamaged,
    SealingError,
)
from storage.sealing.header import Stanza
from storage.sealing.seal import PublicKey, Sealed, Sealing, seal_bytes, seal_file_key
from storage.sealing.unseal import PrivateKey, decrypt, open_header, recover_file_key, reseal_header, unseal_bytes

FILE_KEY = bytes(range(100, 116))
PLACE = {"org": "o1", "case": "c1", "slot": "s1"}


def moved_slice(**place: str) -> SliceContext:
    return SliceContext(**{**PLACE, **place}, upload="u", seq=1, offset=0)


def test_every_recipient_opens_and_a_stranger_does_not(
    identity: PrivateKey, stranger: PrivateKey, context: DocumentContext
) -> None:
    second = PrivateKey.generate()
    sealed = seal_bytes(b"a passport", [identity.public(), second.public()], context)
    assert unseal_bytes(sealed, identity, context) == b"a passport"
    assert unseal_bytes(sealed, second, context) == b"a passport"
    with pytest.raises(KeyRefused):
        unseal_bytes(sealed, stranger, context)


def test_the_header_carries_the_context_in_clear_and_in_order(identity: PrivateKey) -> None:
    document = seal_file_key(FILE_KEY, [identity.public()], DocumentContext(org="o1", doc="d1", part="page-0001"))
    slice_ = seal_file_key(FILE_KEY, [identity.public()], SliceContext(**PLACE, upload="u1", seq=0, offset=5))
    key = seal_file_key(FILE_KEY, [identity.public()], KeyContext(org="o1", case="c1"))
    assert b"\n-> resguardo/ctx v=1 org=o1 doc=d1 part=page-0001\n\n---" in document
    assert b"\n-> resguardo/slice v=1 org=o1 case=c1 slot=s1 upload=u1 seq=0 offset=5\n\n---" in slice_
    assert b"\n-> resguardo/key v=1 org=o1 case=c1\n\n---" in key


@pytest.mark.parametrize(
    "other",
    [
        {"org": "0c" * 16},
        {"doc": "0c" * 16},
        {"part": "meta"},
    ],
)
def test_the_header_of_another_document_is_refused(
    identity: PrivateKey, context: DocumentContext, other: dict[str, str]
) -> None:
    sealed = seal_bytes(b"x", [identity.public()], replace(context, **other))
    with pytest.raises(ContextMismatch):
        unseal_bytes(sealed, identity, context)


@pytest.mark.parametrize(
    ("made_for", "asked_for"),
    [
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), SliceContext(**PLACE, upload="u", seq=2, offset=0)),
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), SliceContext(**PLACE, upload="u", seq=1, offset=1)),
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), SliceContext(**PLACE, upload="w", seq=1, offset=0)),
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), moved_slice(org="o2")),
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), moved_slice(case="c2")),
        (SliceContext(**PLACE, upload="u", seq=1, offset=0), moved_slice(slot="s2")),
        (KeyContext(org="o", case="c"), DocumentContext(org="o", doc="c", part="original")),
    ],
)
def test_a_slice_moved_to_another_place_is_refused(identity: PrivateKey, made_for: Context, asked_for: Context) -> None:
    with pytest.raises(ContextMismatch):
        open_header(seal_file_key(FILE_KEY, [identity.public()], made_for), identity, asked_for)


def test_header_and_payload_of_two_documents_do_not_go_together(identity: PrivateKey, context: DocumentContext) -> None:
    first = seal_bytes(b"first", [identity.public()], context)
    second = seal_bytes(b"other", [identity.public()], context)
    with pytest.raises(PayloadDamaged):
        unseal_bytes(Sealed(header=first.header, payload=second.payload), identity, context)


def test_no_single_bit_of_a_whole_file_can_change(identity: PrivateKey, context: DocumentContext) -> None:
    sealed = seal_bytes(b"small secret", [identity.public()], context)
    size, whole = len(sealed.header), sealed.header + sealed.payload
    accepted = []
    for bit in range(8 * len(whole)):
        untrusted = bytearray(whole)
        untrusted[bit // 8] ^= 1 << bit % 8
        try:
            unseal_bytes(Sealed(header=bytes(untrusted[:size]), payload=bytes(untrusted[size:])), identity, context)
        except SealingError:
            continue
        accepted.append(bit)
    assert accepted == []


def test_no_byte_of_a_header_can_be_dropped_or_doubled(identity: PrivateKey, context: DocumentContext) -> None:
    header = seal_file_key(FILE_KEY, [identity.public()], context)
    for at in range(len(header)):
        for untrusted in (header[:at] + header[at + 1 :], header[: at + 1] + header[at:], header[:at]):
            if untrusted == header:
                continue
            with pytest.raises(SealingError):
                open_header(untrusted, identity, context)


def forged(identity: PrivateKey, *stanzas: Stanza, file_key: bytes = FILE_KEY) -> bytes:
    """A header with a correct MAC, by somebody who knows the file key."""
    own = headers.parse(seal_file_key(file_key, [identity.public()], KeyContext(org="o", case="c"))).stanzas[0]
    return headers.encode([own, *stanzas], file_key)


CONTEXT = Stanza(arguments=DocumentContext(org="o", doc="d", part="original").arguments())


@pytest.mark.parametrize(
    "stanzas",
    [
        [],
        [CONTEXT, CONTEXT],
        [CONTEXT, Stanza(arguments=("resguardo/other", "v=1"))],
        [CONTEXT, Stanza(arguments=("resguardo/slice", "v=1", "upload=u", "seq=0", "offset=0"))],
        [CONTEXT, Stanza(arguments=("scrypt", "A" * 22, "10"), body=bytes(32))],
        [CONTEXT, Stanza(arguments=("grease-like", "x"), body=b"123")],
        [CONTEXT, Stanza(arguments=("X25519",), body=bytes(32))],
        [CONTEXT, Stanza(arguments=("X25519", "A" * 43, "more"), body=bytes(32))],
        [CONTEXT, Stanza(arguments=("X25519", "A" * 43), body=bytes(32))],
        [CONTEXT, Stanza(arguments=("X25519", "AQ" + "A" * 41), body=bytes(32))],
        [CONTEXT, Stanza(arguments=("X25519", "A" * 42), body=bytes(32))],
    ],
    ids=[
        "no context",
        "context twice",
        "unknown context",
        "two contexts",
        "passphrase",
        "unknown stanza",
        "no share",
        "spare argument",
        "zero share",
        "share of low order",
        "short share",
    ],
)
def test_a_header_with_a_stanza_out_of_place_is_refused_though_its_mac_is_right(
    identity: PrivateKey, stanzas: list[Stanza]
) -> None:
    with pytest.raises(HeaderRefused):
        open_header(forged(identity, *stanzas), identity, DocumentContext(org="o", doc="d", part="original"))


def test_a_passphrase_is_no_recipient_even_for_a_foreign_file(identity: PrivateKey) -> None:
    scrypt = Stanza(arguments=("scrypt", "A" * 22, "10"), body=bytes(32))
    with pytest.raises(HeaderRefused):
        recover_file_key(headers.parse(forged(identity, scrypt)), [identity])


def test_an_unknown_stanza_of_a_foreign_file_is_passed_over(identity: PrivateKey, stranger: PrivateKey) -> None:
    foreign = headers.parse(forged(identity, Stanza(arguments=("other-kind", "x"), body=b"123")))
    assert recover_file_key(foreign, [stranger, identity]) == FILE_KEY


@pytest.mark.parametrize(
    "arguments",
    [
        ("resguardo/ctx", "v=2", "org=o", "doc=d", "part=original"),
        ("resguardo/ctx", "org=o", "v=1", "doc=d", "part=original"),
        ("resguardo/ctx", "v=1", "org=o", "doc=d", "part=original", "more=1"),
        ("resguardo/ctx", "v=1", "org=o", "doc=d"),
        ("resguardo/CTX", "v=1", "org=o", "doc=d", "part=original"),
    ],
)
def test_a_context_in_another_form_is_not_the_context(identity: PrivateKey, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ContextMismatch):
        open_header(
            forged(identity, Stanza(arguments=arguments)), identity, DocumentContext(org="o", doc="d", part="original")
        )


def test_a_context_with_a_body_is_not_the_context(identity: PrivateKey) -> None:
    with pytest.raises(ContextMismatch):
        open_header(
            forged(identity, replace(CONTEXT, body=b"x")), identity, DocumentContext(org="o", doc="d", part="original")
        )


def test_the_mac_is_checked_before_the_context_is_believed(identity: PrivateKey, context: DocumentContext) -> None:
    header = seal_file_key(FILE_KEY, [identity.public()], replace(context, part="meta"))
    with pytest.raises(HeaderRefused):
        open_header(header.replace(b"part=meta", b"part=original"), identity, context)


@pytest.mark.parametrize("value", ["", "A", "a b", "a\nb", "á", "-a", "a-", "a" * 65, "a=b", "../x"])
def test_a_context_takes_plain_identifiers_only(identity: PrivateKey, value: str) -> None:
    with pytest.raises(ContextRefused):
        Sealing.to([identity.public()], DocumentContext(org=value, doc="d", part="original"))
    with pytest.raises(ContextRefused):
        Sealing.to([identity.public()], SliceContext(**PLACE, upload=value, seq=0, offset=0))


@pytest.mark.parametrize("value", [-1, 2**63, True, 1.0, "1"])
def test_a_context_takes_plain_numbers_only(identity: PrivateKey, value: int) -> None:
    with pytest.raises(ContextRefused):
        Sealing.to([identity.public()], SliceContext(**PLACE, upload="u", seq=value, offset=0))


def test_one_header_belongs_to_one_payload(identity: PrivateKey, context: DocumentContext) -> None:
    sealing = Sealing.to([identity.public()], context)
    sealing.encryptor()
    with pytest.raises(AlreadyUsed):
        sealing.encryptor()
    with pytest.raises(AlreadyUsed):
        sealing.encrypt([b"x"])


def test_no_file_key_and_no_share_is_ever_used_twice(identity: PrivateKey, context: DocumentContext) -> None:
    seals = [Sealing.to([identity.public()], context) for _ in range(1000)]
    assert len({open_header(sealing.header, identity, context) for sealing in seals}) == 1000
    shares = {headers.parse(sealing.header).stanzas[0].arguments[1] for sealing in seals}
    assert len(shares) == 1000


def test_resealing_changes_the_recipient_and_keeps_the_payload(
    identity: PrivateKey, stranger: PrivateKey, context: DocumentContext
) -> None:
    sealed = seal_bytes(b"x", [identity.public()], context)
    header = reseal_header(sealed.header, identity, context, [stranger.public()])
    moved = Sealed(header=header, payload=sealed.payload)
    assert unseal_bytes(moved, stranger, context) == b"x"
    with pytest.raises(KeyRefused):
        unseal_bytes(moved, identity, context)


def test_a_truncated_document_is_noticed_after_its_genuine_part(identity: PrivateKey, context: DocumentContext) -> None:
    sealed = seal_bytes(bytes(3 * stream.CHUNK), [identity.public()], context)
    with pytest.raises(PayloadDamaged):
        list(decrypt(sealed.header, [sealed.payload[: 16 + 2 * stream.SEALED_CHUNK]], identity, context))


def test_a_wrong_header_is_refused_before_any_payload_is_read(
    identity: PrivateKey, stranger: PrivateKey, context: DocumentContext
) -> None:
    sealed = seal_bytes(b"x", [identity.public()], context)
    with pytest.raises(KeyRefused):
        decrypt(sealed.header, iter(()), stranger, context)


def test_recipients_are_required_and_each_given_once(identity: PrivateKey, context: DocumentContext) -> None:
    with pytest.raises(KeyRefused):
        Sealing.to([], context)
    with pytest.raises(KeyRefused):
        Sealing.to([identity.public(), identity.public()], context)


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_a_public_key_that_protects_nothing_is_refused(raw: bytes) -> None:
    with pytest.raises(KeyRefused):
        PublicKey(raw)


@pytest.mark.parametrize("raw", [b"", bytes(32), b"ab" * 16, bytes(range(31))])
def test_a_private_key_that_was_not_drawn_is_refused(raw: bytes) -> None:
    with pytest.raises(KeyRefused):
        PrivateKey(raw)


def test_keys_have_a_text_form_with_a_checksum(identity: PrivateKey) -> None:
    assert PublicKey.from_text(identity.public().text()) == identity.public()
    assert PrivateKey.from_text(identity.text()).public() == identity.public()
    assert identity.public().text().startswith("age1")
    assert identity.text().startswith("AGE-SECRET-KEY-1")


def test_a_text_key_with_any_letter_changed_is_refused(identity: PrivateKey) -> None:
    text = identity.public().text()
    for at in range(len(text)):
        for letter in "qp1b":
            if letter != text[at]:
                with pytest.raises(KeyRefused):
                    PublicKey.from_text(text[:at] + letter + text[at + 1 :])
    with pytest.raises(KeyRefused):
        PublicKey.from_text(text[:10] + text[10:].upper())
    with pytest.raises(KeyRefused):
        PublicKey.from_text(identity.text())
    with pytest.raises(KeyRefused):
        PrivateKey.from_text(text)


def test_a_private_key_does_not_show_itself(identity: PrivateKey) -> None:
    assert identity.text() not in repr(identity)
    assert identity.raw().hex() not in repr(identity)


def test_sealing_loads_nothing_that_unseals() -> None:
    program = (
        "import sys, storage.sealing.pipeline, storage.sealing.seal; print('storage.sealing.unseal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
