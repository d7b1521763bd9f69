"""The custodian: mints, certifies, seals the trail."""

from dataclasses import asdict
from functools import partial

from audit.checkpoints import CheckpointSigner
from audit.sequencing import lag
from config.settings import CustodianSettings
from portal.worker import keeping, ticketing
from portal.worker.app.heartbeat import Stop, heartbeat
from portal.worker.engine import Engine, Round, Task
from portal.worker.ticketing import Budget
from records.cases import CaseKey
from records.uploads import QuarantineKey
from storage.database import Database, utcnow
from storage.keyring.opening import open_keyring
from storage.sealing.seal import PublicKey
from storage.sealing.signing import SigningKey, VerifyKey

CHECKPOINT_NAME = "resguardo"
"""Name in the origin line of audit checkpoints."""
SEAL_S = 0.25
"""The audit trail is at most 1 s behind its checkpoint."""
TICKETS_S = 5.0


def run(stop: Stop) -> None:
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
    budget = Budget(files=settings.rescan_files_per_hour, size=settings.rescan_mb_per_hour * 1_000_000)
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
            Round(name="tickets", every_s=TICKETS_S, run=partial(ticketing.grant, tools, budget)),
            Round(name="sweep", every_s=60.0, run=partial(ticketing.sweep, tools)),
            Round(name="seal", every_s=SEAL_S, run=partial(keeping.seal_trail, tools)),
            heartbeat("custodian", database, lambda: _trail_words(database)),
        ],
    ).run(stop)


def _trail_words(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {"lag_s": str(int(lag(session, utcnow())))}
