"""Errors as the Graph API words them: an envelope with code, details and trace."""

from typing import Any

HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
TITLES = {
    1: "API Unknown",
    100: "Invalid parameter",
    368: "Temporarily blocked for policies violations",
    80007: "Rate limit issues",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131031: "Account has been locked",
    131042: "Business eligibility payment issue",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped receiving marketing messages",
    131048: "Spam rate limit hit",
    131051: "Message type unknown",
    131052: "Media download error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131062: "Business-scoped user ids are not supported for this message",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132005: "Translated text too long",
    132012: "Parameter format does not match format in the created template",
    132015: "Template is paused",
    132016: "Template is disabled",
    132018: "There is an issue with the parameters in your template",
    133010: "Phone number not registered",
    137000: "Recipient identity key hash mismatch",
    190: "Error validating access token",
}


class GraphError(Exception):
    """A refusal that the Graph side of the simulator answers with."""

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        status: int = 400,
        subcode: int | None = None,
        transient: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Make an error of `code`; `details` is the part that says what exactly was wrong."""
        super().__init__(f"{code} {details}")
        self.code, self.details, self.status, self.subcode = code, details, status, subcode
        self.transient, self.headers = transient, headers or {}

    def body(self, trace: str) -> dict[str, Any]:
        """Return the envelope."""
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {TITLES.get(self.code, 'Error')}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": trace,
        }
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.transient:
            error["is_transient"] = True
        return {"error": error}


def unknown_object(untrusted_id: str) -> GraphError:
    """Return what the Graph API says about an id that it does not know or may not show."""
    return GraphError(
        100,
        f"Unsupported request. Object with ID '{untrusted_id[:64]}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation.",
        subcode=33,
    )


def webhook_error(code: int) -> dict[str, Any]:
    """Return an error as a status webhook carries it (no type, no trace)."""
    title = TITLES.get(code, "Error")
    return {"code": code, "title": title, "message": title, "error_data": {"details": title}, "href": HELP}
