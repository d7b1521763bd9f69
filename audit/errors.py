"""The errors of the trail: one family, each with a stable code."""


class AuditError(Exception):
    """Something about the trail was refused."""

    code = "audit_error"


class EventRefused(AuditError):
    """An event carries something that the trail does not keep: free text, nested values, an unusable id."""

    code = "audit_event_refused"


class NotSealed(AuditError):
    """The event is not in the tree yet (or not in a tree of the size asked for)."""

    code = "audit_event_not_sealed"


class TrailDamaged(AuditError):
    """The stored tree contradicts itself or its last signed checkpoint."""

    code = "audit_trail_damaged"


class ProofRefused(AuditError):
    """An inclusion or consistency proof does not lead to the root it claims."""

    code = "audit_proof_refused"


class CheckpointRefused(AuditError):
    """A checkpoint is malformed, of another log, or not signed by the key expected."""

    code = "audit_checkpoint_refused"


class StampRefused(AuditError):
    """A time stamp arrived for an attempt that is no longer the current one."""

    code = "audit_stamp_refused"
