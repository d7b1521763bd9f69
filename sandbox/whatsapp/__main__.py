"""`python -m sandbox.whatsapp`: the simulator as a program. Every option may come as RESGUARDO_SIM_<OPTION> too."""

import argparse
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from sandbox import refuse_in_production
from sandbox.whatsapp.app import serving
from sandbox.whatsapp.settings import LOOPBACK_HOSTS, Settings, read_accounts, read_templates


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    options = parser().parse_args(arguments)
    if options.host not in {"127.0.0.1", "localhost", "::1"} and not options.insecure_public:
        print("the simulator serves loopback only; --insecure-public lifts that", file=sys.stderr)
        return 2
    secret = _secret(options.app_secret, options.app_secret_file)
    if not secret:
        print("the simulator needs --app-secret-file (or --app-secret) to sign its webhooks", file=sys.stderr)
        return 2
    settings = _settings(options, secret)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with serving(settings, host=options.host, port=options.port) as address:
        print(f"WhatsApp simulator: {address}", flush=True)
        done.wait()
    return 0


def _settings(options: argparse.Namespace, secret: str) -> Settings:
    token = _secret(options.token, options.token_file)
    return Settings(
        app_secret=secret,
        webhook_url=options.webhook_url,
        old_app_secret=options.old_app_secret,
        tokens=(token,) if token else (),
        api_key=options.api_key,
        display_phone_number=options.display_phone_number,
        more_accounts=read_accounts(Path(options.accounts)) if options.accounts else (),
        phone_number_id=options.phone_number_id,
        waba_id=options.waba_id,
        company=options.company,
        country_code=options.country_code,
        time_zone=options.time_zone,
        templates=read_templates(Path(options.templates)) if options.templates else (),
        state_file=Path(options.state) if options.state else None,
        random_ids=options.random_ids,
        frozen_clock=options.frozen_clock,
        start=datetime.fromisoformat(options.start).astimezone(UTC) if options.start else None,
        rewrite_numbers=not options.keep_numbers,
        sent_after=options.sent_after,
        delivered_after=options.delivered_after,
        approve_after=options.approve_after if options.approve_after >= 0 else None,
        trusted_hosts=(*LOOPBACK_HOSTS, *options.trust_host),
    )


def parser() -> argparse.ArgumentParser:
    """Return what the program understands; the defaults of texts come from the environment where it has them."""
    made = argparse.ArgumentParser(prog="python -m sandbox.whatsapp", description=__doc__)
    plain = Settings(app_secret="unused")  # noqa: S106 (only to read the defaults)
    texts = {
        "host": "127.0.0.1",
        "app-secret": "",
        "app-secret-file": "",
        "token": "",
        "token-file": "",
        "old-app-secret": plain.old_app_secret,
        "api-key": "",
        "webhook-url": "",
        "accounts": "",
        "templates": "",
        "state": "",
        "phone-number-id": plain.phone_number_id,
        "waba-id": plain.waba_id,
        "display-phone-number": plain.display_phone_number,
        "company": plain.company,
        "country-code": plain.country_code,
        "time-zone": plain.time_zone,
        "start": "",
    }
    for name, default in texts.items():
        variable = "RESGUARDO_SIM_" + name.upper().replace("-", "_")
        made.add_argument(f"--{name}", default=os.environ.get(variable, default))
    made.add_argument("--port", type=int, default=int(os.environ.get("RESGUARDO_SIM_PORT", "8704")))
    for name, seconds in (("sent-after", plain.sent_after), ("delivered-after", plain.delivered_after)):
        made.add_argument(f"--{name}", type=float, default=seconds)
    made.add_argument("--approve-after", type=float, default=1.0)
    made.add_argument("--trust-host", action="append", default=[])
    for flag in ("frozen-clock", "random-ids", "keep-numbers", "insecure-public"):
        made.add_argument(f"--{flag}", action="store_true")
    return made


def _secret(value: str, file_name: str) -> str:
    """Return the whole first line of the file, else the value given on the command line."""
    return Path(file_name).read_text("utf-8").split("\n", 1)[0].strip() if file_name else value


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
