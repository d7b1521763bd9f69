"""Bech32 (BIP 173) without its length limit, as age writes its keys: `age1...` and `AGE-SECRET-KEY-1...`."""

from storage.sealing.errors import KeyRefused

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, raw: bytes) -> str:
    """Return the lower-case text of `raw` under the lower-case human-readable `prefix`."""
    symbols = _regroup(raw, 8, 5, pad=True)
    residue = _polymod([*_expand(prefix), *symbols, 0, 0, 0, 0, 0, 0]) ^ 1
    symbols += [residue >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_ALPHABET[symbol] for symbol in symbols)


def decode(prefix: str, untrusted: str, *, length: int) -> bytes:
    """Return the `length` bytes of a text under exactly this prefix, in one case. Raises KeyRefused."""
    if untrusted not in (untrusted.lower(), untrusted.upper()):
        raise KeyRefused("a key is written in one case")
    head, mark, tail = untrusted.lower().rpartition("1")
    if head != prefix or not mark or len(tail) < 6 or not set(tail) <= set(_ALPHABET):
        raise KeyRefused(f"a key of this kind begins with {prefix}1")
    symbols = [_ALPHABET.index(letter) for letter in tail]
    if _polymod([*_expand(head), *symbols]) != 1:
        raise KeyRefused("the checksum of the key does not match: a letter was lost or changed")
    raw = bytes(_regroup(bytes(symbols[:-6]), 5, 8, pad=False))
    if len(raw) != length:
        raise KeyRefused(f"a key of this kind has {length} bytes")
    return raw


def _expand(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(symbols: list[int]) -> int:
    residue = 1
    for symbol in symbols:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ symbol
        for i, generator in enumerate(_GENERATOR):
            residue ^= generator if top >> i & 1 else 0
    return residue


def _regroup(values: bytes, width: int, new_width: int, *, pad: bool) -> list[int]:
    out: list[int] = []
    held = bits = 0
    for value in values:
        held = held << width | value
        bits += width
        while bits >= new_width:
            bits -= new_width
            out.append(held >> bits & (1 << new_width) - 1)
        held &= (1 << bits) - 1
    if pad and bits:
        out.append(held << new_width - bits & (1 << new_width) - 1)
    elif not pad and (bits >= width or held):
        raise KeyRefused("spare bits of the key are not zero")
    return out
