"""Multipart forms read by a push parser, part by part, so that a file streams on and nothing is spooled.

Rules: parts come in the order sent, and a later part exists only once the earlier one was read; fields are short; the
number of parts, headers and bytes of headers is bounded (RFC 7578, RFC 2046). Whatever else comes raises
MalformedUpload.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from intake.errors import MalformedUpload

MOST_PARTS = 30
MOST_HEADERS = 8
FIELD_BYTES = 512
"""Most bytes of a field that is no file."""


class Part:
    """One part of a form. Read its data before asking the form for the next part."""

    def __init__(self, form: "MultipartForm", headers: dict[bytes, bytes]) -> None:
        kind, options = parse_options_header(headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise MalformedUpload("a part without a name")
        self._form = form
        self.name = options[b"name"].decode("utf-8", "replace")
        self.is_file = b"filename" in options
        self.untrusted_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.untrusted_type = headers.get(b"content-type", b"").decode("ascii", "replace")

    def chunks(self) -> Iterator[bytes]:
        """Yield the data as it arrives. Raises MalformedUpload when the form ends inside it; passes BodyCut on."""
        while (chunk := self._form.next_data()) is not None:
            yield chunk

    def text(self) -> str:
        """Return the whole value of a short field. Raises MalformedUpload."""
        value = b""
        for chunk in self.chunks():
            value += chunk
            if len(value) > FIELD_BYTES:
                raise MalformedUpload("a field is too long")
        return value.decode("utf-8", "replace")


class MultipartForm:
    """A form being read from `chunks`."""

    def __init__(self, untrusted_content_type: str, chunks: Iterable[bytes]) -> None:
        """Take the boundary from the content type. Raises MalformedUpload for any other type."""
        kind, options = parse_options_header(untrusted_content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise MalformedUpload("not multipart/form-data")
        self._source = iter(chunks)
        self._events: deque[tuple[str, bytes]] = deque()
        self._parts = 0
        self._field = b""
        self._value = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": lambda: self._events.append(("begin", b"")),
                    "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
                    "on_part_end": lambda: self._events.append(("end", b"")),
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": lambda: self._events.append(("headers", b"")),
                },
                max_header_count=MOST_HEADERS,
            )
        except FormParserError:
            raise MalformedUpload("boundary") from None

    def next_part(self) -> Part | None:
        """Return the next part, or None at the end of the form. Unread data of the part before is skipped."""
        while (event := self._next_event()) is not None and event[0] != "begin":
            pass
        if event is None:
            return None
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise MalformedUpload("too many parts")
        headers: dict[bytes, bytes] = {}
        while (event := self._next_event()) is not None and event[0] != "headers":
            name, _, value = event[1].partition(b"\n")
            headers[name.lower()] = value
        if event is None:
            raise MalformedUpload("the form ends inside a header")
        return Part(self, headers)

    def next_data(self) -> bytes | None:
        """Return the next data of the current part, None at its end. Raises MalformedUpload if the form ends first."""
        event = self._next_event()
        if event is None:
            raise MalformedUpload("the form ends inside a part")
        return event[1] if event[0] == "data" else None

    def _next_event(self) -> tuple[str, bytes] | None:
        while not self._events:
            chunk = next(self._source, None)
            if chunk is None:
                return None
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise MalformedUpload("not a form") from None
        return self._events.popleft()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._events.append(("header", self._field + b"\n" + self._value))
        self._field, self._value = b"", b""
