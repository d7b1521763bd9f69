"""The gunicorn worker of every web process: a slow client costs a connection, never a thread for long.

Rules: a connection waits in the event loop, without a thread, until the head of its request is complete; a head, and a
body that the application did not say otherwise about, must arrive within a fixed time; some threads never read bodies,
so that a page is served while every other thread waits for one; the lingering end of a connection holds no thread
either. Under TLS, whose records cannot be looked at without reading them, a thread reads the head, within the same
time. Bodies of uploads say themselves how slow they may be (`Pace.keep_up`).
"""

import selectors
import socket
import struct
import threading
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn.http.body import Body, EOFReader, LengthReader
from gunicorn.workers.gthread import TConn, ThreadWorker

from portal.web.pace import Pace, PacedReader

HEAD_END = b"\r\n\r\n"
PEEK = 32 * 1024
"""A head that is longer than this is not waited for."""
PIECE = 64 * 1024
LINGERING = 500
"""Connections that may be closing at a time; the next one is closed without waiting for its client."""
YIELD_SECONDS = 0.0005
"""How much later a process takes a new connection for each that it has: one interpreter lock should not serve all."""
MOST_YIELDED = 8
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connection(TConn):  # type: ignore[misc]
    """A connection that reads through a Pace and closes without a thread."""

    def __init__(self, worker: "PatientWorker", client: socket.socket, address: Any, listener: socket.socket) -> None:
        super().__init__(worker.cfg, client, address, listener.getsockname())
        self._worker = worker
        self.reads_body = False

    def init(self) -> None:
        """Make the parser in the worker's thread."""
        fresh = not self.initialized
        super().init()
        if fresh:
            self.parser.unreader = Pace(self.sock)
        self.parser.unreader.allow(self._worker.head_seconds, head=True)

    def close(self, graceful: bool = False) -> None:
        """Close at once, or let the client read the answer first."""
        if not graceful or not self._worker.linger(self):
            super().close()


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker whose threads serve complete requests."""

    head_seconds = 15.0
    body_seconds = 20.0
    send_seconds = 60.0
    """For one piece of an answer."""
    linger_seconds = 2.0
    reserve = 8
    """One thread in so many, and at least two, never reads a body."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what gunicorn gives."""
        super().__init__(*args, **kwargs)
        self._bodies = threading.Semaphore(max(1, self.cfg.threads - max(2, self.cfg.threads // self.reserve)))
        self._lingering: deque[tuple[float, Connection]] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its head. Who has many lets the other processes be quicker."""
        time.sleep(min(self.nr_conns, MOST_YIELDED) * YIELD_SECONDS)
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if self.cfg.is_ssl:  # the handshake and the head are read by a thread, in blocking calls
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(self.head_seconds), 0))
        self.nr_conns += 1
        self._await_head(Connection(self, client, address, listener))

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Give a connection to a thread once its head is complete."""
        if not self._head_is_unfinished(conn):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Give a kept connection to a thread once its next head is complete."""
        if not self._head_is_unfinished(conn):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def handle(self, conn: Connection) -> Any:
        """Serve one request in a thread."""
        conn.data_ready = True
        if conn.initialized:
            conn.parser.unreader.allow(self.head_seconds, head=True)
        try:
            return super().handle(conn)
        finally:
            if conn.reads_body:
                conn.reads_body = False
                self._bodies.release()

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Serve a request whose head is complete; its body is read by few enough threads."""
        pace = conn.parser.unreader
        pace.allow(self.body_seconds)
        conn.sock.settimeout(self.send_seconds)
        if isinstance(req.body.reader, EOFReader):
            req.body = Body(LengthReader(pace, 0))  # a request without a length has no body (RFC 9112, 6.3)
        elif getattr(req.body.reader, "length", None) != 0:
            if not self._bodies.acquire(blocking=False):
                conn.sock.sendall(BUSY)
                return False
            conn.reads_body = True
            if isinstance(req.body.reader, LengthReader):
                req.body = Body(PacedReader(pace, req.body.reader.length))
            req.body.pace = pace
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> bool:
        """Keep a connection unless a thread would have to wait: for a body nobody read, or for the rest of a head."""
        reader = conn.parser.mesg.body.reader
        unread = getattr(reader, "length", 0) if isinstance(reader, LengthReader) else reader.parser
        if unread or not super()._keepalive_after(conn, keepalive):
            return False
        ahead = conn.parser.unreader.buf.getvalue()
        return not ahead or HEAD_END in ahead

    def murder_pending(self) -> None:
        """Close what did not complete its head in time, and what lingered long enough."""
        super().murder_pending()
        while self._lingering and self._lingering[0][0] <= time.monotonic():
            self._forget(self._lingering.popleft()[1])

    def linger(self, conn: Connection) -> bool:
        """Stop sending and wait in the event loop for the client's end, so that it reads the answer (RFC 9112, 9.6).

        Runs in the worker's main thread. False: close at once.
        """
        if len(self._lingering) >= LINGERING or not self.alive:
            return False
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError, KeyError):
            return False
        self._lingering.append((time.monotonic() + self.linger_seconds, conn))
        return True

    def _discard(self, conn: Connection, client: socket.socket) -> None:
        try:
            if client.recv(PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._lingering = deque(each for each in self._lingering if each[1] is not conn)
        self._forget(conn)

    def _forget(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        conn.close()

    def _await_head(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.head_seconds
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _head_is_unfinished(self, conn: Connection) -> bool:
        """Look at what came, without reading it, and ask to be woken when more did."""
        if self.cfg.is_ssl:
            return False
        try:
            seen = conn.sock.recv(PEEK, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        unfinished = 0 < len(seen) < PEEK and HEAD_END not in seen
        if len(seen) == PEEK and HEAD_END not in seen:
            conn.sock.shutdown(socket.SHUT_RDWR)  # a thread finds its end at once
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(seen) + 1 if unfinished else 1)
        return unfinished
