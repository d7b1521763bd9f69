"""Every object of a PDF, looked at one by one: what acts when a person opens the file, and which files lie inside it.

Rules: all objects count, whether a page, a form, an outline or nothing leads to them, and whether they stand in the
open or in an object stream; an action hidden in a chain (`/Next`), a field, an annotation or a name tree is an object
like any other. Runs inside the sandbox only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.refusals import Refused
from intake.inspection.verdicts import Reason

ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/RichMediaExecute",
        "/Movie",
        "/Sound",
        "/GoTo3DView",
    }
)
"""Action types (ISO 32000-2, table 201) that run, send or reach outside the document.

/URI is a link that a person must tap: it acts only when it leads somewhere else than to a page, an address or a phone,
or when the document follows it by itself.
"""

BY_ITSELF = frozenset({"/OpenAction", "/AA"})
"""What the document does when it is opened, shown, printed or passed over, without a tap."""

KEYS = frozenset(
    {"/JS", "/JavaScript", "/XFA", "/RichMediaContent", "/RichMediaSettings", "/3DD", "/OnInstantiate", "/Ref"}
)
"""Scripts, XFA forms, media, and form XObjects that stand for a page of another file."""

ANNOTATIONS = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"})
LINKS = frozenset({"http", "https", "mailto", "tel"})
MAX_DEPTH = 64
MOST_ACTIONS = 200
"""Of what one object does by itself."""

_TELLING = KEYS | BY_ITSELF | {"/S", "/Subtype", "/Type", "/F", "/FFilter", "/EF", "/URI", "/Base"}
_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?=:)")


@dataclass(slots=True)
class Contents:
    """What was seen so far. `embedded` holds the files inside by object number, so that each counts once."""

    acts: bool = False
    embedded: dict[tuple[int, int], pikepdf.Object] = field(default_factory=dict)


def look_through(pdf: pikepdf.Pdf, limits: Limits, contents: Contents) -> None:
    """Look at every object. Raises Refused for more or deeper ones than the limits; `contents` keeps what was seen."""
    objects = pdf.objects
    if len(objects) > limits.pdf_objects:
        raise Refused(Reason.SCAN_LIMITS)
    pending: list[tuple[pikepdf.Object, int]] = []
    too_deep = False
    for root in (pdf.trailer, *objects):
        pending.append((root, 0))
        while pending:
            item, depth = pending.pop()
            if depth > MAX_DEPTH:
                too_deep = True
                continue
            if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
                _note(item, contents)
                children: Iterator[pikepdf.Object] = (value for _, value in item.items())
            elif isinstance(item, pikepdf.Array):
                children = iter(item)
            else:
                continue
            pending.extend((child, depth + 1) for child in children if _is_direct_container(child))
    if too_deep:  # told at the end, so that no attachment behind it is missed
        raise Refused(Reason.SCAN_LIMITS)


def _is_direct_container(item: object) -> bool:
    """Indirect objects are visited on their own, so that loops between them cost nothing."""
    return isinstance(item, pikepdf.Dictionary | pikepdf.Array) and not item.is_indirect


def _note(item: pikepdf.Object, contents: Contents) -> None:
    keys = _TELLING.intersection(item.keys())
    if not keys:
        return
    contents.acts = contents.acts or _acts(item, keys)
    if "/EF" in keys or "/Type" in keys:
        contents.embedded.update((file.objgen, file) for file in _embedded_files(item))


def _acts(item: pikepdf.Object, keys: frozenset[str]) -> bool:
    kind, annotation = str(item.get("/S")), str(item.get("/Subtype"))
    return (
        bool(keys & KEYS)
        or kind in ACTIONS
        or (kind == "/Thread" and "/F" in keys)  # a thread of another file
        or annotation in ANNOTATIONS
        or any(_leads_astray(item.get(key)) for key in ("/URI", "/Base") if key in keys)
        or (bool(keys & BY_ITSELF) and _follows_a_link(item, keys))
        or (isinstance(item, pikepdf.Stream) and ("/F" in keys or "/FFilter" in keys))  # its bytes are in another file
    )


def _follows_a_link(item: pikepdf.Object, keys: frozenset[str]) -> bool:
    """True when a link to outside is among what the item does by itself, or among what follows that (`/Next`)."""
    pending, seen = [item.get("/OpenAction")] if "/OpenAction" in keys else [], 0
    triggers = item.get("/AA") if "/AA" in keys else None
    if isinstance(triggers, pikepdf.Dictionary):
        pending.extend(action for _, action in triggers.items())
    while pending:
        action, seen = pending.pop(), seen + 1
        if not isinstance(action, pikepdf.Dictionary):
            continue  # an array is a place in the document
        if str(action.get("/S")) == "/URI" or seen > MOST_ACTIONS:
            return True
        following = action.get("/Next")
        pending.extend(following if isinstance(following, pikepdf.Array) else [following])
    return False


def _leads_astray(link: pikepdf.Object | None) -> bool:
    """True for `file:`, `javascript:`, `\\\\server\\share` and whatever else is not a page, an address or a phone."""
    if not isinstance(link, pikepdf.String):
        return False
    text = "".join(str(link).split()).lower()
    scheme = _SCHEME.match(text)
    return text.startswith(("\\\\", "//")) or (scheme is not None and scheme.group() not in LINKS)


def _embedded_files(item: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Streams that say so themselves (/Type is optional) and whatever a file specification's /EF points at."""
    if isinstance(item, pikepdf.Stream) and str(item.get("/Type", "")) == "/EmbeddedFile":
        yield item
    files = item.get("/EF")
    if isinstance(files, pikepdf.Dictionary):
        yield from (file for _, file in files.items() if isinstance(file, pikepdf.Stream))
