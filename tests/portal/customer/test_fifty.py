"""Fifty clients want one slot at the same moment, over real HTTP, on both databases: one gets it, all are answered."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from intake.links import LinkSigner
from records.links import UploadLink
from records.organizations import Organization
from records.uploads import Upload
from tests.intake.building import a_world
from tests.portal.customer.conftest import Live, running_site
from tests.portal.customer.test_live import Phone, documents
from tests.portal.customer.test_tus import BODY, metadata

CLIENTS = 50


@pytest.fixture
def live(database_url: str, tmp_path: Path, signer: LinkSigner) -> Iterator[Live]:
    """The portal's processes with as many threads as in production, on SQLite and on PostgreSQL."""
    with running_site(tmp_path, database_url, threads=128) as site:
        world = a_world(site.database, site.blobs, keys=site.keys)
        yield Live(site=site, world=world, token=signer.token(world.link_id))


def at_once(live: Live, body: bytes) -> Counter[tuple[int, str]]:
    """What fifty clients are answered that send a file to one slot: status and code."""
    phone, together = Phone(live), Barrier(CLIENTS)
    said = metadata(slot=live.world.slots[0], filename="ine.jpg", filetype="image/jpeg")
    headers = phone.headers(Upload_Length="4", Upload_Metadata=said, Content_Type=BODY)

    def send(_: int) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=60)) as connection:
            connection.connect()
            together.wait()
            connection.request("POST", "/e/uploads", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text)["code"] if text else ""

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(send, range(CLIENTS)))


@pytest.mark.parametrize("body", [b"", b"data"], ids=["opened", "with the file"])
def test_of_fifty_parallel_uploads_to_one_slot_one_wins_and_all_others_are_told_why(live: Live, body: bytes) -> None:
    answers = at_once(live, body)
    assert answers.pop((201, "")) == 1
    assert set(answers) <= {(409, "slot_taken"), (423, "upload_busy")}
    assert answers.total() == CLIENTS - 1
    assert documents(live) == (1 if body else 0)
    with live.world.database.reading() as session:
        link = session.get_one(UploadLink, live.world.link_id)
        organization = session.get_one(Organization, link.org_id)
        opened = session.scalar(select(func.count()).where(Upload.link_id == link.id))
    assert (opened, link.used_files, link.used_attempts, organization.used_files) == (1, 1, 1, 1)
