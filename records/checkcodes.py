"""Check codes: eight characters on every message, by which anyone can ask the portal who sent it.

40 random bits in Crockford's base32 (no I, L, O, U), shown in two groups of four. No secret of the customer's, and no
way in: a code tells which company asks, and the agreed word, nothing about the person.
Source: https://www.crockford.com/base32.html
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_ALIKE = str.maketrans("OIL", "011")


def new_check_code() -> str:
    """Return a fresh code, without its dash."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def grouped(code: str) -> str:
    """Return a code as it is shown: `7K3F-9QXM`."""
    return f"{code[:4]}-{code[4:]}"


def read_check_code(untrusted: str) -> str | None:
    """Return the code that somebody typed, in any spelling that Crockford allows; None for what cannot be one."""
    typed = "".join(untrusted[:40].split()).replace("-", "").upper().translate(_ALIKE)
    return typed if len(typed) == LENGTH and set(typed) <= set(ALPHABET) else None
