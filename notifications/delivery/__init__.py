"""Delivery: messages of the outbox go to their channels, and what becomes of those that do not arrive."""

from notifications.delivery.sending import deliver

__all__ = ["deliver"]
