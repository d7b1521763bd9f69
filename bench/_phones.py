"""Phones on a slow network: `python -m bench._phones PORT`, cookie and slot of each as JSON on stdin.

Each opens an upload and sends it in slices as the page's script does, at 64 KB/s, until the process is ended. A line
per second on stdout tells how many are sending, how many slices were acknowledged, and how many answers were refusals.
"""

import asyncio
import base64
import json
import sys

RATE = 64_000
TICK = 0.25
SLICE = 256 * 1024
LENGTH = 100 * 1024 * 1024
BODY = "application/offset+octet-stream"
COUNTS = {"sending": 0, "acknowledged": 0, "refused": 0}


class Phone:
    """One phone: its connection lives as long as the server lets it."""

    def __init__(self, port: int, cookie: str, slot: str) -> None:
        self._port, self._cookie, self._slot = port, cookie, slot
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Upload for ever."""
        said = f"slot {base64.b64encode(self._slot.encode()).decode()}"
        location, offset = "", 0
        while True:
            try:
                if not location:
                    head = {"Upload-Length": str(LENGTH), "Upload-Metadata": said, "Content-Length": "0"}
                    location = (await self._ask("POST", "/e/uploads", head, b""))["location"]
                head = {"Upload-Offset": str(offset), "Content-Length": str(SLICE), "Content-Type": BODY}
                answer = await self._ask("PATCH", location, head, bytes(SLICE))
                offset = int(answer["upload-offset"])
                COUNTS["acknowledged"] += 1
            except (OSError, KeyError, EOFError):
                COUNTS["refused"] += 1
                self._hang_up()
                await asyncio.sleep(1)

    async def _ask(self, method: str, path: str, head: dict[str, str], body: bytes) -> dict[str, str]:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        fixed = {"Host": "localhost", "Cookie": self._cookie, "Tus-Resumable": "1.0.0"}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (fixed | head).items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._send_slowly(self._writer, body)
        raw = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = dict(line.lower().split(": ", 1) for line in raw[1:] if ": " in line)
        await self._reader.readexactly(int(found.get("content-length", "0")))
        if raw[0].split(" ")[1] not in ("201", "204"):
            raise EOFError
        if found.get("connection") == "close":
            self._hang_up()
        return found

    async def _send_slowly(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        COUNTS["sending"] += bool(body)
        try:
            for start in range(0, len(body), int(RATE * TICK)):
                writer.write(body[start : start + int(RATE * TICK)])
                await writer.drain()
                await asyncio.sleep(TICK)
        finally:
            COUNTS["sending"] -= bool(body)

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def _report() -> None:
    while True:
        print(json.dumps(COUNTS), flush=True)
        await asyncio.sleep(1)


async def _main() -> None:
    port = int(sys.argv[1])
    phones = [Phone(port, cookie, slot) for cookie, slot in json.load(sys.stdin)]
    await asyncio.gather(_report(), *(phone.run() for phone in phones))


if __name__ == "__main__":
    asyncio.run(_main())
