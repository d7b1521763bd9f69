"""Photos that were sent together, judged one by one and then as the PDF that is made of them.

Rules: every photo passes the whole inspection by itself, as an image and nothing else; the PDF is made of what the
sandbox gives back and then passes the inspection like any other; one photo at a time is opened; the first one that is
refused refuses all, and the verdict names its page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from intake.declared import Sent
from intake.inspection.answers import Jpeg
from intake.inspection.chain import Inspector, Source
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.sheets import Sheet, Writer
from intake.inspection.verdicts import FINDINGS, Finding, Mime, Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo as it was sent: its bytes, the name it was declared with, and how far to turn it clockwise."""

    source: Source
    size: int
    declared_name: str
    turn: int


class AlbumRefused(Exception):
    """A photo of the album does not pass; the PDF is not made."""

    code = "album_refused"

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason.value)
        self.verdict = verdict


class Album:
    """The photos of one document and, once made, its PDF. Close it when done."""

    def __init__(self, photos: Sequence[Photo], *, inspector: Inspector, limits: Limits) -> None:
        """Remember the photos in the order of their pages; nothing is opened yet."""
        self._photos = photos
        self._inspector = inspector
        self._limits = limits
        self._pdf: Memory | None = None
        self.sent: list[Sent] = []
        """The photos that were judged."""
        self.size = 0
        """Bytes of the PDF, once it is made."""

    def judge(self) -> Verdict:
        """Judge every photo, make the PDF and judge it. Raises what `Inspector.inspect` raises."""
        try:
            self._make(judging=True)
        except AlbumRefused as refused:
            return refused.verdict
        return self._inspector.inspect(self.content, size=self.size, declared_name="photos.pdf", limits=self._limits)

    def assemble(self) -> None:
        """Make the PDF once more of photos that were judged before. Raises AlbumRefused, SandboxUnavailable."""
        self._make(judging=False)

    def content(self) -> Iterator[bytes]:
        """Yield the PDF; a new pass at every call."""
        return self._pdf.chunks() if self._pdf else iter(())

    def close(self) -> None:
        """Give the PDF's memory back."""
        if self._pdf is not None:
            self._pdf.close()
            self._pdf = None

    def _make(self, *, judging: bool) -> None:
        self._pdf = Memory.of(self._made(judging=judging))
        self.size = self._pdf.size

    def _made(self, *, judging: bool) -> Iterator[bytes]:
        writer = Writer(len(self._photos))
        yield from writer.begin()
        for number, photo in enumerate(self._photos, start=1):
            sha256 = self._judged(photo, number) if judging else None
            embedding = self._inspector.embedded(photo.source, size=photo.size, sha256=sha256, limits=self._limits)
            with embedding as jpeg:
                if jpeg is None:
                    raise AlbumRefused(_refusal(Reason.SCAN_LIMITS, number))
                if writer.position + jpeg.size > self._limits.pdf_bytes:
                    raise AlbumRefused(_refusal(Reason.TOO_LARGE, None))
                yield from writer.page(_sheet(jpeg, photo.turn))
        yield from writer.end()

    def _judged(self, photo: Photo, number: int) -> str:
        verdict = self._inspector.inspect(
            photo.source, size=photo.size, declared_name=photo.declared_name, limits=self._limits
        )
        misnamed_pdf = verdict.mime is Mime.PDF and verdict.reason is Reason.EXTENSION_MISMATCH
        if verdict.finding is not Finding.CLEAN and not misnamed_pdf:
            raise AlbumRefused(replace(verdict, page=number))
        if verdict.mime is None or verdict.mime is Mime.PDF:
            raise AlbumRefused(_refusal(Reason.UNKNOWN_TYPE, number))
        self.sent.append(Sent(untrusted_name=photo.declared_name, size=photo.size, sha256=verdict.sha256))
        return verdict.sha256


def _sheet(jpeg: Jpeg, turn: int) -> Sheet:
    return Sheet(
        size=jpeg.size,
        width=jpeg.width,
        height=jpeg.height,
        components=jpeg.components,
        orientation=jpeg.orientation,
        turn=turn,
        chunks=jpeg.chunks(),
    )


def _refusal(reason: Reason, page: int | None) -> Verdict:
    return Verdict(finding=FINDINGS[reason], reason=reason, sha256="", page=page)
