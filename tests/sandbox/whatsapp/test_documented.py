"""docs/sandbox.md tells the truth: its commands run, and everything that can be turned is in it."""

import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox.whatsapp.__main__ import parser
from sandbox.whatsapp.app import create_app
from sandbox.whatsapp.entities import FATES, Fate
from sandbox.whatsapp.faults import PRESETS, TARGETS
from sandbox.whatsapp.knobs import Knobs
from sandbox.whatsapp.limits import Rules
from sandbox.whatsapp.settings import Settings
from tests.sandbox.whatsapp.stage import TOKEN, staged

GUIDE = (Path(__file__).resolve().parents[3] / "docs/sandbox.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_every_command_of_the_guide_runs() -> None:
    examples = [block for block in BLOCKS if "curl" in block]
    assert len(BLOCKS) == len(examples) + 2  # the start, and the names that the examples use
    with staged(templates=(), frozen_clock=False) as stage:
        names = {
            "SIM": stage.url,
            "NUMBER": stage.settings.phone_number_id,
            "WABA": stage.settings.waba_id,
            "TOKEN": TOKEN,
        }
        for block in examples:
            command = ["bash", "-euo", "pipefail", "-c", block]
            done = subprocess.run(
                command, env=os.environ | names, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, block + done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *FATES,
        *PRESETS,
        *TARGETS,
        *(one.name for kind in (Knobs, Rules, Fate) for one in fields(kind)),
    ],
)
def test_everything_that_can_be_turned_is_in_the_guide(name: str) -> None:
    assert f"`{name}`" in GUIDE or f'"{name}"' in GUIDE


def test_every_option_and_every_address_of_the_control_plane_is_in_the_guide() -> None:
    options = {option for action in parser()._actions for option in action.option_strings if option.startswith("--")}
    assert sorted(option for option in options - {"--help"} if option not in GUIDE) == []
    app = create_app(Settings(app_secret="x"))
    app.extensions["simulator"].stop()
    paths = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/sim/")}
    roots = {path.partition("/<")[0] for path in paths}
    assert sorted(root for root in roots if root not in GUIDE) == []
