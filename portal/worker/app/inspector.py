"""The inspector: examines, files, draws, sweeps."""

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial

import structlog

from config.settings import InspectorSettings, Profile
from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.inspection.sandboxed import landlock
from intake.inspection.scanning import Scanner, SignatureRule
from intake.inspection.spool import require_memory_spool
from intake.inspection.verdicts import SignaturesStale
from intake.quarantine import QuarantineKeys
from portal.worker import clearing
from portal.worker.app.heartbeat import Stop, heartbeat
from portal.worker.drawing import preview
from portal.worker.engine import Engine, Round, Task
from portal.worker.erasing import erase
from portal.worker.inspecting import inspect
from portal.worker.materials import Tools
from portal.worker.rescanning import Asking, rescan, when_idle
from records.documents import Document, PreviewTask
from records.heartbeats import InspectionState
from records.rescans import Rescan
from records.withdrawing import Withdrawal
from storage.blobs.opening import open_store
from storage.database import Database, utcnow
from storage.sealing.box import Box
from storage.sealing.signing import SigningKey, VerifyKey

log = structlog.get_logger(__name__)

RESCANS_S = 10.0
"""A change of the signatures is noticed within this."""
ORPHANS_S = 6 * 3600.0
"""Between two listings of the whole store."""


def run(stop: Stop) -> None:
    """Examine, file, draw, sweep."""
    settings = InspectorSettings.load()
    require_memory_spool(settings.clamd_spool)
    if not landlock.abi():
        log.warning("sandbox_without_landlock")  # the other walls stand; docs/operations.md says what to do
    database = Database(settings.database_url)
    signer = SigningKey(settings.attestation_key())
    scanner = ClamdScanner(str(settings.clamd_socket))
    rule = SignatureRule(
        max_age=timedelta(days=settings.signatures_max_age_days), unnumbered=settings.profile is Profile.SANDBOX
    )
    with Sandbox() as sandbox, Inspector(scanner=scanner, sandbox=sandbox, signatures=rule) as inspector:
        tools = Tools(
            database=database,
            blobs=open_store(**asdict(settings.blob_place())),
            inspector=inspector,
            quarantine=QuarantineKeys(settings.quarantine_dir, signer),
            signer=signer,
            custodian=VerifyKey(settings.custodian_public()),
            hashes=Box(settings.hash_keys()),
        )
        Engine(
            "inspector",
            database,
            jobs_url=settings.jobs_database_url,
            schema=settings.jobs_schema,
            worker=settings.worker_name,
            tasks=[
                Task(name="inspect", model=Document, run=partial(inspect, tools), concurrency=8),
                Task(name="preview", model=PreviewTask, run=partial(preview, tools), concurrency=2),
                Task(name="rescan", model=Rescan, run=partial(rescan, tools), concurrency=1, condition=when_idle),
                Task(name="erase", model=Withdrawal, run=partial(erase, tools), concurrency=2),
            ],
            rounds=[
                Round(name="keys", every_s=60, run=partial(clearing.prepare_keys, tools)),
                Round(name="rescans", every_s=RESCANS_S, run=Asking(tools)),
                Round(name="sweep", every_s=10, run=partial(clearing.sweep, tools)),
                Round(name="leftovers", every_s=300, run=partial(clearing.sweep_leftovers, tools)),
                Round(name="orphans", every_s=ORPHANS_S, run=partial(clearing.sweep_orphans, tools)),
                heartbeat("inspector", database, lambda: scanner_words(scanner, rule, utcnow())),
            ],
        ).run(stop)


def scanner_words(scanner: Scanner, rule: SignatureRule, now: datetime) -> dict[str, str]:
    """Say whether clamd answers, how old its signatures are and whether they may judge."""
    try:
        version = scanner.version()
    except Exception as error:  # noqa: BLE001 (any failure means: no scanner)
        return {"scanner": InspectionState.AWAY.value, "error": type(error).__name__}
    words = {"scanner": InspectionState.OK.value, "engine": version.engine, "signatures": version.signatures}
    if version.signatures_at is not None:
        words["signatures_at"] = version.signatures_at.isoformat()
    try:
        rule.check(version, now)
    except SignaturesStale:
        words["scanner"] = InspectionState.STALE.value
    return words
