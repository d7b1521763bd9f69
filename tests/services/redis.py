"""A real Redis server for one test, started and stopped by process id."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.services.processes import Server, free_port, required, server_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """A running server; it keeps nothing on disk and asks for a password."""

    server: Server
    port: int
    password: str

    @property
    def url(self) -> str:
        """Its address without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it (again), empty."""
        self.server.start(self._answers)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                found = b""
                while b"+PONG" not in found and (piece := connection.recv(100)):
                    found += piece
                return b"+PONG" in found
        except OSError:
            return False


@contextmanager
def running_redis() -> Iterator[Redis]:
    """Start Redis on loopback."""
    program, port, password = required("redis-server"), free_port(), "secret-of-a-test"
    with server_directory("redis") as directory:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = Server(
            [*command, "--requirepass", password, "--dir", str(directory)], directory=directory, log=directory / "log"
        )
        redis = Redis(server=server, port=port, password=password)
        try:
            redis.start()
            yield redis
        finally:
            server.stop()
