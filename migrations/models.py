"""What migrations compare the database with."""

from records.tables import MODULES, metadata

__all__ = ["MODULES", "metadata"]
