"""Real SMTP servers for tests: the sandbox's inbox, with and without TLS, and one that breaks off when told."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notifications.mail.client import Relay, Tls
from sandbox.mail.sink import Inbox, controller
from tests.services.processes import free_port


@contextmanager
def an_inbox(**more: Any) -> Iterator[tuple[Inbox, Relay]]:
    """Serve an inbox on loopback; yields it and the way to it, without TLS."""
    inbox, port = Inbox(), free_port()
    server = controller(inbox, "127.0.0.1", port, **more)
    server.start()
    try:
        yield inbox, Relay(host="127.0.0.1", port=port, tls=Tls.NONE, timeout=5)
    finally:
        server.stop()


def a_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return a self-signed certificate for `localhost` and the server's side of it."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


@contextmanager
def a_server_that(*answers: bytes) -> Iterator[Relay]:
    """Serve one connection with these answers, one for each line (the mail's bytes count as one), then close it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                connection.sendall(answer + b"\r\n")
                if answer.startswith(b"354"):
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                else:
                    lines.readline()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Relay(host="127.0.0.1", port=listener.getsockname()[1], tls=Tls.NONE, timeout=5)
    finally:
        listener.close()
        thread.join(5)
