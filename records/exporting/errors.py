"""The errors of exporting."""

from records.errors import RecordsError


class ExportDamaged(RecordsError):
    """A document, its seal or the trail is not what was filed: nothing that looks whole may leave."""

    code = "export_damaged"
