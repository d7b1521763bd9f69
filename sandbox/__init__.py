"""Stand-ins for what cannot be here, and the demo that uses them. Nothing of it may run beside real documents."""

import os


def refuse_in_production() -> None:
    """End the process when its environment says that this is no sandbox. Every stand-in calls it first."""
    if os.environ.get("RESGUARDO_PROFILE") == "production":
        raise SystemExit("this is a stand-in for the sandbox: it does not run where RESGUARDO_PROFILE=production")
