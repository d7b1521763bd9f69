"""What a sealed thing is: the context that its header carries under the MAC, so that it fits no other place.

A context is written as one age stanza with an empty body: a name under `resguardo/`, then `key=value` arguments in a
fixed order. It is compared as a whole with the expected one and never parsed. Identifiers are random and say nothing of
a person.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from storage.sealing.errors import ContextRefused

PREFIX = "resguardo/"
VERSION = "v=1"

_ID = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?")


def checked_id(untrusted: str) -> str:
    """Return the identifier if it is 1 to 64 characters of `0-9a-z-`. Raises ContextRefused."""
    if not isinstance(untrusted, str) or not _ID.fullmatch(untrusted):
        raise ContextRefused("an identifier has 1 to 64 characters of 0-9a-z-")
    return untrusted


def _checked_number(untrusted: int) -> int:
    if type(untrusted) is not int or not 0 <= untrusted < 2**63:
        raise ContextRefused("a number lies between 0 and 2^63 - 1")
    return untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContext:
    """One part (`original`, `meta`, `page-0001` ...) of one document of one organization."""

    org: str
    doc: str
    part: str

    def arguments(self) -> tuple[str, ...]:
        """Name and arguments of the stanza. Raises ContextRefused."""
        return (
            f"{PREFIX}ctx",
            VERSION,
            f"org={checked_id(self.org)}",
            f"doc={checked_id(self.doc)}",
            f"part={checked_id(self.part)}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceContext:
    """One slice of an upload: for whom and what it is, its number (`seq`; 0 holds name and type), its offset in bytes.

    Organization, case and slot are those that the sender's link led to, so that no row moves a file to another case.
    """

    org: str
    case: str
    slot: str
    upload: str
    seq: int
    offset: int

    def arguments(self) -> tuple[str, ...]:
        """Name and arguments of the stanza. Raises ContextRefused."""
        return (
            f"{PREFIX}slice",
            VERSION,
            f"org={checked_id(self.org)}",
            f"case={checked_id(self.case)}",
            f"slot={checked_id(self.slot)}",
            f"upload={checked_id(self.upload)}",
            f"seq={_checked_number(self.seq)}",
            f"offset={_checked_number(self.offset)}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyContext:
    """The private key of one case, sealed to the offline escrow recipient."""

    org: str
    case: str

    def arguments(self) -> tuple[str, ...]:
        """Name and arguments of the stanza. Raises ContextRefused."""
        return (f"{PREFIX}key", VERSION, f"org={checked_id(self.org)}", f"case={checked_id(self.case)}")


Context: TypeAlias = DocumentContext | SliceContext | KeyContext
