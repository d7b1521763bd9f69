"""The opener: answers on its socket."""

import threading
from dataclasses import asdict

import structlog

from config.settings import OpenerSettings
from portal.worker import opener
from portal.worker.app.heartbeat import Stop, heartbeat
from portal.worker.engine import Round
from storage.database import Database, utcnow
from storage.keyring.opening import open_keyring
from storage.sealing.signing import VerifyKey

log = structlog.get_logger(__name__)


def run(stop: Stop) -> None:
    """Answer on the socket."""
    settings = OpenerSettings.load()
    database = Database(settings.database_url)
    tools = opener.Tools(
        database=database,
        keyring=open_keyring(**asdict(settings.keyring_place())),
        custodian=VerifyKey(settings.custodian_public()),
        inspector=VerifyKey(settings.inspector_public()),
    )
    beats = heartbeat("opener", database, dict)
    beating = threading.Thread(target=_go_round, args=(beats, stop), name="heartbeat")
    beating.start()
    try:
        opener.serve(tools, settings.opener_socket, stop)
    finally:
        stop.set()
        beating.join()


def _go_round(each: Round, stop: Stop) -> None:
    while not stop.is_set():
        try:
            each.run(utcnow())
        except Exception as error:  # noqa: BLE001 (a database that is away comes back; the heartbeat's age tells)
            log.warning("round_failed", round=each.name, error=type(error).__name__)
        stop.wait(each.every_s)
