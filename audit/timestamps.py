"""Time stamps on checkpoints (RFC 3161): the question to an authority, and the check of its answer. Speaks no HTTP."""

from datetime import UTC, datetime

from cryptography.x509 import load_pem_x509_certificate
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.errors import StampRefused


def question(data: bytes) -> bytes:
    """Return a DER TimeStampReq over the SHA-256 of `data`, with a nonce, asking for the certificate."""
    return TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


def verify_stamp(untrusted_answer: bytes, data: bytes, root_pem: bytes) -> datetime:
    """Return the time of the DER TimeStampResp if it stamps `data` and leads to the root. Raises StampRefused."""
    try:
        verifier = VerifierBuilder().add_root_certificate(load_pem_x509_certificate(root_pem)).build()
        answer = decode_timestamp_response(untrusted_answer)
        verifier.verify_message(answer, data)
        return answer.tst_info.gen_time.astimezone(UTC)
    except (ValueError, VerificationError) as error:
        raise StampRefused("the answer is no stamp of this root over these bytes") from error
