"""The programs of the product and of the sandbox: start command, settings, own keys, health."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine, make_url

from sandbox.launch.cells import SHM
from sandbox.launch.health import clamd_health, heartbeat_health, http_health
from sandbox.launch.keys import TSA_ROOT, foreign_to
from sandbox.launch.leftovers import MARK
from sandbox.launch.programs import Program
from sandbox.launch.site import Site

THREADS = {"customer": ("2", "128"), "gateway": ("2", "16"), "staff": ("2", "16")}
"""Workers and threads of the web processes."""
KEY_FILES: dict[str, tuple[str, ...]] = {
    "customer": ("link_keys", "code_key", "receipt_key", "customer_key"),
    "gateway": ("link_keys", "gateway_box_key"),
    "staff": ("link_keys", "session_key", "staff_box_key"),
    "inspector": ("attestation_key", "hash_keys"),
    "courier": ("link_keys", "code_key", "receipt_key", "hash_keys", "courier_box_key"),
    "custodian": ("signing_key", "checkpoint_key"),
    "opener": (),
}
"""The `*_FILE` settings of each role; the file of ROLE_box_key is called box_key."""
PINNED: dict[str, tuple[str, ...]] = {
    "customer": ("custodian", "checkpoint"),
    "gateway": (),
    "staff": ("custodian", "inspector", "checkpoint"),
    "inspector": ("custodian",),
    "courier": ("checkpoint",),
    "custodian": ("inspector", "escrow"),
    "opener": ("custodian", "inspector"),
}
"""The public halves that each role trusts because its settings say so."""


def product(
    site: Site, engine: Engine, *, shared_keys: bool, webhook_path: str = "/webhooks/whatsapp"
) -> list[Program]:
    """Return every program in the order of starting. `shared_keys` says that keys cannot be kept apart here.

    `webhook_path` is where the gateway takes the simulator's webhooks.
    """
    return [
        *_stand_ins(site, f"http://127.0.0.1:{site.port('gateway')}{webhook_path}"),
        *(_worker(role, site, engine, shared_keys=shared_keys) for role in _WORKERS),
        *(_web(role, site, shared_keys=shared_keys) for role in THREADS),
    ]


def base_environment(site: Site) -> dict[str, str]:
    """Return what every program gets and nothing more: it inherits nothing."""
    return {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash of an extension leaves the names of its frames in the log
        "TMPDIR": SHM,
        MARK: str(site.layout.root),
    }


def settings_of(role: str, site: Site, *, shared_keys: bool) -> dict[str, str]:
    """Return the RESGUARDO_* variables of a role."""
    keys = site.layout.keys
    settings = {
        "PROFILE": "sandbox",
        "DATABASE_URL": site.url_for(role),
        "BLOBS": site.blobs,
        **site.storage_settings,
        "FOREIGN_KEYS": ":".join(str(path) for path in foreign_to(role, site.layout)),
        **_addresses(site)[role],
    }
    for name in KEY_FILES[role]:
        settings[f"{name.upper()}_FILE"] = str(keys / role / name.replace(f"{role}_box_key", "box_key"))
    for name in PINNED[role]:
        settings[f"{name.upper()}_PUBLIC_FILE"] = str(keys / "public" / name)
    if role in ("inspector", "courier", "custodian"):
        settings |= {"JOBS_DATABASE_URL": site.jobs_url(role), "JOBS_SCHEMA": f"jobs_{role}"}
    if shared_keys:
        settings["INSECURE_SHARED_KEYS"] = "1"
    return {f"RESGUARDO_{name}": value for name, value in settings.items()}


def _addresses(site: Site) -> Mapping[str, dict[str, str]]:
    layout, urls = site.layout, site.urls
    opener = {"OPENER_SOCKET": str(layout.opener / "opener.sock")}
    keyring = {"KEYRING": f"file://{layout.keys}/keyring"}
    authority = {"TSA_ROOT_FILE": str(layout.keys / "public" / TSA_ROOT)}
    return {
        "customer": {"PUBLIC_URL": urls["customer"], **authority},
        "gateway": {"PUBLIC_URL": urls["customer"], "API_URL": urls["gateway"], "STAFF_URL": urls["staff"]},
        "staff": {"PUBLIC_URL": urls["customer"], "STAFF_URL": urls["staff"], **opener, **authority},
        "inspector": {
            "QUARANTINE_DIR": str(layout.keys / "inspector" / "quarantine"),
            "CLAMD_SOCKET": str(layout.scanner / "clamd.sock"),
            "CLAMD_SPOOL": str(layout.spool),
            "SIGNATURES_MAX_AGE_DAYS": "365",  # a demonstration may run for long without freshclam
        },
        "courier": {
            "WA_GRAPH_BASE": f"http://127.0.0.1:{site.port('whatsapp')}/v26.0",
            "TSA_URL": urls["tsa"],
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(site.port("smtp")),
            "SMTP_TLS": "none",
            "PUBLIC_URL": urls["customer"],
            "STAFF_URL": urls["staff"],
            "PRIVATE_ENDPOINTS": "1",  # the sandbox's own CRM listens on loopback
            **authority,
        },
        "custodian": keyring,
        "opener": keyring | opener,
    }


def _web(role: str, site: Site, *, shared_keys: bool) -> Program:
    workers, threads = THREADS[role]
    port, host = site.port(role), site.urls[role].removeprefix("http://").partition(":")[0]
    return Program(
        name=role,
        role=role,
        command=(
            *(sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--bind", f"127.0.0.1:{port}"),
            *("-w", workers, "--threads", threads, f"wsgi:{role}()"),
        ),
        environment=base_environment(site) | settings_of(role, site, shared_keys=shared_keys),
        reads=_seen(role, site),
        writes=_written(role, site),
        health=http_health(port, "/readyz", host),
        port=port,
    )


def _seen(role: str, site: Site) -> tuple[Path, ...]:
    layout = site.layout
    return {
        "staff": (*_blobs(site), layout.opener),
        "inspector": (layout.scanner, layout.spool),
        "opener": (layout.keys / "keyring",),
    }.get(role, ())


def _written(role: str, site: Site) -> tuple[Path, ...]:
    """Return what a process of the product writes. SQLite needs the whole folder of its file, for its journal."""
    layout = site.layout
    database = (Path(make_url(site.database_url).database or "").parent,) if site.embedded else ()
    more = {
        "customer": _blobs(site),
        "inspector": (*_blobs(site), layout.keys / "inspector" / "quarantine"),
        "custodian": (layout.keys / "keyring",),
        "opener": (layout.opener,),
    }
    return (*database, *more.get(role, ()))


def _blobs(site: Site) -> tuple[Path, ...]:
    return (Path(site.blobs.removeprefix("file://")),) if site.blobs.startswith("file://") else ()


_WORKERS = ("custodian", "opener", "inspector", "courier")


def _worker(role: str, site: Site, engine: Engine, *, shared_keys: bool) -> Program:
    return Program(
        name=role,
        role=role,
        command=(sys.executable, "-m", "portal.worker", role),
        environment=base_environment(site) | settings_of(role, site, shared_keys=shared_keys),
        reads=_seen(role, site),
        writes=_written(role, site),
        runs_inner_sandbox=role == "inspector",
        health=heartbeat_health(engine, role),
    )


def _stand_ins(site: Site, webhook: str) -> list[Program]:
    environment = base_environment(site)
    return [
        Program(
            name="clamd",
            role="clamd",
            command=("clamd", "-c", str(site.layout.run / "clamd" / "clamd.conf")),
            environment=environment,
            reads=(site.layout.run / "clamd",),
            writes=(site.layout.scanner, site.layout.spool),
            health=clamd_health(site.layout.scanner / "clamd.sock"),
        ),
        Program(
            name="whatsapp",
            role="whatsapp",
            command=(sys.executable, "-m", "sandbox.whatsapp", "--random-ids"),
            environment=environment | _simulator(site, webhook),
            reads=(site.message_templates,),
            writes=(site.layout.simulator,),
            health=http_health(site.port("whatsapp"), "/", "phone.localhost", well=range(200, 500)),
            port=site.port("whatsapp"),
        ),
        Program(
            name="mail",
            role="mail",
            command=(
                *(sys.executable, "-m", "sandbox.mail"),
                *("--smtp-port", str(site.port("smtp")), "--port", str(site.port("mail"))),
            ),
            environment=environment,
            health=http_health(site.port("mail"), "/", "mail.localhost"),
            port=site.port("mail"),
        ),
        Program(
            name="crm",
            role="crm",
            command=(
                *(sys.executable, "-m", "sandbox.crm"),
                *("--secret-file", str(site.layout.keys / "crm" / "webhook_secret"), "--port", str(site.port("crm"))),
            ),
            environment=environment,
            health=http_health(site.port("crm"), "/", "crm.localhost"),
            port=site.port("crm"),
        ),
        Program(
            name="tsa",
            role="tsa",
            command=(
                *(sys.executable, "-m", "sandbox.tsa"),
                *("--dir", str(site.layout.keys / "tsa" / "authority"), "--port", str(site.port("tsa"))),
            ),
            environment=environment,
            writes=(site.layout.keys / "tsa",),
            health=http_health(site.port("tsa"), "/health", "127.0.0.1"),
            port=site.port("tsa"),
        ),
    ]


def _simulator(site: Site, webhook: str) -> dict[str, str]:
    keys = site.layout.keys / "whatsapp"
    settings = {
        "PORT": str(site.port("whatsapp")),
        "APP_SECRET_FILE": str(keys / "app_secret"),
        "TOKEN_FILE": str(keys / "access_token"),
        "WEBHOOK_URL": webhook,
        "TEMPLATES": str(site.message_templates),
        "STATE": str(site.layout.simulator / "state.json"),
    }
    return {f"RESGUARDO_SIM_{name}": value for name, value in settings.items()}
