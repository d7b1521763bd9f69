"""`python -m sandbox.launch` (`make run`): start everything, tell the newcomer where to go, stop it all on Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.launch.errors import LaunchRefused
from sandbox.launch.layout import REPOSITORY
from sandbox.launch.site import DEFAULT_PORT_BASE
from sandbox.launch.stack import Stack
from sandbox.launch.welcome import welcome


def main() -> int:
    """Run until told to stop. Returns the exit code: 0 after Ctrl-C, 1 when it could not start or fell over."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.launch", description=__doc__)
    parser.add_argument("--root", type=Path, default=REPOSITORY / "var", help="folder of data, keys, logs")
    parser.add_argument("--port-base", type=int, default=os.environ.get("PORT_BASE", DEFAULT_PORT_BASE))
    parser.add_argument("--check", action="store_true", help="stop again as soon as everything is healthy")
    options = parser.parse_args()
    stop = threading.Event()
    stack = Stack(options.root, port_base=options.port_base, say=_say)
    try:
        _start(stack, stop)
    except LaunchRefused as refused:
        print(f"resguardo: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("resguardo: stopped before it was up", file=sys.stderr)
        return 1
    try:
        print(welcome(stack), flush=True)
        while not options.check and not stop.wait(1):
            if not stack.running():
                print(f"resguardo: the process manager ended: see {stack.site.layout.log}", file=sys.stderr)
                return 1
    finally:
        print("\nStopping ...", flush=True)
        stack.stop()
    print("Stopped. Data and keys are kept.", flush=True)
    return 0


def _start(stack: Stack, stop: threading.Event) -> None:
    """Start; a signal during the start ends it in order, a signal afterwards sets `stop`."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started it with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    stack.start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
