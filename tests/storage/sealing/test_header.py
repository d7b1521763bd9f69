import pytest

from storage.sealing import header as headers
from storage.sealing.errors import HeaderRefused
from storage.sealing.header import Header, Stanza

KEY = bytes(range(16))
MAC = b"--- " + b"A" * 43 + b"\n"
VERSION = b"age-encryption.org/v1\n"


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 95, 96, 97, 500])
def test_a_stanza_body_of_any_size_is_read_back(size: int) -> None:
    stanzas = [Stanza(arguments=("a", "~!", "#"), body=bytes(size)), Stanza(arguments=("b",))]
    encoded = headers.encode(stanzas, KEY)
    parsed = headers.parse(encoded)
    assert parsed.stanzas == tuple(stanzas)
    parsed.verify(KEY)
    assert max(len(line) for line in encoded.splitlines()) <= 64


def test_the_mac_belongs_to_the_file_key() -> None:
    with pytest.raises(HeaderRefused):
        headers.parse(headers.encode([Stanza(arguments=("a",))], KEY)).verify(bytes(16))


@pytest.mark.parametrize(
    "untrusted",
    [
        b"",
        b"age-encryption.org/v1",
        VERSION,
        VERSION + MAC,
        b"age-encryption.org/v2\n-> a\n\n" + MAC,
        b" " + VERSION + b"-> a\n\n" + MAC,
        VERSION + b"-> a\n" + MAC,
        VERSION + b"-> \n\n" + MAC,
        VERSION + b"->\n\n" + MAC,
        VERSION + b"->a\n\n" + MAC,
        VERSION + b"-> a \n\n" + MAC,
        VERSION + b"->  a\n\n" + MAC,
        VERSION + b"-> a  b\n\n" + MAC,
        VERSION + b"-> a\tb\n\n" + MAC,
        VERSION + b"-> \xc3\xa1\n\n" + MAC,
        VERSION + b"-> a\x7f\n\n" + MAC,
        VERSION + b"-> a\r\n\r\n" + MAC,
        VERSION + b"-> a\nAA==\n" + MAC,
        VERSION + b"-> a\nAB\n" + MAC,
        VERSION + b"-> a\nA\n" + MAC,
        VERSION + b"-> a\nA-_A\n" + MAC,
        VERSION + b"-> a\nAA AA\n" + MAC,
        VERSION + b"-> a\n" + b"A" * 65 + b"\n\n" + MAC,
        VERSION + b"-> a\n" + b"A" * 68 + b"\n\n" + MAC,
        VERSION + b"-> a\n" + b"A" * 64 + b"\n" + MAC,
        VERSION + b"-> a\nAAAA\nAAAA\n" + MAC,
        VERSION + b"-> a\n\n\n" + MAC,
        VERSION + b"junk\n-> a\n\n" + MAC,
        VERSION + b"-> a\n\n---\n" + MAC,
        VERSION + b"-> a\n\n--- " + b"A" * 42 + b"\n",
        VERSION + b"-> a\n\n--- " + b"A" * 42 + b"B\n",
        VERSION + b"-> a\n\n--- " + b"A" * 43 + b"=\n",
        VERSION + b"-> a\n\n--- " + b"A" * 43 + b" \n",
        VERSION + b"-> a\n\n---  " + b"A" * 43 + b"\n",
        VERSION + b"-> a\n\n--- " + b"A" * 43,
        VERSION + b"-> a\n\n--- " + b"A" * 43 + b"\r\n",
        VERSION + b"-> a\n\n" + MAC + b"x",
        VERSION + b"-> a\n\n" * 25 + MAC,
        VERSION + b"-> " + b"a" * 20000 + b"\n\n" + MAC,
    ],
)
def test_a_header_outside_the_grammar_is_refused(untrusted: bytes) -> None:
    with pytest.raises(HeaderRefused):
        headers.parse(untrusted)


def test_the_smallest_header_is_read() -> None:
    assert headers.parse(VERSION + b"-> a\n\n" + MAC) == Header(
        stanzas=(Stanza(arguments=("a",)),), covered=VERSION + b"-> a\n\n---", untrusted_mac=bytes(32)
    )


@pytest.mark.parametrize("arguments", [(), ("",), ("a b",), ("a\nb",), ("á",)])
def test_a_stanza_that_could_not_be_read_is_not_written(arguments: tuple[str, ...]) -> None:
    with pytest.raises(HeaderRefused):
        headers.encode([Stanza(arguments=arguments)], KEY)


def test_a_header_beyond_the_limits_is_not_written() -> None:
    with pytest.raises(HeaderRefused):
        headers.encode([], KEY)
    with pytest.raises(HeaderRefused):
        headers.encode([Stanza(arguments=("a",))] * 25, KEY)
    with pytest.raises(HeaderRefused):
        headers.encode([Stanza(arguments=("a",), body=bytes(20000))], KEY)
