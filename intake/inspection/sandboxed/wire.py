"""The few bytes that cross the wall of the sandbox: a request in JSON inwards, fixed records of integers outwards.

Rules: what comes out is never parsed as text; every number is clamped by the reader; bulk (pixels, attachments) lies
in a memory file whose length the reader checks itself.
"""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Mime, Reason, Remark

RECORD = struct.Struct("!8I")
REQUEST_BYTES = 4096
READY = b"ready"
GO_ON = b"+"


class Job(IntEnum):
    """What a child is asked to do with its document."""

    EXAMINE = 1
    RENDER = 2
    EMBED = 3


class Kind(IntEnum):
    """What a record says."""

    EXAMINED = 1
    PART = 2
    PAGE = 3
    JPEG = 4
    ENDED = 9


class End(IntEnum):
    """How the child ended, told by its guardian and never by the child itself."""

    FINISHED = 0
    OVER_LIMITS = 1
    CRASHED = 2
    STARVED = 3
    """The machine is to blame, not the document: out of wall time, or the child's walls did not stand."""


REASONS = tuple(Reason)
MIMES: tuple[Mime | None, ...] = (None, *Mime)
REMARKS = tuple(Remark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One job for one document: the document and the output travel beside it as memory files."""

    job: Job
    suffix: str
    mime: Mime | None
    limits: Limits

    @property
    def wall_seconds(self) -> int:
        """How long the child may take."""
        return self.limits.examine_seconds if self.job is Job.EXAMINE else self.limits.render_seconds

    @property
    def cpu_seconds(self) -> int:
        """How long the child may compute."""
        return self.limits.examine_cpu_seconds if self.job is Job.EXAMINE else self.limits.render_cpu_seconds

    def encode(self) -> bytes:
        """Return the request as JSON, short enough for one packet."""
        return json.dumps([int(self.job), self.suffix, self.mime, self.limits.to_wire()]).encode()

    @classmethod
    def decode(cls, packet: bytes) -> "Request":
        """Read a request. It comes from the trusted side."""
        job, suffix, mime, limits = json.loads(packet)
        return cls(job=Job(job), suffix=suffix, mime=Mime(mime) if mime else None, limits=Limits.from_wire(limits))


def record(kind: Kind, *values: int) -> bytes:
    """Return one record: its kind and up to seven unsigned 32-bit integers."""
    bounded = [min(max(int(value), 0), 0xFFFFFFFF) for value in values]
    return RECORD.pack(kind, *bounded, *[0] * (7 - len(bounded)))


def read_record(untrusted_packet: bytes) -> tuple[Kind, tuple[Any, ...]]:
    """Return kind and integers. Raises ValueError for anything that is not exactly one known record."""
    if len(untrusted_packet) != RECORD.size:
        raise ValueError("not a record")
    kind, *values = RECORD.unpack(untrusted_packet)
    return Kind(kind), tuple(values)


def remark_bits(remarks: Iterable[Remark]) -> int:
    """Return the remarks as bits."""
    return sum(1 << REMARKS.index(note) for note in remarks)


def read_remarks(untrusted_bits: int) -> tuple[Remark, ...]:
    """Return the remarks. Raises ValueError for a bit that stands for none."""
    if untrusted_bits >> len(REMARKS):
        raise ValueError("not a note")
    return tuple(note for bit, note in enumerate(REMARKS) if untrusted_bits >> bit & 1)
