"""The structure of a ZIP, proved before anything of it is unpacked: what a virus scanner passes over must not exist.

Rules: the file is its members and their directory, end to end, with nothing before, between or behind; both headers of
a member agree; names are plain, relative and unique; count, sizes and ratio are bounded from the directory and held
while inflating; nothing is encrypted. Runs inside the sandbox only. Format: PKWARE APPNOTE 6.3.10, without ZIP64.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.refusals import Refused
from intake.inspection.verdicts import Reason

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
SIZES_BEHIND = 0x0008
DESCRIPTORS = frozenset({12, 16})
"""Bytes of a data descriptor, without and with its signature."""
SYMLINK = 0xA000
RATIO_FREE = 1 << 20
"""A member below this size may be as dense as it likes."""
CHUNK = 1 << 20

_PLAIN_NAME = re.compile(r"[^\\:\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in the ZIP: where its data stands and what it says of itself. Sizes in bytes."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    start: int
    """Of its local header."""
    data: int


def members_of(data: mmap, limits: Limits) -> list[Member]:
    """Return the members in the order of the file. Raises Refused for anything that is not as the rules say."""
    size = len(data)
    if size < END.size:
        raise Refused(Reason.OFFICE_DAMAGED)
    mark, disk, first, here, count, length, start, comment = END.unpack(data[size - END.size :])
    if mark != b"PK\x05\x06" or (disk, first) != (0, 0) or here != count or comment:
        raise Refused(Reason.POLYGLOT)
    if start + length + END.size != size:
        raise Refused(Reason.POLYGLOT)
    if count > limits.members:
        raise Refused(Reason.SCAN_LIMITS)
    members = sorted(_directory(data, start, start + length, count), key=lambda member: member.start)
    _check_sizes(members, limits)
    _check_names(members)
    _check_layout(data, members, start)
    return members


def content_of(data: mmap, member: Member) -> bytes:
    """Return the unpacked bytes: exactly as many as announced, with the right checksum. Raises Refused otherwise."""
    packed = data[member.data : member.data + member.packed]
    if member.method == STORED:
        content = packed
    else:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflating.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise Refused(Reason.OFFICE_DAMAGED) from error
        if not inflating.eof or inflating.unused_data or inflating.unconsumed_tail:
            raise Refused(Reason.POLYGLOT)  # more in it, or behind it, than its header says
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise Refused(Reason.OFFICE_DAMAGED)
    return content


def _directory(data: mmap, at: int, end: int, count: int) -> Iterator[Member]:
    for _ in range(count):
        if at + CENTRAL.size > end:
            raise Refused(Reason.OFFICE_DAMAGED)
        mark, _, _, flags, method, _, _, crc, packed, size, *lengths, _, _, outside, start = CENTRAL.unpack(
            data[at : at + CENTRAL.size]
        )
        name_length, extra, comment = lengths
        raw = data[at + CENTRAL.size : at + CENTRAL.size + name_length]
        at += CENTRAL.size + name_length + extra + comment
        if mark != b"PK\x01\x02" or at > end:
            raise Refused(Reason.OFFICE_DAMAGED)
        if flags & ENCRYPTED:
            raise Refused(Reason.ENCRYPTED_CONTENT)
        if method not in (STORED, DEFLATED) or (outside >> 16) & 0xF000 == SYMLINK:
            raise Refused(Reason.OFFICE_ACTIVE)
        content = _local(data, start, (raw, flags, method, crc, packed, size))
        yield Member(name=_text(raw), method=method, crc=crc, packed=packed, size=size, start=start, data=content)
    if at != end:
        raise Refused(Reason.POLYGLOT)


def _local(data: mmap, start: int, central: tuple[bytes, int, int, int, int, int]) -> int:
    """Return where the data begins; the local header must say what the directory says, since readers believe either."""
    raw, flags, method, crc, packed, size = central
    header = data[start : start + LOCAL.size]
    if len(header) < LOCAL.size:
        raise Refused(Reason.OFFICE_DAMAGED)
    mark, _, its_flags, its_method, _, _, its_crc, its_packed, its_size, name_length, extra = LOCAL.unpack(header)
    name_at = start + LOCAL.size
    told = (its_crc, its_packed, its_size)
    sizes_agree = told == (crc, packed, size) or (flags & SIZES_BEHIND and not any(told))
    same_name = data[name_at : name_at + name_length] == raw
    if mark != b"PK\x03\x04" or (its_flags, its_method) != (flags, method) or not same_name or not sizes_agree:
        raise Refused(Reason.POLYGLOT)
    return int(name_at + name_length + extra)


def _check_sizes(members: list[Member], limits: Limits) -> None:
    total = 0
    for member in members:
        total += member.size
        dense = member.size > RATIO_FREE and member.size > limits.member_ratio * max(member.packed, 1)
        if dense or member.size > limits.member_bytes or total > limits.members_bytes:
            raise Refused(Reason.SCAN_LIMITS)


def _check_names(members: list[Member]) -> None:
    """Names that differ only in case are one file to some readers and two to others."""
    known: set[str] = set()
    for member in members:
        folder = member.name.endswith("/") and member.size == 0
        steps = member.name[: -1 if folder else None].split("/")
        if not _PLAIN_NAME.fullmatch(member.name) or any(step in ("", ".", "..") for step in steps):
            raise Refused(Reason.OFFICE_ACTIVE)
        if member.name.casefold() in known:
            raise Refused(Reason.POLYGLOT)
        known.add(member.name.casefold())


def _check_layout(data: mmap, members: list[Member], directory: int) -> None:
    """Members stand one behind the other from byte 0 to the directory; between them only data descriptors."""
    expected = 0
    for member, following in zip(members, [*(one.start for one in members[1:]), directory], strict=True):
        end = member.data + member.packed
        gap = following - end
        if member.start != expected or not (gap == 0 or (gap in DESCRIPTORS and _has_descriptor(data, member))):
            raise Refused(Reason.POLYGLOT)
        expected = following
    if not members or expected != directory:
        raise Refused(Reason.POLYGLOT)


def _has_descriptor(data: mmap, member: Member) -> bool:
    return bool(LOCAL.unpack(data[member.start : member.start + LOCAL.size])[2] & SIZES_BEHIND)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Reason.OFFICE_ACTIVE) from error
