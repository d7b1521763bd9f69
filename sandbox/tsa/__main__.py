"""`python -m sandbox.tsa --dir var/keys/tsa --port 8705`: the local time-stamp authority (loopback only)."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox import refuse_in_production
from sandbox.tsa.app import serving
from sandbox.tsa.authority import TsaError


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.tsa", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where the authority keeps its keys and certificates")
    parser.add_argument("--port", type=int, default=8705)
    options = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    try:
        with serving(options.dir.resolve(), port=options.port) as address:
            print(f"time-stamp authority: {address} (trust {address}/ca.pem)", flush=True)
            done.wait()
    except TsaError as error:
        print(f"the time-stamp authority cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
