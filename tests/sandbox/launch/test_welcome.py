"""What people are told: the reason of a failed start, and codes that work."""

from pathlib import Path

import pyotp
import pytest

from sandbox.launch.welcome import last_words, with_codes


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "it says nothing"),
        ("starting\nthe cellar is flooded\n", "the cellar is flooded"),
        ('Traceback (most recent call last):\n  File "x"\nOSError: busy\n', "OSError: busy"),
        (
            '{"event": "x", "exception": {"type": "config.errors.SettingsRefused", "says": "RESGUARDO_X is missing"}}\n'
            '{"event": "Reason: Worker failed to boot."}\ngunicorn.errors.HaltServer: <HaltServer>\n',
            "config.errors.SettingsRefused RESGUARDO_X is missing",
        ),
        ('{"event": "one"}\n{"event": "two"}\n', '{"event": "two"}'),
    ],
)
def test_the_reason_of_a_failed_start_is_found_in_its_log(tmp_path: Path, log: str, reason: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_words(tmp_path / "log") == reason


def test_a_program_without_a_log_says_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "absent") == "it says nothing"


def test_every_login_carries_a_code_that_its_seed_gives() -> None:
    seed = pyotp.random_base32()
    (login,) = with_codes([{"role": "auditor", "email": "a@x.example", "password": "p", "totp_secret": seed}])
    assert pyotp.TOTP(seed).verify(login["code"], valid_window=1)
