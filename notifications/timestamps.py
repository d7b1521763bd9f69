"""Time stamps (RFC 3161 over HTTP, section 3.4): carries the question to the authority and keeps only what verifies."""

import httpx

from audit.timestamps import question, verify_stamp

TIMEOUT_S = 10.0
LIMIT = 64 * 1024


class StampUnavailable(Exception):
    """The authority did not answer with a stamp."""

    code = "stamp_unavailable"


class StampAuthority:
    """One time-stamp authority, with the root certificate that its stamps must lead to."""

    def __init__(self, url: str, root_pem: bytes) -> None:
        """Remember the address and the PEM of the root; nothing connects yet."""
        self._url = url
        self._root_pem = root_pem

    def stamp(self, data: bytes) -> bytes:
        """Return the authority's DER answer over `data`, verified. Raises StampUnavailable, StampRefused."""
        try:
            answer = httpx.post(
                self._url,
                content=question(data),
                headers={"content-type": "application/timestamp-query"},
                timeout=TIMEOUT_S,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise StampUnavailable(type(error).__name__) from None
        if answer.status_code != httpx.codes.OK or len(answer.content) > LIMIT:
            raise StampUnavailable(f"status {answer.status_code}")
        verify_stamp(answer.content, data, self._root_pem)
        return answer.content
