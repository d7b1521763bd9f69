"""The way out to addresses that an organization chose (webhooks, CRMs, SMS providers): the guard against SSRF.

Rules: a host is resolved anew for every request, every address of it must be allowed (notifications/addresses.py),
and the connection goes to the address that was checked, while TLS proves the name: a name that points elsewhere a
moment later gains nothing. No redirect is followed, no proxy of the environment is asked, no connection is kept, an
answer is read up to a limit, and the whole exchange ends at one deadline. Private addresses only where the deployment
and the endpoint both allow it.
"""

import socket
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpcore
import httpx

from notifications.addresses import (
    Destination,
    EgressError,
    EgressRefused,
    NeverLeft,
    NoAnswer,
    Resolver,
    allowed_addresses,
    destination,
)

TIMEOUT_S = 20.0
"""For everything: resolving, connecting, sending, and the whole answer."""
CONNECT_S = 5.0
ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer that are read."""
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
"""Headers that are written here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `body` is cut off at the limit, then `cut` is true. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: bool


def resolved(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver gives."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Egress:
    """Sends requests to addresses that others chose. One instance serves many threads."""

    def __init__(
        self,
        *,
        private_allowed: bool,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolver = resolved,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`private_allowed`: what the deployment says; an endpoint must ask for it besides."""
        self._private_allowed = private_allowed
        self._timeout = timeout_s
        self._resolve = resolve
        self._trust = trust if trust is not None else httpcore.default_ssl_context()

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, private: bool = False, limit: int = ANSWER_LIMIT
    ) -> Answer:
        """Send a POST; see `request`."""
        return self.request("POST", url, content=content, headers=headers, private=private, limit=limit)

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str],
        private: bool = False,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """Return the answer of any status. `private`: the endpoint may be at a private address.

        Raises EgressRefused, NeverLeft, NoAnswer.
        """
        private = private and self._private_allowed
        where = destination(url, private=private)
        with _Line(self._resolve, private=private, deadline=monotonic() + self._timeout) as line:
            return self._exchange(line, method, where, content, headers, limit)

    def client(self, *, private: bool, limit: int) -> httpx.Client:
        """Return a client of httpx that goes this way. A refused address is `httpx.UnsupportedProtocol` there."""
        transport = _Transport(self, private=private, limit=limit)
        return httpx.Client(transport=transport, trust_env=False, follow_redirects=False)

    def _exchange(
        self, line: "_Line", method: str, where: Destination, content: bytes, headers: Mapping[str, str], limit: int
    ) -> Answer:
        seconds = min(CONNECT_S, self._timeout)
        times = {"connect": seconds, "read": self._timeout, "write": self._timeout, "pool": seconds}
        sent = [(b"host", _host_header(where))]
        sent += [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        if content or method in {"POST", "PUT", "PATCH"}:
            sent.append((b"content-length", str(len(content)).encode()))
        url = httpcore.URL(scheme=where.scheme, host=where.host, port=where.port, target=where.target)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._trust, network_backend=line, http2=False) as pool,
                pool.stream(method, url, headers=sent, content=content, extensions={"timeout": times}) as response,
            ):
                body, cut = _read(response.iter_stream(), limit)
                names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return Answer(status=response.status, headers=names, body=body, cut=cut)
        except EgressError:
            raise
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.LocalProtocolError) as error:
            raise NeverLeft(_why(error)) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise NoAnswer("timeout" if line.is_over() else _why(error)) from None


class _Transport(httpx.BaseTransport):
    """The same way out for code that speaks httpx."""

    def __init__(self, egress: Egress, *, private: bool, limit: int) -> None:
        self._egress, self._private, self._limit = egress, private, limit

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer, read whole up to the limit. Raises httpx.RequestError."""
        given = {name: value for name, value in request.headers.items() if name not in _OURS}
        try:
            answer = self._egress.request(
                request.method,
                str(request.url),
                content=request.read(),
                headers=given,
                private=self._private,
                limit=self._limit,
            )
        except EgressRefused as error:
            raise httpx.UnsupportedProtocol(error.code, request=request) from None
        except NeverLeft as error:
            kind = httpx.ConnectTimeout if error.code == "timeout" else httpx.ConnectError
            raise kind(error.code, request=request) from None
        except NoAnswer as error:
            broken = httpx.ReadTimeout if error.code == "timeout" else httpx.ReadError
            raise broken(error.code, request=request) from None
        if answer.cut:
            raise httpx.ReadError("too_long", request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)


class _Line(httpcore.NetworkBackend):
    """Connects to one of the checked addresses of a host, and hangs up at the deadline whatever is going on."""

    def __init__(self, resolve: Resolver, *, private: bool, deadline: float) -> None:
        self._resolve = resolve
        self._private = private
        self._deadline = deadline
        self._timer: threading.Timer | None = None
        self._handle: socket.socket | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._handle is not None:
            self._handle.close()

    def is_over(self) -> bool:
        return monotonic() >= self._deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check, connect: there is no moment in between in which the name could be asked again."""
        last: Exception | None = None
        for address in allowed_addresses(host, port, self._resolve, private=self._private):
            if self.is_over():
                raise NeverLeft("timeout")
            try:
                stream = httpcore.SyncBackend().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
                continue
            self._hang_up_in_time(stream.get_extra_info("socket"))
            return stream
        raise last if last is not None else NeverLeft("dns")

    def _hang_up_in_time(self, connected: socket.socket) -> None:
        """Per-step limits start anew with every byte; a peer that sends one now and then could hold on for ever."""
        handle = connected.dup()  # TLS takes the socket itself over
        self._handle = handle
        self._timer = threading.Timer(max(0.0, self._deadline - monotonic()), _shut, (handle,))
        self._timer.daemon = True
        self._timer.start()


def _shut(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already


def _host_header(where: Destination) -> bytes:
    host = f"[{where.host}]" if ":" in where.host else where.host
    usual = {"https": 443, "http": 80}[where.scheme] == where.port
    return (host if usual else f"{host}:{where.port}").encode("ascii")


def _read(chunks: Iterable[bytes], limit: int) -> tuple[bytes, bool]:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > limit:
            return bytes(read[:limit]), True
    return bytes(read), False


def _why(error: Exception) -> str:
    """Return a short code for what went wrong, never the message: it may quote the address."""
    match error:
        case httpcore.TimeoutException():
            return "timeout"
        case httpcore.ProtocolError():
            return "protocol"
        case _ if isinstance(error.__cause__, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
            return "tls"
        case httpcore.ConnectError():
            return "connect"
        case _:
            return "cut"
