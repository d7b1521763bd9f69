"""What the inspection takes from a declared file name: its extension, and nothing else."""

import re

_SUFFIX = re.compile(r"\.([A-Za-z0-9]{1,10})[\s.]*\Z")


def suffix_of(untrusted_name: str) -> str:
    """Return the lower-case extension of a name without its dot, "" when there is none, "?" when it is not a
    plain word."""
    last = untrusted_name.replace("\\", "/").rsplit("/", 1)[-1]
    if "." not in last.strip(". "):
        return ""
    found = _SUFFIX.search(last)
    return found.group(1).lower() if found else "?"
