"""`python -m sandbox.launch.codes`: the demo logins with the one-time codes of this moment."""

import argparse
import json
import sys
from pathlib import Path

from sandbox.launch.layout import REPOSITORY, Layout
from sandbox.launch.welcome import login_lines, with_codes


def main() -> int:
    """Print one line a login. Returns 1 when no demo company was loaded."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.launch.codes", description=__doc__)
    parser.add_argument("--root", type=Path, default=REPOSITORY / "var")
    told = Layout(root=parser.parse_args().root.absolute()).control / "demo.json"
    try:
        logins = json.loads(told.read_text("utf-8"))["logins"]
    except (OSError, KeyError, ValueError):
        print("resguardo: no demo company is running here: `make run` starts one", file=sys.stderr)
        return 1
    print("\n".join(login_lines(with_codes(logins))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
