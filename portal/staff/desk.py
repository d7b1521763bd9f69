"""What every view of the console stands on: the parts it was built with, and who is signed in."""

from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_login import UserMixin, current_user

from intake.links import LinkSigner
from portal.staff.opening import Opener
from portal.web.application import reference
from records.errors import RecordsError
from records.organizations import Organization
from records.people import Member
from records.policy import Action, decide
from records.sessions import StaffSession
from records.signing_in import Passwords
from storage.blobs import BlobStore
from storage.sealing.box import Box

__all__ = ["Desk", "NotSignedIn", "SignedIn", "desk", "may", "me", "reference", "signed_in"]


class NotSignedIn(RecordsError):
    """Nobody is signed in on this browser."""

    code = "unauthorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the console was built with."""

    box: Box
    passwords: Passwords
    signer: LinkSigner
    opener: Opener
    blobs: BlobStore
    public_url: str
    checkpoint_public: bytes
    """Ed25519 key that must have signed the audit checkpoints."""
    refusal_s: float
    """Seconds that a refused sign-in takes at least: what is written about known members must not show in time."""
    tsa_root: bytes | None
    """PEM of the time-stamp authority's root, for the bag of an export."""


class SignedIn(UserMixin):  # type: ignore[misc]
    """The member behind this request's session."""

    def __init__(self, row: StaffSession, organization: Organization, secret: str) -> None:
        """Take the living session; `secret` is what the cookie carries."""
        self.session_id = row.id
        self.member = row.member
        self.organization = organization
        self._secret = secret

    def get_id(self) -> str:
        """Return what flask-login keeps in the cookie."""
        return self._secret


def desk() -> Desk:
    """Return the parts of the running console."""
    found: Desk = current_app.extensions["desk"]
    return found


def signed_in() -> SignedIn:
    """Return who is signed in. Raises NotSignedIn."""
    user: Any = current_user
    if not user.is_authenticated:
        raise NotSignedIn("nobody")
    found: SignedIn = user._get_current_object()
    return found


def me() -> Member:
    """Return the member who acts. Raises NotSignedIn."""
    return signed_in().member


def may(action: str, case: Any = None) -> bool:
    """Whether the page should offer something. The use case decides again."""
    return decide(me(), Action(action), case).allowed
