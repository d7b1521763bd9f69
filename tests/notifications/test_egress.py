"""The way out: what an organization may never make us speak to, each attack by its name."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from notifications.addresses import EgressRefused, NeverLeft, NoAnswer, destination, is_allowed
from notifications.egress import ANSWER_LIMIT, Egress
from storage.database import utcnow

NEVER = {
    "the unspecified address": ["0.0.0.0", "0.1.2.3", "::"],
    "link-local": ["169.254.1.1", "fe80::1", "febf::1"],
    "the metadata service of AWS, Google, Azure": ["169.254.169.254", "fd00:ec2::254", "fd20:ce::254"],
    "the agent of Azure": ["168.63.129.16"],
    "the metadata service of Alibaba": ["100.100.100.200"],
    "the metadata service of Oracle": ["192.0.0.192"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved and broadcast": ["240.0.0.1", "255.255.255.255"],
    "loopback as a mapped IPv4 address": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"],
    "loopback as a compatible IPv4 address": ["::127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::", "2002:808:808::"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "documentation and benchmarks": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1"],
    "site-local": ["fec0::1"],
    "discard-only": ["100::1"],
}
PRIVATE = {
    "loopback": ["127.0.0.1", "127.255.0.1", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.254"],
    "unique local": ["fc00::1", "fd12:3456::1"],
}
PUBLIC = ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("name", NEVER)
def test_never_reached_whatever_is_allowed(name: str) -> None:
    for address in NEVER[name]:
        assert not is_allowed(ip_address(address), private=False), address
        assert not is_allowed(ip_address(address), private=True), address


@pytest.mark.parametrize("name", PRIVATE)
def test_reached_only_where_private_addresses_are_allowed(name: str) -> None:
    for address in PRIVATE[name]:
        assert not is_allowed(ip_address(address), private=False), address
        assert is_allowed(ip_address(address), private=True), address


def test_public_addresses_are_reached() -> None:
    assert all(is_allowed(ip_address(address), private=False) for address in PUBLIC)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://crm.example/hook", "scheme"),
        ("ftp://crm.example/hook", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://crm.example:70/_", "scheme"),
        ("https://crm.example:22/", "port"),
        ("https://crm.example:6379/", "port"),
        ("https://crm.example:25/", "port"),
        ("https://crm.example:99999/", "url"),
        ("https://user:secret@crm.example/", "url"),
        ("https://crm.example\\@inside/", "url"),
        ("https://crm.example/a b", "url"),
        ("https://crm.example/\r\nhost: inside", "url"),
        ("https:///hook", "url"),
        ("https://[::1/hook", "url"),
        ("https://crm.example/" + "a" * 2000, "url"),
        ("https://crm.exámple/", "url"),
        ("", "scheme"),
    ],
)
def test_an_address_that_is_no_plain_https_address_is_refused(url: str, code: str) -> None:
    with pytest.raises(EgressRefused) as refused:
        destination(url, private=False)
    assert refused.value.code == code


def test_private_endpoints_may_be_plain_http_on_high_ports_but_not_on_those_of_other_services() -> None:
    assert destination("http://10.0.0.5:8080/hook?a=b", private=True).target == "/hook?a=b"
    for port in (22, 25, 445):
        with pytest.raises(EgressRefused):
            destination(f"http://10.0.0.5:{port}/", private=True)


class Handler(BaseHTTPRequestHandler):
    """Tells what it was asked."""

    asked: list[tuple[str, str]]
    body = b"hello"

    def do_POST(self) -> None:
        """Answer."""
        self.asked.append((self.headers["host"], self.path))
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def server(body: bytes = b"hello", tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A server on loopback: its port, and what it was asked."""
    handler = type("Bound", (Handler,), {"asked": [], "body": body})
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls is not None:
        made.socket = tls.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made.server_port, handler.asked
    finally:
        made.shutdown()
        made.server_close()
        thread.join(5)


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does with each connection what `talk` does."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def resolver(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """A name server that knows one host."""
    return lambda _host, _port: list(addresses)


def post(egress: Egress, url: str, **more: object) -> int:
    return egress.post(url, b"{}", {}, private=True, **more).status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:7f00:1]"]
)
def test_loopback_is_refused_however_it_is_spelled(host: str) -> None:
    with server() as (_port, asked), pytest.raises((EgressRefused, NeverLeft)):
        Egress(private_allowed=False).post(f"https://{host}:8443/", b"", {}, private=True)
    assert asked == []


def test_both_the_deployment_and_the_endpoint_must_allow_a_private_address() -> None:
    with server() as (port, asked):
        url = f"http://127.0.0.1:{port}/hook"
        for allowed, wanted in ((False, True), (True, False), (False, False)):
            with pytest.raises(EgressRefused):
                Egress(private_allowed=allowed).post(url, b"{}", {}, private=wanted)
        assert asked == []
        assert post(Egress(private_allowed=True), url) == 200


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    egress = Egress(private_allowed=False, resolve=resolver("8.8.8.8", "10.0.0.1"))
    with pytest.raises(EgressRefused) as refused:
        egress.post("https://crm.example/", b"", {})
    assert refused.value.code == "address"


def test_a_name_that_turns_to_an_inside_address_between_check_and_connection_gains_nothing() -> None:
    """DNS rebinding: the second answer would be the server inside. There is no second question."""
    answers = [["127.0.0.2"], ["127.0.0.1"]]  # nobody listens on the first
    with server() as (port, reached):
        egress = Egress(private_allowed=True, resolve=lambda *_: answers.pop(0))
        with pytest.raises(NeverLeft):
            post(egress, f"http://crm.example:{port}/")
    assert (answers, reached) == ([["127.0.0.1"]], [])


def test_the_connection_goes_to_the_address_that_was_checked_under_the_name_that_was_given() -> None:
    with server() as (port, asked):
        egress = Egress(private_allowed=True, resolve=resolver("127.0.0.1"))
        assert post(egress, f"http://crm.example:{port}/hook?x=1") == 200
    assert asked == [(f"crm.example:{port}", "/hook?x=1")]


def test_every_request_resolves_anew() -> None:
    addresses = [["127.0.0.1"], ["169.254.169.254"]]
    egress = Egress(private_allowed=True, resolve=lambda *_: addresses.pop(0))
    with server() as (port, asked):
        assert post(egress, f"http://crm.example:{port}/") == 200
        with pytest.raises(EgressRefused):
            post(egress, f"http://crm.example:{port}/")
    assert len(asked) == 1


def test_a_host_without_an_address_is_none() -> None:
    def fails(*_: object) -> Sequence[str]:
        raise socket.gaierror("no such name")

    for resolve in (fails, resolver()):
        with pytest.raises(NeverLeft) as nothing:
            Egress(private_allowed=True, resolve=resolve).post("https://crm.example/", b"", {})
        assert nothing.value.code == "dns"


def certificate(tmp_path: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for one name, and a client's that trusts its maker."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utcnow() - timedelta(days=1))
        .not_valid_after(utcnow() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    return serving, ssl.create_default_context(cafile=str(pem))


def test_tls_is_verified_against_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    serving, trust = certificate(tmp_path, "crm.example")
    with server(tls=serving) as (port, asked):
        egress = Egress(private_allowed=True, resolve=resolver("127.0.0.1"), trust=trust)
        assert post(egress, f"https://crm.example:{port}/") == 200
        with pytest.raises(NeverLeft) as refused:
            post(egress, f"https://another.example:{port}/")
        assert refused.value.code == "tls"
    assert len(asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "crm.example")
    with server(tls=serving) as (port, asked):
        egress = Egress(private_allowed=True, resolve=resolver("127.0.0.1"))
        with pytest.raises(NeverLeft) as refused:
            post(egress, f"https://crm.example:{port}/")
    assert (refused.value.code, asked) == ("tls", [])


def test_an_answer_without_end_is_read_up_to_the_limit() -> None:
    with server(b"x" * (ANSWER_LIMIT * 3)) as (port, _):
        answer = Egress(private_allowed=True).post(f"http://127.0.0.1:{port}/", b"", {}, private=True)
    assert (len(answer.body), answer.cut) == (ANSWER_LIMIT, True)


def test_a_peer_that_sends_a_byte_now_and_then_is_left_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 500:
            connection.send(bytes([byte]))
            time.sleep(0.05)

    with raw(drip) as port:
        began = time.monotonic()
        with pytest.raises(NoAnswer) as left:
            post(Egress(private_allowed=True, timeout_s=0.6), f"http://127.0.0.1:{port}/")
        assert left.value.code == "timeout"
        assert time.monotonic() - began < 10, "not the 25 seconds that it would go on"


def test_a_peer_that_drips_its_tls_handshake_is_left_too() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(1024)
        for byte in b"\x16\x03\x03\x20\x00" + b"\x02" * 500:
            connection.send(bytes([byte]))
            time.sleep(0.05)

    with raw(drip) as port:
        began = time.monotonic()
        with pytest.raises((NoAnswer, NeverLeft)):
            post(Egress(private_allowed=True, timeout_s=0.6), f"https://127.0.0.1:{port}/")
        assert time.monotonic() - began < 10


def test_what_may_have_arrived_is_told_apart_from_what_never_left() -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)

    with raw(hang_up) as port, pytest.raises(NoAnswer):
        post(Egress(private_allowed=True), f"http://127.0.0.1:{port}/")
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(NeverLeft) as nothing:
        post(Egress(private_allowed=True), f"http://127.0.0.1:{port}/")
    assert nothing.value.code == "connect"


def test_nonsense_is_no_answer() -> None:
    def nonsense(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

    with raw(nonsense) as port, pytest.raises(NoAnswer) as nothing:
        post(Egress(private_allowed=True), f"http://127.0.0.1:{port}/")
    assert nothing.value.code == "protocol"


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as (proxy, through), server() as (port, asked):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert post(Egress(private_allowed=True), f"http://127.0.0.1:{port}/") == 200
        with Egress(private_allowed=True).client(private=True, limit=1000) as client:
            assert client.post(f"http://127.0.0.1:{port}/", content=b"{}").status_code == 200
    assert (through, len(asked)) == ([], 2)


def test_a_client_of_httpx_goes_the_same_way() -> None:
    egress = Egress(private_allowed=True, resolve=resolver("127.0.0.1"))
    with server(b"x" * 500) as (port, asked), egress.client(private=True, limit=600) as client:
        answer = client.post(f"http://crm.example:{port}/a", json={"a": 1})
        assert (answer.status_code, len(answer.content), asked[0][0]) == (200, 500, f"crm.example:{port}")
        with pytest.raises(httpx.UnsupportedProtocol):
            client.post("http://crm.example:22/")
        with egress.client(private=True, limit=400) as narrow, pytest.raises(httpx.ReadError):
            narrow.post(f"http://crm.example:{port}/a")
        with egress.client(private=False, limit=400) as public, pytest.raises(httpx.UnsupportedProtocol):
            public.post("https://crm.example/a")
