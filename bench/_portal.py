"""The public portal of a benchmark, as gunicorn loads it: wired and logging like production's."""

import base64
import os
from pathlib import Path

from config.logging import configure_logging
from intake.links import LinkSigner
from portal.customer.app import build
from portal.web.application import PortalApp
from portal.web.guards import PUBLIC, guarded_by
from storage.blobs import LocalBlobStore
from storage.database import Database
from storage.sealing.signing import VerifyKey


def app() -> PortalApp:
    """Build the portal over the database and folder of the benchmark."""
    configure_logging("customer")
    made = build(
        database=Database(os.environ["BENCH_DATABASE"]),
        blobs=LocalBlobStore(Path(os.environ["BENCH_FOLDER"])),
        custodian=VerifyKey(base64.b64decode(os.environ["BENCH_CUSTODIAN"])),
        signer=LinkSigner([bytes(32)]),
        customer_key=bytes(32),
    )
    made.add_url_rule("/trivial", view_func=_trivial)
    return made


@guarded_by(PUBLIC)
def _trivial() -> str:
    """The floor of a page: a form and nothing else."""
    return (
        '<!doctype html><html lang="es"><meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,"><title>Subir</title>'
        "<main><h1>Sube tu documento</h1><p>Elige un archivo de tu teléfono.</p>"
        '<form method="post"><label>Archivo <input type="file" name="file"></label> <button>Enviar</button></form>'
        "</main></html>"
    )
