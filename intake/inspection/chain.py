"""The inspection of one file from end to end: size, type, ending, structure, decoding, viruses.

Rules: the only way to `CLEAN` is that every step said so; a scanner or a sandbox that gave no answer raises, so that
the caller tries again; a found virus outranks every other reason; the bytes that were judged are the bytes that were
hashed; the signatures that a verdict names are those that judged: young enough, and the same before and after.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from intake.inspection.answers import Examination, Jpeg
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.names import suffix_of
from intake.inspection.previews import PagePreview, encoded
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome, Scanner, ScannerVersion, ScanResult, SignatureRule
from intake.inspection.verdicts import FINDINGS, HashDisagreement, Mime, Reason, SignaturesChanged, Verdict
from storage.database import utcnow

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
Source = Callable[[], Iterable[bytes]]
"""Gives the document's bytes from the beginning, each time it is called."""


class Inspector:
    """A scanner and a sandbox that judge documents together. Safe for several threads."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        sandbox: Sandbox,
        signatures: SignatureRule | None = None,
        parallel: int = 16,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        """Scan at most `parallel` documents at a time, with signatures that the rule allows."""
        self._scanner = scanner
        self._rule = signatures or SignatureRule()
        self._clock = clock
        self._sandbox = sandbox
        self._scans = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="scan")

    def close(self) -> None:
        """Wait for running scans. The sandbox belongs to whoever made it."""
        self._scans.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def inspect(self, source: Source, *, size: int, declared_name: str, limits: Limits | None = None) -> Verdict:
        """Judge the `size` bytes of `source`.

        Raises ScannerUnavailable (old or changing signatures too) or SandboxUnavailable when no verdict was reached,
        HashDisagreement when the source does not give exactly `size` bytes. The declared name is untrusted; only its
        extension is looked at.
        """
        limits = limits or Limits()
        if size == 0:
            return _verdict(Reason.EMPTY_FILE, EMPTY_SHA256)
        if size > max(limits.image_bytes, limits.pdf_bytes):
            return _verdict(Reason.TOO_LARGE, "")
        with Memory.of(source(), size) as document:
            return self._inspect(document, suffix_of(declared_name), limits)

    def render_previews(
        self, source: Source, *, size: int, mime: Mime, sha256: str, limits: Limits | None = None
    ) -> Iterator[PagePreview]:
        """Draw the pages of a document that was judged clean, as WebP without metadata.

        Raises HashDisagreement when the source is not what the verdict was about, PreviewFailed, SandboxUnavailable.
        """
        with Memory.of(source(), size) as document:
            if document.sha256 != sha256:
                raise HashDisagreement("not the bytes that were judged")
            for page in self._sandbox.pages(document, mime, limits or Limits()):
                yield encoded(page)

    def version(self) -> ScannerVersion:
        """Return engine and signatures that may judge now. Raises ScannerUnavailable, SignaturesStale."""
        return self._rule.check(self._scanner.version(), self._clock())

    @contextmanager
    def embedded(self, source: Source, *, size: int, sha256: str | None, limits: Limits) -> Iterator[Jpeg | None]:
        """Make a photo fit for a page of a PDF; None when that breaks the limits.

        With `sha256`, raises HashDisagreement on other bytes. Raises SandboxUnavailable.
        """
        with Memory.of(source(), size) as photo:
            if sha256 is not None and photo.sha256 != sha256:
                raise HashDisagreement("not the bytes that were judged")
            with self._sandbox.embedded(photo, limits) as jpeg:
                yield jpeg

    def sandbox_works(self) -> bool:
        """Whether the sandbox judges a picture of our own: then a lost one is the document's doing."""
        return self._sandbox.works()

    def _inspect(self, document: Memory, suffix: str, limits: Limits) -> Verdict:
        version = self.version()
        scanning = self._scans.submit(self._scanner.scan_file, document)
        try:
            with self._sandbox.examined(document, suffix, limits) as examination:
                whole = scanning.result()
                parts = [
                    (part.is_decrypted_copy, self._scanner.scan(examination.chunks(part), part.size))
                    for part in examination.parts
                ]
                if self._scanner.version() != version:
                    raise SignaturesChanged("reloaded during the scan")
                return _judgement(document, examination, version, whole, parts)
        finally:
            _settle(scanning)


def _settle(scanning: Future[ScanResult]) -> None:
    """The document's memory may only go when the scan has let go of it."""
    if not scanning.cancel():
        scanning.exception()


def _judgement(
    document: Memory,
    examination: Examination,
    version: ScannerVersion,
    whole: ScanResult,
    parts: list[tuple[bool, ScanResult]],
) -> Verdict:
    results = [whole, *(result for _, result in parts)]
    plain_copy_is_clean = any(is_copy and result.outcome is Outcome.CLEAN for is_copy, result in parts)
    if whole.outcome is Outcome.ENCRYPTED and plain_copy_is_clean:
        results.remove(whole)  # clamd could not look through the empty password; it has looked through the plain copy
    infected = next((result for result in results if result.outcome is Outcome.INFECTED), None)
    unexamined = next((result for result in results if result.outcome is not Outcome.CLEAN), None)
    if infected is not None:
        reason = Reason.VIRUS_FOUND
    elif examination.reason is not Reason.EXAMINED:
        reason = examination.reason
    elif unexamined is not None:
        reason = Reason.ENCRYPTED_CONTENT if unexamined.outcome is Outcome.ENCRYPTED else Reason.SCAN_LIMITS
    else:
        reason = Reason.EXAMINED
    named = infected or unexamined
    return _verdict(
        reason,
        document.sha256,
        examination=examination,
        threat=named.threat if named else None,
        version=version,
    )


def _verdict(
    reason: Reason,
    sha256: str,
    *,
    examination: Examination | None = None,
    threat: str | None = None,
    version: ScannerVersion | None = None,
) -> Verdict:
    return Verdict(
        finding=FINDINGS[reason],
        reason=reason,
        sha256=sha256,
        mime=examination.mime if examination else None,
        pages=examination.pages if examination else 0,
        width=examination.width if examination else 0,
        height=examination.height if examination else 0,
        remarks=examination.remarks if examination else (),
        threat=threat,
        engine=version.engine if version else None,
        signatures=version.signatures if version else None,
    )
