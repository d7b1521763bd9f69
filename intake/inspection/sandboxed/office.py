"""Office documents (DOCX, XLSX) that only show: no macros, nothing embedded, nothing fetched from elsewhere.

Rules: the ZIP is proved first (`zips`); every member has a declared content type and a kind that is on the list; every
relationship is on the list and stays inside, but for links that a person must tap; XML has no DTD and so no entities;
fields and formulas that start or fetch something are refused; every member is handed out to be scanned by itself.
Runs inside the sandbox only. Format: ECMA-376 parts 1 and 2.
"""

import re
from dataclasses import dataclass, field
from mmap import mmap

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.refusals import Refused
from intake.inspection.sandboxed.xml_parts import Element, elements, instructions, prove
from intake.inspection.sandboxed.zips import content_of, members_of
from intake.inspection.verdicts import Mime, Reason

TYPES = "[Content_Types].xml"
ROOT = "_rels/.rels"
MAIN = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": Mime.DOCX,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": Mime.XLSX,
}
SUFFIXES = {Mime.DOCX: "docx", Mime.XLSX: "xlsx"}

XML = frozenset({"xml", "rels", "vml", "svg"})
PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "emf", "wmf", "wdp"})
FONTS = frozenset({"odttf", "ttf", "fntdata"})
PRINTERS = "xl/printersettings/"
"""The one place where a plain binary may stand: the settings of a printer."""

_SHOWN = """
officeDocument core-properties extended-properties custom-properties thumbnail styles stylesWithEffects settings
webSettings fontTable font theme themeOverride numbering footnotes endnotes comments commentsExtended commentsIds
commentsExtensible people person threadedComment header footer image hyperlink glossaryDocument customXml
customXmlProps worksheet chartsheet sharedStrings calcChain drawing vmlDrawing chart chartEx chartUserShapes
chartStyle chartColorStyle table pivotTable pivotCacheDefinition pivotCacheRecords printerSettings metadata
sheetMetadata diagramData diagramLayout diagramQuickStyle diagramColors diagramDrawing documentTasks
classificationlabels
"""
RELATIONS = frozenset(_SHOWN.split())
"""Last words of the relationship types that only show. Macros, controls, packages, OLE, templates, sub-documents,
frames, external links, connections and whatever comes up in future are not among them."""

LINKS = ("http://", "https://", "mailto:", "tel:", "#")
TELLTALES = ("macro", "vba", "oleobject", "activex", "webextension")
"""In content types, lower case."""

_PROGRAM = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-|MZ|\x7fELF|Rar!|7z\xbc\xaf|\x1f\x8b|\xca\xfe\xba\xbe|#!/|\xd0\xcf\x11\xe0"
)
_FIELD = re.compile(r"\s*\\?(DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|LINK|IMPORT|DATABASE|MACROBUTTON|RD|EMBED)\b", re.I)
_FORMULA = re.compile(r"\||\b(CALL|REGISTER|REGISTER\.ID|EXEC|RTD|WEBSERVICE|IMAGE)\s*\(", re.I)
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(slots=True, kw_only=True)
class OfficeFacts:
    """What was found. `parts` are the unpacked members, for the scanner."""

    reason: Reason
    mime: Mime | None = None
    parts: list[bytes] = field(default_factory=list)


def is_office(data: mmap) -> bool:
    """True when a ZIP says that it is an office document: its directory names the list of content types."""
    return data.rfind(b"PK\x01\x02") >= 0 and data.rfind(TYPES.encode()) > 0


def examine(data: mmap, suffix: str, limits: Limits) -> OfficeFacts:
    """Prove the structure, unpack and check every member. Never raises for what a file contains."""
    facts = OfficeFacts(reason=Reason.OFFICE_DAMAGED)
    try:
        _examine(data, suffix, limits, facts)
    except Refused as refusal:
        facts.reason = refusal.reason
    except (MemoryError, RecursionError):
        facts.reason = Reason.SCAN_LIMITS
    return facts


def _examine(data: mmap, suffix: str, limits: Limits, facts: OfficeFacts) -> None:
    contents: dict[str, bytes] = {}
    for member in members_of(data, limits):
        contents[member.name] = content_of(data, member)
        if member.size:
            facts.parts.append(contents[member.name])
    files = {name: content for name, content in contents.items() if not name.endswith("/")}
    if TYPES not in files or ROOT not in files:
        raise Refused(Reason.OFFICE_DAMAGED)
    declared = _content_types(elements(files[TYPES]), files)
    facts.mime = _main_type(elements(files[ROOT]), declared)
    for name, content in files.items():
        _check_member(name, content)
    facts.reason = Reason.EXAMINED if suffix in ("", SUFFIXES[facts.mime]) else Reason.EXTENSION_MISMATCH


def _content_types(found: list[Element], files: dict[str, bytes]) -> dict[str, str]:
    """Return the type of every member; one without a type, or a type without its member, is refused."""
    defaults, parts = {}, {}
    for element in found:
        kind = element.get("ContentType", "")
        if any(telltale in kind.lower() for telltale in TELLTALES):
            raise Refused(Reason.OFFICE_ACTIVE)
        if element.name == "Default":
            defaults[element.get("Extension", "").lower()] = kind
        elif element.name == "Override":
            parts[element.get("PartName", "").removeprefix("/").lower()] = kind
    names = {name.lower() for name in files} - {TYPES.lower()}
    if set(parts) - names:
        raise Refused(Reason.OFFICE_DAMAGED)
    declared = {name: parts.get(name) or defaults.get(_extension(name), "") for name in names}
    if not all(declared.values()):
        raise Refused(Reason.OFFICE_ACTIVE)
    return declared


def _main_type(found: list[Element], declared: dict[str, str]) -> Mime:
    targets = [one.get("Target", "") for one in found if one.get("Type", "").endswith("/officeDocument")]
    if len(targets) != 1 or targets[0].removeprefix("/").lower() not in declared:
        raise Refused(Reason.OFFICE_DAMAGED)
    mime = MAIN.get(declared[targets[0].removeprefix("/").lower()])
    if mime is None:
        raise Refused(Reason.OFFICE_DOCUMENT)
    return mime


def _check_member(name: str, content: bytes) -> None:
    extension = _extension(name)
    if extension in XML:
        _check_xml(name, content, extension)
        return
    is_printer = extension == "bin" and name.lower().startswith(PRINTERS)
    if (extension not in PICTURES | FONTS and not is_printer) or _PROGRAM.match(content):
        raise Refused(Reason.OFFICE_ACTIVE)


def _check_xml(name: str, content: bytes, extension: str) -> None:
    if extension == "rels":
        for relation in elements(content):
            _check_relation(relation)
    elif name.startswith(("word/", "xl/")):
        fields, formulas = instructions(content)
        if any(_FIELD.match(one) for one in fields) or any(_FORMULA.search(_QUOTED.sub("", one)) for one in formulas):
            raise Refused(Reason.OFFICE_ACTIVE)
    else:
        prove(content)


def _check_relation(relation: Element) -> None:
    if relation.name != "Relationship":
        return
    kind = relation.get("Type", "").rsplit("/", 1)[-1]
    target = relation.get("Target", "")
    outside = relation.get("TargetMode", "Internal") != "Internal" or ":" in target or target.startswith(("//", "\\\\"))
    is_link = kind == "hyperlink" and target.strip().lower().startswith(LINKS)
    if kind not in RELATIONS or (outside and not is_link):
        raise Refused(Reason.OFFICE_ACTIVE)


def _extension(name: str) -> str:
    return name.rsplit("/", 1)[-1].rpartition(".")[2].lower()
