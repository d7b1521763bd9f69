"""Wiring of the workers: settings in, one running role out. The only module of the workers that reads configuration."""

import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial

import structlog

from audit.checkpoints import CheckpointSigner
from audit.sequencing import lag
from config.logging import configure_logging
from config.settings import CourierSettings, CustodianSettings, InspectorSettings, OpenerSettings
from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.inspection.spool import require_memory_spool
from intake.links import LinkSigner
from intake.quarantine import QuarantineKeys
from notifications import delivery, inbound
from notifications.timestamps import StampAuthority
from notifications.whatsapp.client import CloudApi
from portal.worker import delivering, inspecting, keeping, opener
from portal.worker.engine import Engine, Round, Task
from records.cases import CaseKey
from records.documents import Document, PreviewTask
from records.heartbeats import beat
from records.messages import InboundEvent, Message
from records.uploads import QuarantineKey
from storage.blobs.opening import open_store
from storage.database import Database, utcnow
from storage.keyring.opening import open_keyring
from storage.sealing.box import Box
from storage.sealing.seal import PublicKey
from storage.sealing.signing import SigningKey, VerifyKey

log = structlog.get_logger(__name__)

CHECKPOINT_NAME = "resguardo"
"""Name in the origin line of audit checkpoints."""
HEARTBEAT_S = 2.0
SEAL_S = 0.25
"""The audit trail is at most 1 s behind its checkpoint."""

Stop = threading.Event


def run(role: str) -> None:
    """Run one role until SIGTERM or SIGINT. Raises ConfigError when a setting is missing, weak or foreign."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    configure_logging(role)
    ROLES[role](stop)


def run_inspector(stop: Stop) -> None:
    """Examine, file, draw, sweep."""
    settings = InspectorSettings.load()
    require_memory_spool(settings.clamd_spool, free_bytes=0)
    database = Database(settings.database_url)
    signer = SigningKey(settings.attestation_key())
    scanner = ClamdScanner(str(settings.clamd_socket))
    with Sandbox() as sandbox, Inspector(scanner=scanner, sandbox=sandbox) as inspector:
        tools = inspecting.Tools(
            database=database,
            blobs=open_store(**asdict(settings.blob_place())),
            inspector=inspector,
            quarantine=QuarantineKeys(settings.quarantine_dir, signer),
            signer=signer,
            custodian=VerifyKey(settings.custodian_public()),
        )
        Engine(
            "inspector",
            database,
            jobs_url=settings.jobs_database_url,
            schema=settings.jobs_schema,
            worker=settings.worker_name,
            tasks=[
                Task(name="inspect", model=Document, run=partial(inspecting.inspect, tools), concurrency=8),
                Task(name="preview", model=PreviewTask, run=partial(inspecting.preview, tools), concurrency=2),
            ],
            rounds=[
                Round(name="keys", every_s=60, run=partial(inspecting.prepare_keys, tools)),
                Round(name="sweep", every_s=10, run=partial(inspecting.sweep, tools)),
                Round(name="leftovers", every_s=300, run=partial(inspecting.sweep_leftovers, tools)),
                _heartbeat("inspector", database, lambda: _scanner_words(scanner)),
            ],
        ).run(stop)


def run_custodian(stop: Stop) -> None:
    """Mint, certify, seal the trail."""
    settings = CustodianSettings.load()
    database = Database(settings.database_url)
    tools = keeping.Tools(
        database=database,
        keyring=open_keyring(**asdict(settings.keyring_place())),
        signer=SigningKey(settings.signing_key()),
        checkpoints=CheckpointSigner(CHECKPOINT_NAME, settings.checkpoint_key()),
        inspector=VerifyKey(settings.inspector_public()),
        escrow=PublicKey(settings.escrow_public()),
    )
    Engine(
        "custodian",
        database,
        jobs_url=settings.jobs_database_url,
        schema=settings.jobs_schema,
        worker=settings.worker_name,
        tasks=[
            Task(name="mint", model=CaseKey, run=partial(keeping.mint, tools)),
            Task(name="certify", model=QuarantineKey, run=partial(keeping.certify_quarantine_key, tools)),
        ],
        rounds=[
            Round(name="seal", every_s=SEAL_S, run=partial(keeping.seal_trail, tools)),
            _heartbeat("custodian", database, lambda: _trail_words(database)),
        ],
    ).run(stop)


def run_courier(stop: Stop) -> None:
    """Send messages, take in statuses, carry stamps."""
    settings = CourierSettings.load()
    database = Database(settings.database_url)
    with CloudApi(settings.wa_graph_base) as api:
        delivery_tools = delivery.Tools(
            database=database,
            api=api,
            box=Box([settings.courier_box_key()]),
            token=LinkSigner(settings.link_keys()).token,
        )
        authority = StampAuthority(settings.tsa_url, settings.tsa_root())
        stamping = delivering.Tools(database=database, authority=authority)
        Engine(
            "courier",
            database,
            jobs_url=settings.jobs_database_url,
            schema=settings.jobs_schema,
            worker=settings.worker_name,
            tasks=[
                Task(name="deliver", model=Message, run=partial(delivery.deliver, delivery_tools), concurrency=8),
                Task(name="status", model=InboundEvent, run=partial(inbound.process, database), concurrency=8),
            ],
            rounds=[
                Round(name="stamp", every_s=0.5, run=partial(delivering.stamp_checkpoints, stamping)),
                _heartbeat("courier", database, dict),
            ],
        ).run(stop)


def run_opener(stop: Stop) -> None:
    """Answer on the socket."""
    settings = OpenerSettings.load()
    database = Database(settings.database_url)
    tools = opener.Tools(
        database=database,
        keyring=open_keyring(**asdict(settings.keyring_place())),
        custodian=VerifyKey(settings.custodian_public()),
        inspector=VerifyKey(settings.inspector_public()),
    )
    heartbeat = _heartbeat("opener", database, dict)
    beating = threading.Thread(target=_go_round, args=(heartbeat, stop), name="heartbeat")
    beating.start()
    try:
        opener.serve(tools, settings.opener_socket, stop)
    finally:
        stop.set()
        beating.join()


def _heartbeat(role: str, database: Database, words: Callable[[], dict[str, str]]) -> Round:
    def write(now: datetime) -> None:
        with database.transaction() as session:
            beat(session, role, now=now, details=words())

    return Round(name="heartbeat", every_s=HEARTBEAT_S, run=write)


def _go_round(each: Round, stop: Stop) -> None:

    while not stop.is_set():
        try:
            each.run(utcnow())
        except Exception as error:  # noqa: BLE001 (a database that is away comes back; the heartbeat's age tells)
            log.warning("round_failed", round=each.name, error=type(error).__name__)
        stop.wait(each.every_s)


def _scanner_words(scanner: ClamdScanner) -> dict[str, str]:
    """Say whether clamd answers and how old its signatures are."""
    try:
        version = scanner.version()
    except Exception as error:  # noqa: BLE001 (any failure means: no scanner)
        return {"scanner": "away", "error": type(error).__name__}
    words = {"scanner": "ok", "engine": version.engine, "signatures": version.signatures}
    if version.signatures_at is not None:
        words["signatures_at"] = version.signatures_at.isoformat()
    return words


def _trail_words(database: Database) -> dict[str, str]:

    with database.reading() as session:
        return {"lag_s": str(int(lag(session, utcnow())))}


ROLES: dict[str, Callable[[Stop], None]] = {
    "inspector": run_inspector,
    "courier": run_courier,
    "custodian": run_custodian,
    "opener": run_opener,
}
