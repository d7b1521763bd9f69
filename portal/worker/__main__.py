"""`python -m portal.worker ROLE`: run one worker role until it is told to stop."""

import sys

from config.errors import ConfigError
from intake.inspection.spool import UnsafeSpool
from portal.worker.app import ROLES, run


def main() -> int:
    """Return 0 after a clean stop, 2 for a wrong role or settings that are refused."""
    if len(sys.argv) != 2 or sys.argv[1] not in ROLES:
        sys.stderr.write(f"usage: python -m portal.worker {'|'.join(ROLES)}\n")
        return 2
    try:
        run(sys.argv[1])
    except (ConfigError, UnsafeSpool) as error:
        sys.stderr.write(f"{sys.argv[1]} does not start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
