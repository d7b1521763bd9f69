"""The secret of one receipt: 128 random bits in its address and its QR code, and all that opens what we keep of it.

Rules: the row's id is derived one way from the secret, so that a row tells nothing that opens it; the secret lies in a
row only until the receipt is made, sealed on its way from the portal to the courier.
"""

import re
import secrets
from dataclasses import dataclass

from records.errors import NotFound
from storage.sealing.box import Box
from storage.sealing.keymaterial import derive

SECRET_BYTES = 16

_WRITTEN = re.compile(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}")
_ID = b"resguardo/receipt/id/v1"
_KEY = b"resguardo/receipt/key/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSecret:
    """The number that a receipt carries, 32 lower-case hexadecimal digits."""

    text: str

    @classmethod
    def fresh(cls) -> "ReceiptSecret":
        """Draw a new one."""
        return cls(text=secrets.token_hex(SECRET_BYTES))

    @classmethod
    def read(cls, untrusted: str) -> "ReceiptSecret":
        """Take one from an address. Raises NotFound when it cannot be one."""
        if _WRITTEN.fullmatch(untrusted) is None:
            raise NotFound("receipt")
        return cls(text=untrusted)

    def __repr__(self) -> str:
        return "<ReceiptSecret>"

    def receipt_id(self) -> str:
        """Return the id of its row: 32 hexadecimal digits."""
        return self._derived(_ID)[:SECRET_BYTES].hex()

    def box(self) -> Box:
        """Return what seals and opens this receipt."""
        return Box([self._derived(_KEY)])

    def _derived(self, info: bytes) -> bytes:
        return derive(bytes.fromhex(self.text), salt=b"", info=info)
