"""What of a document is judged, filed and drawn: the file as it was sent, or the PDF that its photos become."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from intake.declared import Sent
from intake.filing import Declared, SealedSlices
from intake.inspection.albums import Album, Photo
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.verdicts import Verdict
from portal.worker.materials import Work

ALBUM = Declared(untrusted_name="documento.pdf", untrusted_type="application/pdf")
"""Name of the PDF made of photos, as a file that was sent would have one."""


class Matter(Protocol):
    """One document's content. `size` in bytes; `sent` is what it was made of, where it is not what was sent."""

    @property
    def size(self) -> int: ...
    @property
    def sent(self) -> Sequence[Sent]: ...
    @property
    def declared(self) -> Declared: ...

    def judge(self) -> Verdict:
        """Inspect it. Raises what `Inspector.inspect` raises, and SlicesInconsistent."""

    def prepare(self) -> None:
        """Make ready what was judged before, to be read again."""

    def content(self) -> Iterator[bytes]:
        """Yield its bytes, once judged or prepared; a new pass at every call."""


class SentFile:
    """A file as it was sent."""

    sent: Sequence[Sent] = ()

    def __init__(self, slices: SealedSlices, *, inspector: Inspector, limits: Limits) -> None:
        """Open slice 0. Raises SlicesInconsistent."""
        self.size = slices.size
        self.declared = slices.declared()
        self.content = slices.content
        self._inspector = inspector
        self._limits = limits

    def judge(self) -> Verdict:
        """Inspect it."""
        return self._inspector.inspect(
            self.content, size=self.size, declared_name=self.declared.untrusted_name, limits=self._limits
        )

    def prepare(self) -> None:
        """There is nothing to make."""


class Photos(Album):
    """Photos that become one PDF."""

    declared = ALBUM

    def prepare(self) -> None:
        """Make the PDF again."""
        self.assemble()


@contextmanager
def matter_of(work: Work, inspector: Inspector) -> Iterator[Matter]:
    """Yield what is to be judged of a document. Raises SlicesInconsistent."""
    if not work.pages:
        yield SentFile(work.slices, inspector=inspector, limits=work.limits)
        return
    photos = Photos(
        [
            Photo(source=slices.content, size=slices.size, declared_name=slices.declared().untrusted_name, turn=turn)
            for slices, turn in work.pages
        ],
        inspector=inspector,
        limits=work.limits,
    )
    try:
        yield photos
    finally:
        photos.close()
