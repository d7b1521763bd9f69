"""What became of handing one message to a channel that answers yes or no: mail, SMS."""

from dataclasses import dataclass

from notifications.whatsapp.outcomes import NotSent, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """The relay or service took the message and answers for it from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedDown:
    """It refused: nothing was sent. `again`: it said that this may change."""

    code: str
    again: bool


__all__ = ["HandedOver", "NotSent", "TurnedDown", "Unknown"]
