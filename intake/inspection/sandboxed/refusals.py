"""How a step inside the sandbox ends the examination of its document."""

from intake.inspection.verdicts import Reason


class Refused(Exception):
    """The document ends here, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
