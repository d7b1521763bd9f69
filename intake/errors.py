"""The errors of intake. Each carries a stable `code`; portal/web/errors.py turns it into a status and words."""

from typing import ClassVar


class IntakeError(Exception):
    """Something about a link or an upload is refused. `code` is stable and public; messages hold ids only."""

    code: ClassVar[str] = "intake_error"


class LinkRefused(IntakeError):
    """The token is malformed or forged: the two look alike, and like any closed link."""

    code = "link_closed"


class CodeKeyRefused(IntakeError):
    """The key of one-time codes is too short."""

    code = "code_key_refused"


class LinkKeysRefused(IntakeError):
    """The link keys cannot be used: none, or one that is too short."""

    code = "link_keys_refused"


class UploadNotFound(IntakeError):
    """No such upload through this link: a stranger's looks like none."""

    code = "upload_not_found"


class UploadEnded(IntakeError):
    """The upload expired, was terminated, or was replaced by another."""

    code = "upload_ended"


class UploadBusy(IntakeError):
    """Another request is writing to this upload right now."""

    code = "upload_busy"


class OffsetConflict(IntakeError):
    """The bytes do not begin where the acknowledged ones end. `offset` is where they end."""

    code = "offset_conflict"

    def __init__(self, upload_id: str, offset: int) -> None:
        super().__init__(f"upload {upload_id} stands at {offset}")
        self.offset = offset


class TooLarge(IntakeError):
    """The file is larger than its requirement, or than its announced length. `limit` is the most allowed, in bytes."""

    code = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class EmptyFile(IntakeError):
    """The file has no bytes, or none was chosen."""

    code = "empty_file"


class TrayFull(IntakeError):
    """The tray of the slot takes no further photo: as many pages or bytes as its requirement allows lie in it."""

    code = "tray_full"


class TrayChanged(IntakeError):
    """The tray is not what its sender saw: another browser changed it, or its photos expired."""

    code = "tray_changed"


class OtherFile(IntakeError):
    """The file that is to go on is not the one that this upload began with."""

    code = "other_file"


class MalformedUpload(IntakeError):
    """The request does not follow the upload protocol or the form."""

    code = "malformed_upload"


class ChecksumUnknown(IntakeError):
    """The client hashed the body with an algorithm that this server does not speak."""

    code = "checksum_unknown"


class ChecksumMismatch(IntakeError):
    """The body does not hash to what its client announced: nothing of it is kept."""

    code = "checksum_mismatch"


class QuarantineKeyMissing(IntakeError):
    """No certified quarantine key of the day: nothing can be received until the inspector and custodian made one."""

    code = "quarantine_key_missing"


class BodyCut(IntakeError):
    """The connection ended before the body did. What had arrived is kept."""

    code = "body_cut"
