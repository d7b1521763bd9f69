"""The main job, seen by everyone who takes part: CRM, customer's phone, executive, compliance officer, verifier."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.conftest import Bucket
from tests.e2e.browsers import DESK, context
from tests.e2e.flow import main_job
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import Desk


def test_a_customer_is_asked_sends_is_reviewed_and_the_record_verifies(
    here: Installation, phone: BrowserContext, team: Callable[[str], Desk], tmp_path: Path
) -> None:
    main_job(here, phone, team, call_as_printed(here), tmp_path)


def test_the_same_works_in_a_browser_that_runs_no_scripts(
    here: Installation, simple_phone: BrowserContext, team: Callable[[str], Desk], tmp_path: Path
) -> None:
    main_job(here, simple_phone, team, here.ask(), tmp_path, script=False)


def test_the_same_works_on_postgresql_and_s3(
    scaled_out: Installation, browser: Browser, phone: BrowserContext, tmp_path: Path
) -> None:
    def desk(login: str) -> Desk:
        somebody = Desk(scaled_out, context(browser, **DESK), login)
        somebody.sign_in()
        return somebody

    main_job(scaled_out, phone, desk, scaled_out.ask(), tmp_path)
    assert not (scaled_out.stack.site.layout.data / "resguardo.db").exists()
    assert not list((scaled_out.stack.site.layout.data / "blobs").iterdir())


@pytest.fixture
def scaled_out(postgres_database: str, s3_bucket: Bucket, tmp_path: Path) -> Iterator[Installation]:
    """The product on PostgreSQL and an S3 store."""
    secret = tmp_path / "s3-secret"
    secret.write_text(s3_bucket.secret_key + "\n")
    secret.chmod(0o600)
    installation = Installation(
        tmp_path / "installation",
        database_url=postgres_database,
        blobs=f"s3://{s3_bucket.name}",
        storage_settings={
            "S3_ENDPOINT": s3_bucket.endpoint_url,
            "S3_REGION": s3_bucket.region,
            "S3_KEY_ID": s3_bucket.access_key,
            "S3_SECRET_FILE": str(secret),
        },
    )
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()


def call_as_printed(here: Installation) -> Asked:
    """Run the `curl` that `make run` prints."""
    done = subprocess.run(["bash", "-c", str(here.stack.demo["curl"])], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    return Asked(id=answer["id"], name="Ana López", phone="+525512345678", reference="CRM-4711", link=None)
