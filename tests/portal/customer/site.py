"""The public portal of a test, as gunicorn loads it: parts come from the environment of the test, not from settings."""

import base64
import os
from pathlib import Path

from intake.codes import CodeMaker
from intake.links import LinkSigner
from portal.customer import bodies
from portal.customer.app import build, meet_siblings
from portal.customer.visits import ReceiptParts
from portal.web.application import PortalApp
from portal.web.rates import Rates, Subject
from storage.blobs import LocalBlobStore
from storage.database import Database
from storage.sealing.signing import VerifyKey
from tests.records.exporting.casting import CHECKPOINTS
from tests.records.receipts.acknowledging import HANDOVER

LINK_KEY = bytes(range(7, 39))
CUSTOMER_KEY = bytes(range(100, 132))
RECEIPTS = ReceiptParts(handover=HANDOVER, checkpoint_keys=(CHECKPOINTS.public,), tsa_root=b"")
"""Enough for all but verifying: a test with an authority brings its root."""
CODES = CodeMaker(bytes(range(140, 172)))


def app() -> PortalApp:
    """Build the portal over the database and folder of the test; slow bodies are cut sooner than in production."""
    bodies.IDLE_SECONDS = bodies.WINDOW_SECONDS = 3.0
    app = build(
        database=Database(os.environ["SITE_DATABASE"]),
        blobs=LocalBlobStore(Path(os.environ["SITE_BLOBS"])),
        custodian=VerifyKey(base64.b64decode(os.environ["SITE_CUSTODIAN"])),
        signer=LinkSigner([LINK_KEY]),
        codes=CODES,
        customer_key=CUSTOMER_KEY,
        rates=Rates(CUSTOMER_KEY, per_minute=dict.fromkeys(Subject, 10**6)),
        receipts=RECEIPTS,
    )
    meet_siblings(app)
    return app
