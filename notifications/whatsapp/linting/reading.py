"""Reads the JSON body of a template, of untrusted shape, into the parts that the rules look at. Never raises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from notifications.whatsapp.linting.complaints import Code, Complaint

PARTS = ("HEADER", "BODY", "FOOTER", "BUTTONS")
MEDIA_HEADERS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text with variables. `samples` by the variable's number or name; None where the shape was not readable."""

    place: str
    text: str
    samples: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button."""

    place: str
    kind: str
    label: str
    url: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A template as far as it could be read. Missing texts are None."""

    name: str = ""
    language: str = ""
    category: str = ""
    format: str = "POSITIONAL"
    ttl: object = None
    header: Words | None = None
    body: Words | None = None
    footer: Words | None = None
    buttons: tuple[Button, ...] = ()
    complaints: tuple[Complaint, ...] = field(default=())
    """What is wrong with its shape."""

    @property
    def named(self) -> bool:
        """Whether its variables have names instead of numbers."""
        return self.format == "NAMED"

    @property
    def texts(self) -> tuple[Words, ...]:
        """Header, body and footer, where they have words."""
        return tuple(part for part in (self.header, self.body, self.footer) if part is not None)


def read(untrusted: object) -> Submission:
    """Return what can be read of a template."""
    if not isinstance(untrusted, dict):
        return Submission(complaints=(Complaint(code=Code.SHAPE, place=""),))
    wrong: list[Complaint] = []
    parts = dict(_parts(untrusted.get("components"), wrong))
    named = str(untrusted.get("parameter_format", "POSITIONAL")).upper()
    return Submission(
        name=_text(untrusted.get("name")),
        language=_text(untrusted.get("language")),
        category=_text(untrusted.get("category")),
        format=named,
        ttl=untrusted.get("message_send_ttl_seconds"),
        header=_header(parts.get("HEADER"), named == "NAMED", wrong),
        body=_words("body", parts.get("BODY"), "body_text", named == "NAMED"),
        footer=_words("footer", parts.get("FOOTER"), "", named=False),
        buttons=tuple(_buttons(parts.get("BUTTONS"), wrong)),
        complaints=tuple(wrong),
    )


def _parts(untrusted: object, wrong: list[Complaint]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    seen = set()
    if not isinstance(untrusted, list):
        wrong.append(Complaint(code=Code.SHAPE, place="components"))
        return
    for number, part in enumerate(untrusted):
        kind = str(part.get("type", "")).upper() if isinstance(part, dict) else ""
        if kind not in PARTS:
            wrong.append(Complaint(code=Code.PART_UNKNOWN, place=f"components[{number}]"))
        elif kind in seen:
            wrong.append(Complaint(code=Code.PART_TWICE, place=kind.lower()))
        else:
            seen.add(kind)
            yield kind, part


def _header(part: Mapping[str, Any] | None, named: bool, wrong: list[Complaint]) -> Words | None:
    if part is None:
        return None
    kind = str(part.get("format", "")).upper()
    if kind in MEDIA_HEADERS:
        return None
    if kind != "TEXT":
        wrong.append(Complaint(code=Code.PART_UNKNOWN, place="header"))
    return _words("header", part, "header_text", named)


def _words(place: str, part: Mapping[str, Any] | None, example: str, named: bool) -> Words | None:
    if part is None or not isinstance(part.get("text"), str):
        return None
    given = part.get("example")
    examples: Mapping[str, Any] = given if isinstance(given, dict) else {}
    samples = _named(examples.get(f"{example}_named_params")) if named else _numbered(examples.get(example))
    return Words(place=place, text=str(part["text"]), samples=samples)


def _numbered(untrusted: object) -> Mapping[str, str] | None:
    """Read `["a"]` of a header or `[["a", "b"]]` of a body."""
    if untrusted is None:
        return {}
    if isinstance(untrusted, list) and len(untrusted) == 1 and isinstance(untrusted[0], list):
        untrusted = untrusted[0]
    if not isinstance(untrusted, list) or not all(isinstance(each, str) for each in untrusted):
        return None
    return {str(number): each for number, each in enumerate(untrusted, start=1)}


def _named(untrusted: object) -> Mapping[str, str] | None:
    """Read `[{"param_name": "name", "example": "Ana"}]`."""
    if untrusted is None:
        return {}
    samples: dict[str, str] = {}
    for each in untrusted if isinstance(untrusted, list) else [None]:
        match each:
            case {"param_name": str(name), "example": str(sample)} if name not in samples:
                samples[name] = sample
            case _:
                return None
    return samples


def _buttons(part: Mapping[str, Any] | None, wrong: list[Complaint]) -> Iterator[Button]:
    rows = part.get("buttons") if part is not None else []
    if not isinstance(rows, list) or (part is not None and not rows):
        wrong.append(Complaint(code=Code.SHAPE, place="buttons"))
        return
    for number, row in enumerate(rows):
        place = f"buttons[{number}]"
        if not isinstance(row, dict):
            wrong.append(Complaint(code=Code.SHAPE, place=place))
            continue
        given = row.get("example")
        samples = tuple(each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str))
        kind = str(row.get("type", "")).upper()
        yield Button(place=place, kind=kind, label=_text(row.get("text")), url=_text(row.get("url")), samples=samples)


def _text(untrusted: object) -> str:
    return untrusted if isinstance(untrusted, str) else ""
