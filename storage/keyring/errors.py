"""The error family of the keyring: every refusal has a stable code, and no message holds a key or a plaintext."""

from typing import ClassVar


class KeyringError(Exception):
    """The keyring refused, or could not be asked. `code` is stable and lower_snake."""

    code: ClassVar[str] = "keyring_refused"


class RootMissing(KeyringError):
    """The organization has no root key, or not the one that sealed this."""

    code = "root_key_missing"


class RootRefused(KeyringError):
    """The root key is there, but it is unsafe, damaged, switched off, or this process may not use it."""

    code = "root_key_refused"


class OpeningRefused(KeyringError):
    """What was sealed was altered, or sealed for another organization or context."""

    code = "keyring_opening_refused"


class ContextRefused(KeyringError):
    """The context is not a small mapping of plain names to plain identifiers."""

    code = "keyring_context_refused"


class KeyringUnavailable(KeyringError):
    """The keyring did not answer in time, or is overloaded: the same call may succeed later."""

    code = "keyring_unavailable"
