"""One-time codes of six digits, derived from a challenge's id and stored nowhere.

Rules: only a key that two processes share (the portal compares, the courier sends) tells what the code is; comparison
takes the same time whatever was typed.
"""

import hmac

from intake.errors import CodeKeyRefused

DIGITS = 6
MIN_KEY = 32
SALT = b"one-time-code.v1\n"


class CodeMaker:
    """Makes the code of a challenge and checks what somebody typed."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the code key. Raises CodeKeyRefused for one shorter than 32 bytes."""
        if len(key) < MIN_KEY:
            raise CodeKeyRefused("a code key has at least 32 bytes")
        self._key = key

    def code(self, challenge_id: str) -> str:
        """Return the six digits of a challenge: HMAC-SHA256 of its id, modulo 10^6."""
        digest = hmac.digest(self._key, SALT + challenge_id.encode("ascii"), "sha256")
        return f"{int.from_bytes(digest, 'big') % 10**DIGITS:0{DIGITS}d}"

    def is_right(self, challenge_id: str, untrusted_code: str) -> bool:
        """Whether this is the code, however it was spaced. Constant time in what was typed."""
        typed = "".join(untrusted_code[:40].split()).replace("-", "")
        return hmac.compare_digest(self.code(challenge_id).encode(), typed.encode("utf-8", "surrogatepass"))
