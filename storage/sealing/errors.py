"""The error family of sealing: every refusal has a stable code, and no message holds a key, a plaintext or a name."""

from typing import ClassVar


class SealingError(Exception):
    """Something sealed was refused, or could not be sealed. `code` is stable and lower_snake."""

    code: ClassVar[str] = "sealing_refused"


class HeaderRefused(SealingError):
    """The header does not follow the grammar, is too large, has a wrong MAC or a stanza that has no place in it."""

    code = "header_refused"


class ContextMismatch(SealingError):
    """The header is sound, but it belongs to another document, slice or key than the one asked for."""

    code = "context_mismatch"


class PayloadDamaged(SealingError):
    """A chunk of the payload was altered, moved or sealed with another key."""

    code = "payload_damaged"


class Truncated(PayloadDamaged):
    """The payload ends before its last chunk."""

    code = "payload_truncated"


class TrailingData(PayloadDamaged):
    """Bytes follow the last chunk of the payload."""

    code = "payload_trailing_data"


class RangeRefused(SealingError):
    """The range asked for lies outside the plaintext."""

    code = "range_refused"


class KeyRefused(SealingError):
    """A key has the wrong length or form, is weak, is not among the recipients, or its file is not safe to use."""

    code = "key_refused"


class ContextRefused(SealingError):
    """A context was built from a value that is not a plain identifier or number."""

    code = "context_refused"


class AlreadyUsed(SealingError):
    """A one-time object (encryptor, sealing, sealed stream) was asked to work twice, or for results before its end."""

    code = "sealing_already_used"


class SignatureRefused(SealingError):
    """The signature does not belong to these fields, this purpose and this key."""

    code = "signature_refused"


class FieldsRefused(SealingError):
    """The fields cannot be brought into the one canonical form that is signed."""

    code = "fields_refused"


class BoxRefused(SealingError):
    """A small secret was altered, belongs to another row or column, or its key is not at hand."""

    code = "box_refused"
