"""Wiring of the administration commands: settings in, one command run. The only module here that reads configuration.

Settings are read when a command first asks for them, so that commands which need none (`keys`, `inspect`, `receipt`,
`whatsapp`) run anywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from audit.errors import AuditError
from config.errors import ConfigError
from config.secrets import read_public_key, read_secret_text
from config.settings import CliSettings
from intake.filing import FilingError
from notifications.connectors.setting_up import ConnectorRefused
from portal.cli import (
    apikeys,
    connectors,
    contacting,
    escrow,
    inspecting,
    integrations,
    keys,
    members,
    organizations,
    publishing,
    receipts,
    trail,
    webhooks,
    whatsapp,
)
from portal.cli import database as migrations
from portal.cli.session import CommandRefused, Wiring
from records.errors import RecordsError
from storage.database import Database
from storage.keyring.errors import KeyringError
from storage.sealing.box import Box
from storage.sealing.errors import SealingError

EXPECTED = (
    *(CommandRefused, ConfigError, RecordsError, AuditError, KeyringError, SealingError, FilingError),
    ConnectorRefused,
)
"""Families whose messages hold ids and rules only: they are told to the operator in one line."""


class Commands(click.Group):
    """A group that says every expected refusal in one line and ends with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except EXPECTED as error:
        raise click.ClickException(f"{error} [{error.code}]") from None
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in item["loc"]) + f": {item['msg']}" for item in error.errors()})
        raise click.ClickException("; ".join(places)) from None
    except DBAPIError as error:
        raise click.ClickException(f"the database refused: {type(error.orig).__name__}") from None


@click.group(cls=Commands)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Administration of Resguardo. Every change is recorded in the audit trail."""
    if ctx.obj is None:
        ctx.obj = _wiring(ctx)


def _wiring(ctx: click.Context) -> Wiring:
    @cache
    def settings() -> CliSettings:
        return CliSettings.load()

    @cache
    def database() -> Database:
        opened = Database(settings().database_url)
        ctx.call_on_close(opened.dispose)
        return opened

    return Wiring(
        database=database,
        staff_box=lambda: Box([settings().staff_box_key()]),
        courier_box=lambda: Box([settings().courier_box_key()]),
        gateway_box=lambda: Box([settings().gateway_box_key()]),
        secret_text=read_secret_text,
        public_key=read_public_key,
    )


for group in (
    organizations.organization,
    organizations.team,
    members.member,
    publishing.notice,
    publishing.template,
    apikeys.apikey,
    integrations.sender,
    keys.keys,
    trail.audit,
    receipts.receipt,
    migrations.database,
    inspecting.inspect,
    escrow.escrow,
    whatsapp.whatsapp,
    webhooks.webhook,
    connectors.connector,
):
    cli.add_command(group)
organizations.organization.add_command(contacting.set_rules)
organizations.organization.add_command(contacting.set_sms)
