"""Wiring of the console: settings in, one WSGI application out. The only module here that reads configuration."""

from dataclasses import asdict

from config.logging import configure_logging
from config.settings import StaffSettings
from intake.links import LinkSigner
from portal.staff.console import build_console
from portal.staff.desk import Desk
from portal.staff.opening import SocketOpener
from portal.web.application import PortalApp
from records.signing_in import Passwords
from storage.blobs.opening import open_store
from storage.database import Database
from storage.sealing.box import Box

REFUSAL_S = 0.6
"""Longer than argon2id and two synced commits take on a busy machine."""


def staff() -> PortalApp:
    """Return the console for a WSGI server. Raises ConfigError when a setting is missing, weak or foreign."""
    settings = StaffSettings.load()
    configure_logging("staff")
    opener = SocketOpener(settings.opener_socket)
    desk = Desk(
        box=Box([settings.staff_box_key()]),
        passwords=Passwords(),
        signer=LinkSigner(settings.link_keys()),
        opener=opener,
        blobs=open_store(**asdict(settings.blob_place())),
        public_url=settings.public_url,
        checkpoint_public=settings.checkpoint_public(),
        refusal_s=REFUSAL_S,
        tsa_root=settings.tsa_root(),
    )
    return build_console(
        database=Database(settings.database_url),
        desk=desk,
        session_key=settings.session_key(),
        ready_checks={"opener": opener.check},
        transport_security=settings.staff_url.startswith("https://"),
    )
