"""XML of an office document, read without a DTD: no entity is ever declared, so none is expanded or fetched.

Runs inside the sandbox only. expat refuses what is not well formed; its answer to a DTD is ours.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from xml.parsers import expat

from intake.inspection.sandboxed.refusals import Refused
from intake.inspection.verdicts import Reason

MOST_ELEMENTS = 20_000
"""Of a list of relationships or content types."""


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag: its name without namespace, and its attributes."""

    name: str
    attributes: dict[str, str]

    def get(self, key: str, otherwise: str) -> str:
        """Return an attribute."""
        return self.attributes.get(key, otherwise)


class _Parser(Protocol):
    StartElementHandler: Any
    EndElementHandler: Any
    CharacterDataHandler: Any

    def Parse(self, content: bytes, final: bool) -> int: ...


def prove(content: bytes) -> None:
    """Return when the XML is well formed and has no DTD. Raises Refused otherwise."""
    _parse(_parser(), content)


def elements(content: bytes) -> list[Element]:
    """Return all start tags. Raises Refused."""
    found: list[Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(found) == MOST_ELEMENTS:
            raise Refused(Reason.SCAN_LIMITS)
        found.append(Element(_local(name), {_local(key): value for key, value in attributes.items()}))

    parser = _parser()
    parser.StartElementHandler = start
    _parse(parser, content)
    return found


def instructions(content: bytes) -> tuple[list[str], list[str]]:
    """Return the field codes of a text and the formulas of a sheet. A code that is cut into runs is joined again."""
    fields: list[str] = []
    formulas: list[str] = []
    code: list[str] = []
    into: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        match _local(name):
            case "instrText" | "delInstrText":
                into.append(code)
            case "f" | "formula" | "formula1" | "formula2" | "definedName":
                into.append([])
            case "fldSimple":
                fields.extend(value for key, value in attributes.items() if _local(key) == "instr")
            case "fldChar":
                _flush(code, fields)

    def end(name: str) -> None:
        match _local(name):
            case "instrText" | "delInstrText" if into:
                into.pop()
            case "f" | "formula" | "formula1" | "formula2" | "definedName" if into:
                formulas.append("".join(into.pop()))

    def text(data: str) -> None:
        if into:
            into[-1].append(data)

    parser = _parser()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    _parse(parser, content)
    _flush(code, fields)
    return fields, formulas


def _flush(code: list[str], fields: list[str]) -> None:
    if code:
        fields.append("".join(code))
        code.clear()


def _parser() -> _Parser:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.EntityDeclHandler = _refuse_dtd
    parser.ExternalEntityRefHandler = _refuse_dtd
    parser.buffer_text = True
    return parser


def _parse(parser: _Parser, content: bytes) -> None:
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Refused(Reason.OFFICE_DAMAGED) from error


def _refuse_dtd(*_: object) -> int:
    raise Refused(Reason.OFFICE_ACTIVE)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
