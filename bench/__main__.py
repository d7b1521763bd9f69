"""`python -m bench [NAME ...]`: run the benchmarks, print their ratios, write them to bench/latest.json.

A row is {name, value, floor, ratio, goal}, with `at_most` where less is better. Only the ratio says something: absolute
figures depend on the machine and its mood. A goal that is missed is printed as missed; the exit code is 0 all the same.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

import bench

LATEST = Path(__file__).parent / "latest.json"


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all. Returns 2 for a name that does not exist."""
    known = sorted(each.name for each in pkgutil.iter_modules(bench.__path__) if not each.name.startswith("_"))
    if unknown := set(names) - set(known):
        print(f"no benchmark called {', '.join(sorted(unknown))}: there is {', '.join(known)}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    for name in names or known:
        print(f"{name} ...", flush=True)
        for row in importlib.import_module(f"bench.{name}").run():
            rows.append(row)
            print(_line(row), flush=True)
    kept = [{key: row[key] for key in ("name", "value", "floor", "ratio", "goal")} for row in rows]
    LATEST.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


def _line(row: dict[str, Any]) -> str:
    missed = row["ratio"] > row["goal"] if row.get("at_most") else row["ratio"] < row["goal"]
    word = "at most" if row.get("at_most") else "at least"
    verdict = "MISSED" if missed else "met"
    return (
        f"  {row['name']:<72} {row['value']:>9} / {row['floor']:>9} = {row['ratio']:>6}"
        f"   goal {word} {row['goal']}: {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
