"""What every connector is to the courier, and how it says that something went wrong."""

from typing import Protocol

from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered, Failed, Retry


class CrmTrouble(Exception):
    """A call to a CRM did not do what it should; the delivery ends with `outcome`."""

    code = "crm_trouble"

    def __init__(self, outcome: Retry | Failed, *, left: bool = True) -> None:
        """`left`: whether the call may have arrived."""
        super().__init__(outcome.code)
        self.outcome = outcome
        self.left = left


class CrmConnector(Protocol):
    """One CRM of one subscriber. Raises CrmTrouble and nothing else; telling the same update twice shows it once."""

    def tell(self, update: CrmUpdate) -> Delivered:
        """Write the note, the state and the link of an update."""

    def check(self) -> Delivered:
        """Prove that the token works and what is configured exists; make what can be made. Shows nothing to anybody."""
